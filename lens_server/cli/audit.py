"""`lens audit`: judge an index by a rulebook, for people and for CI."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from indexer.errors import InvalidInput, Untrustworthy
from indexer.progress import Progress, Silent
from lens_client import LensClient, LensServerError
from lens_server.audit.baseline import read_baseline
from lens_server.audit.check import AuditOptions, run_audit
from lens_server.audit.explain import explain_rule
from lens_server.audit.laboratory import IMAGES
from lens_server.audit.lock import held_lock, lock_path, write_lock
from lens_server.audit.looking import look
from lens_server.audit.probe_set import probe_set
from lens_server.audit.reading import SHIPPED, EmptyRulebook, ReadRulebook, read_rulebook
from lens_server.audit.renderers import render
from lens_server.audit.renderers.audit_json import to_json
from lens_server.audit.verdicts import NOTHING, UNTRUSTED
from lens_server.audit.waiver_reading import read_waivers
from lens_server.cli.faults import tell
from lens_server.cli.progress import TerminalProgress
from lens_server.cli.retold import Retold
from lens_server.cli.targets import is_served
from lens_server.lens import Lens
from lens_server.report import Report

_WARNED = (1, 3)
_JUDGED, _KEPT, _HISTORY = "How it is judged", "What is written", "Waivers and baselines"

T = TypeVar("T")
Formats = Literal["text", "json", "junit", "sarif", "md", "github", "html"]
_SUFFIXES: dict[str, Formats] = {
    ".json": "json",
    ".xml": "junit",
    ".sarif": "sarif",
    ".md": "md",
    ".html": "html",
    ".txt": "text",
}


def audit(
    target: Annotated[
        str | None, typer.Argument(help="An index folder, or grpc://host:port/index.", show_default=False)
    ] = None,
    rulebook: Annotated[
        str | None,
        typer.Argument(help=f"A YAML file, or a shipped one: {', '.join(SHIPPED)}.", show_default=False),
    ] = None,
    format_: Annotated[
        Formats | None,
        typer.Option(
            "--format", "-f", help="What is printed; text by default.", rich_help_panel=_KEPT, show_default=False
        ),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            help="Write a report: .json .xml .sarif .md .html .txt say which, or --format; may be repeated.",
            rich_help_panel=_KEPT,
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="An earlier audit.json: what is new, fixed, worse.", rich_help_panel=_HISTORY, show_default=False
        ),
    ] = None,
    waivers: Annotated[
        Path | None, typer.Option(help="A YAML file of waivers.", rich_help_panel=_HISTORY, show_default=False)
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="A waiver that matches nothing is an error.", rich_help_panel=_HISTORY)
    ] = False,
    presence: Annotated[
        Literal["columns", "foundation"],
        typer.Option(help="Who says which images show a concept: label columns, or the foundation model always."),
    ] = "columns",
    interventions: Annotated[
        bool,
        typer.Option(
            help="Tier 3: paste overlays, ablate neurons; needs the subject. Without it those rules are inconclusive.",
            rich_help_panel=_JUDGED,
        ),
    ] = True,
    images: Annotated[
        int, typer.Option(help="Images that overlays are pasted on.", min=20, max=2000, rich_help_panel=_JUDGED)
    ] = IMAGES,
    training: Annotated[
        str,
        typer.Option(
            help="Dataset or index the subject was trained on; an image of it in the probe set is refused.",
            rich_help_panel=_JUDGED,
            show_default=False,
        ),
    ] = "",
    lock: Annotated[
        bool,
        typer.Option(
            "--lock",
            help="Only write RULEBOOK.lock: what the foundation model sees, so that CI needs neither it nor torch.",
            rich_help_panel=_KEPT,
        ),
    ] = False,
    warn_only: Annotated[
        bool,
        typer.Option("--warn-only", help="End with 0 for 1 and 3; the report says the truth."),
    ] = False,
    signed_by: Annotated[str, typer.Option(help="Who signs; stands in the report.", show_default=False)] = "",
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="RULE", help="Say in words what a rule measures; needs a rulebook only.", show_default=False
        ),
    ] = None,
    lint: Annotated[bool, typer.Option("--lint", help="Only check the rulebook.")] = False,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load pickled weights, which can run code.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Judge a subject by a rulebook: what it must know, and what it must not rely on.

    Exit status: 0 kept or waived, 1 a blocking rule broken, 2 bad input, 3 undecided or a control failed,
    4 cannot be trusted (digests, spaces, overlap with training), 5 nothing evaluated, 70 internal error.
    """
    if explain is not None or lint:
        _about_rulebook(_given(rulebook or target, "a rulebook"), explain)
        return
    where, which = _given(target, "an index"), _given(rulebook, "a rulebook")

    def judge() -> Report | None:
        read = read_rulebook(which)
        progress: Progress = Silent() if quiet else TerminalProgress()
        for warning in read.warnings:
            progress.note(warning)
        options = AuditOptions(
            name=read.path,
            lines=tuple(read.lines.items()),
            waivers=read_waivers(waivers) if waivers is not None else None,
            baseline=read_baseline(baseline, read.rulebook),
            read_by=presence,
            interventions=interventions,
            images=images,
            training=training,
            strict=strict,
            warn_only=warn_only,
            signer=signed_by,
            trust_pickle=trust_pickle,
        )
        if is_served(where):
            return _asked_of_server(where, which, options, waivers, progress)
        if lock:
            _locked(where, which, read, options, progress)
            return None
        return _judged_here(where, which, read, options, progress)

    report = _ending(judge)
    if report is None:
        return
    _write(report, out or [], format_ or ("json" if as_json else None))
    raise typer.Exit(0 if warn_only and report.exit_status in _WARNED else report.exit_status)


