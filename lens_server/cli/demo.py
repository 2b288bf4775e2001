"""`lens demo`: two models of the lesion world, one with a planted shortcut, down to the neuron that carries it."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from indexer.config import read_config
from indexer.datasets.lesions import CONCEPTS
from indexer.pipeline import build_index
from lens_client import LensClient
from lens_server.answers import Label
from lens_server.audit.check import AuditOptions, run_audit
from lens_server.audit.reading import read_rulebook
from lens_server.audit.renderers import render
from lens_server.cli import output
from lens_server.cli.progress import TerminalProgress
from lens_server.cli.search import drawn
from lens_server.lens import Lens
from lens_server.pictures import card_picture, save_picture, search_picture
from lens_server.report import Verdict
from lens_server.rpc.server import serve

QUERIES = ("colour patch", "ruler", "irregular border")
SUBJECTS = ("clean", "shortcut-patch")
_RULEBOOK = "lesions"
_LAYER, _CLASS, _PLANTED = "block4", "malignant", QUERIES[0]


class Model(NamedTuple):
    """One of the two, behind the server."""

    name: str
    client: LensClient
    labels: tuple[Label, ...]
    """Of every living neuron, from the words tiny-clip was taught."""
    relevance: dict[str, float]
    """Mean absolute contribution to the class, per neuron."""


def demo(
    out: Annotated[Path, typer.Option(help="Where the two indexes and the pictures go.")] = Path("demo"),
    samples: Annotated[int, typer.Option(help="Lesions to show each subject.", min=100)] = 1200,
) -> None:
    """Build, serve, search, label, compare and audit two small models; find the neuron that carries a shortcut."""
    console = Console(highlight=False, soft_wrap=True)
    console.print("[bold]1. Build[/]: two skin-lesion classifiers. One learnt that a colour patch means malignant.")
    folders = [_build(name, out, samples) for name in SUBJECTS]
    console.print(f"\n[bold]2. Serve[/] both over gRPC and ask through the client: {', '.join(map(repr, QUERIES))}")
    with serve(folders, "127.0.0.1:0") as running:
        address = f"grpc://127.0.0.1:{running.port}"
        with LensClient(address, SUBJECTS[0]) as first, LensClient(address, SUBJECTS[1]) as second:
            clean, shortcut = _model(SUBJECTS[0], first), _model(SUBJECTS[1], second)
            _search(shortcut, out, console)
            _label(shortcut, console)
            _compare(clean, shortcut, console)
            _carriers(clean, shortcut, out, console)
    _audits(out, console)
    _next(out, console)


def _build(name: str, out: Path, samples: int) -> Path:
    settings = {
        "subject": {"name": f"lesion:{name}"},
        "dataset": {"name": f"lesions:{samples},seed=2024"},
        "collect": {"layers": (_LAYER,)},
        "foundation": {"name": "tiny-clip"},
        "relevance": {"classes": True},
        "out": out / name,
    }
    return build_index(read_config(None, settings), resume=True, replace=True, progress=TerminalProgress())


def _model(name: str, client: LensClient) -> Model:
    labels = tuple(client.label([concept.prompt for concept in CONCEPTS.values()], alternatives=3))
    cards = [client.neuron(label.neuron.id, exemplars=0, similar=0) for label in labels]
    relevance = {
        card.neuron.id: next(each.absolute for each in card.relevance if each.class_name == _CLASS) for card in cards
    }
    return Model(name, client, labels, relevance)


def _search(model: Model, out: Path, console: Console) -> None:
    answers = model.client.search(list(QUERIES), limit=3)
    output.print_search(answers)
    save_picture(search_picture(drawn(model.client, answers)), out / "search.png")
    console.print(f"Their exemplars: {out / 'search.png'}")


def _label(model: Model, console: Console) -> None:
    console.print(f"\n[bold]3. Label[/] {model.name}'s neurons that matter most for {_CLASS}")
    output.print_labels(sorted(model.labels, key=lambda each: -model.relevance[each.neuron.id])[:8])


def _compare(clean: Model, shortcut: Model, console: Console) -> None:
    console.print("\n[bold]4. Compare[/] the two models by what their neurons mean")
    output.print_sets(clean.client.diff(shortcut.name, limit=3), 3)


def _carriers(clean: Model, shortcut: Model, out: Path, console: Console) -> None:
    console.print(f"\n[bold]5. Which neuron carries the shortcut?[/] Those named {_PLANTED!r}:")
    for model in (clean, shortcut):
        named = _named(model)
        share = sum(model.relevance[name] for name in named) / sum(model.relevance.values())
        console.print(
            f"  {model.name:<16}{len(named):>3} of {len(model.labels)} neurons, {share:.0%} of what moves {_CLASS}"
        )
    named = _named(shortcut)
    if not named:
        console.print("  None was found; try more --samples.")
        return
    carrier = max(named, key=lambda name: shortcut.relevance[name])
    card = shortcut.client.neuron(carrier, thumbnails=True)
    save_picture(card_picture(card), out / "shortcut-neuron.png")
    console.print(
        f"  [bold]{shortcut.name} {carrier}[/] matters most: it moves the {_CLASS} logit by"
        f" {shortcut.relevance[carrier]:.3f} on average. Its exemplars: {out / 'shortcut-neuron.png'}"
    )


def _named(model: Model) -> list[str]:
    return [label.neuron.id for label in model.labels if label.text == _PLANTED]


def _audits(out: Path, console: Console) -> None:
    console.print(
        f"\n[bold]6. Audit[/] both by the rulebook {_RULEBOOK!r}: what a lesion net must know, and must not rely on"
    )
    read = read_rulebook(_RULEBOOK)
    options = AuditOptions(name=read.path, lines=tuple(read.lines.items()))
    for name in SUBJECTS:
        report = run_audit(Lens.open(out / name), read.rulebook, options, TerminalProgress())
        console.print(f"  [bold]{name}[/]: {report.verdict.value}. {report.sentence} Exit status {report.exit_status}.")
        for finding in report.findings:
            if finding.blocking and finding.verdict is Verdict.FAIL:
                console.print(f"    {finding.rule}: {finding.sentence}", markup=False)
        page = out / f"audit-{name}.html"
        page.write_text(render(report, "html"), encoding="utf-8")
        console.print(f"    The report, with evidence: {page}", markup=False)


def _next(out: Path, console: Console) -> None:
    console.print("\n[bold]Next[/]")
    for line in (
        f"lens search {out / SUBJECTS[1]} 'dark corner' --png found.png",
        f"lens show {out / SUBJECTS[1]}",
        f"lens audit {out / SUBJECTS[1]} {_RULEBOOK}",
        f"lens audit {_RULEBOOK} --explain no-artefact-flip",
        f"lens serve {out / SUBJECTS[0]} {out / SUBJECTS[1]}",
        "lens build --help        # your own model and images",
    ):
        console.print(f"  {line}", markup=False)