def _judged_here(where: str, which: str, read: ReadRulebook, options: AuditOptions, progress: Progress) -> Report:
    lock = held_lock(which)
    if lock is not None:
        progress.note(f"What the foundation model sees is taken from {lock_path(which)}.")
    lens = Lens.open(where, trust_pickle=options.trust_pickle)
    return run_audit(lens, read.rulebook, replace(options, lock=lock), progress)


def _locked(where: str, which: str, read: ReadRulebook, options: AuditOptions, progress: Progress) -> None:
    lens = Lens.open(where, trust_pickle=options.trust_pickle)
    shown = probe_set(lens.index, read.rulebook.target.group_by)
    path = lock_path(which)
    write_lock(look(lens, read.rulebook, shown, progress), read.rulebook, lens.index.manifest, path)
    typer.echo(f"{path}: tiers 1 and 2 of this rulebook need no foundation model on this probe set any more.")


def _asked_of_server(where: str, which: str, options: AuditOptions, waivers: Path | None, progress: Progress) -> Report:
    if options.training or options.trust_pickle:
        raise InvalidInput(
            "--training and --trust-pickle work on an index folder only.", hint="Run the audit where the index lies."
        )
    held = lock_path(which)
    with LensClient(where) as client, Retold(progress) as retold:
        return client.audit(
            which if which in SHIPPED else Path(which),
            waivers=waivers,
            baseline=to_json(options.baseline).encode() if options.baseline is not None else None,
            lock=held if held.is_file() else None,
            presence=options.read_by,
            interventions=options.interventions,
            images=options.images,
            warn_only=options.warn_only,
            strict=options.strict,
            signer=options.signer,
            on_progress=retold,
        )


def _about_rulebook(which: str, rule: str | None) -> None:
    def say() -> None:
        read = read_rulebook(which)
        if rule is not None:
            typer.echo(explain_rule(read.rulebook, rule))
            return
        for warning in read.warnings:
            typer.echo(warning)
        rules = len(read.rulebook.rules)
        typer.echo(f"{read.path}: {rules} {'rule' if rules == 1 else 'rules'}, no faults.")

    _ending(say)


def _ending(work: Callable[[], T]) -> T:
    """Run, and end with the audit's own statuses for what cannot be trusted and for a rulebook that says nothing."""
    try:
        return work()
    except EmptyRulebook as fault:
        tell(fault)
        raise typer.Exit(NOTHING) from None
    except Untrustworthy as fault:
        tell(fault)
        raise typer.Exit(UNTRUSTED) from None
    except LensServerError as fault:
        if fault.reason != "UNTRUSTWORTHY":
            raise
        tell(fault)
        raise typer.Exit(UNTRUSTED) from None


def _write(report: Report, files: Sequence[Path], chosen: Formats | None) -> None:
    for path in files:
        drawn = render(report, _SUFFIXES.get(path.suffix.lower(), chosen or "text"))
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        beside.write_text(drawn, encoding="utf-8")
        beside.replace(path)
    if chosen is not None and files and all(_SUFFIXES.get(path.suffix.lower(), chosen) == chosen for path in files):
        return
    typer.echo(render(report, chosen or "text"), nl=False)


def _given(value: str | None, what: str) -> str:
    if value is None:
        raise InvalidInput(
            f"The audit needs {what}.", hint="lens audit INDEX RULEBOOK, e.g. lens audit demo/clean lesions"
        )
    return value
