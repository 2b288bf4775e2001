"""An audit through every door has the same report, but for its times; a diff by concepts the same answer."""

import asyncio
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import LensError
from lens_client import AsyncLensClient, AuditProgress, LensClient, LensServerError
from lens_server.audit.check import AuditOptions, run_audit
from lens_server.audit.reading import parse_rulebook, read_rulebook
from lens_server.audit.renderers.audit_json import from_json, to_json
from lens_server.report import Report

RULEBOOK = """\
schema: concept-rules/v1
ruleset: {id: tiny.rules, version: "1.0.0", title: Three rules}
target: {classes: {benign: 0, malignant: 1}}
foundation_model: {name: index}
statistics: {null_draws: 200, bootstrap: 200, min_present: 5, min_absent: 5}
controls: {placebo_prompts: ["a bicycle"]}
concepts:
  - {id: patch, kind: spurious, prompts: ["colour patch"], overlay: colour_patch, label_column: patch}
  - {id: scale, kind: valid, assessable: never, because: no scale is known, needs: millimetres}
rules:
  - {id: no-flip, type: forbid, concepts: [patch], classes: [malignant], measure: flip_rate, max: 0.10,
     severity: critical, blocking: true}
  - {id: share, type: limit, concepts: [patch], measure: relevance_share, max: 0.001, aggregate: sum, severity: low}
  - {id: no-scale, type: declare, concepts: [scale], severity: info}
"""
WAIVERS = """\
schema: concept-waivers/v1
waivers:
  - {id: W-1, rule: share, model: any, accepted: {measure: relevance_share, upper_bound: 1.0}, reason: known,
     approved_by: somebody, ticket: T-1, created: "2026-01-01", expires: "2026-02-01"}
"""


def timeless(report: Report) -> Report:
    """All but what differs between two equal runs."""
    return replace(report, provenance=replace(report.provenance, started="", finished=""))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Rulebook and waivers as files."""
    folder = tmp_path_factory.mktemp("rules")
    found = {"rulebook": folder / "tiny.yaml", "waivers": folder / "waivers.yaml"}
    found["rulebook"].write_text(RULEBOOK)
    found["waivers"].write_text(WAIVERS)
    return found


@pytest.fixture(scope="module")
def here(lens: Any, files: dict[str, Path]) -> Report:
    """The report of the library."""
    read = read_rulebook(files["rulebook"])
    return run_audit(lens, read.rulebook, AuditOptions(name=read.path, lines=tuple(read.lines.items()), images=30))


def test_same_report(here: Report, client: LensClient, address: str, files: dict[str, Path]) -> None:
    """Pictures, intervals, digests and all."""
    seen: list[AuditProgress] = []
    there = client.audit(files["rulebook"], images=30, on_progress=seen.append)
    assert timeless(there) == timeless(here)
    assert there.pictures
    assert ("Measuring", 3, 3, "") in [(each.stage, each.done, each.total, each.note) for each in seen]

    async def ask() -> Report:
        async with AsyncLensClient(address) as opened:
            return await opened.audit(str(files["rulebook"]), images=30)

    assert timeless(asyncio.run(ask())) == timeless(here)


def test_same_options(lens: Any, here: Report, client: LensClient, files: dict[str, Path]) -> None:
    """Waivers, a baseline, no interventions, presence by the foundation model: as bytes or as paths."""
    from lens_server.audit.waivers import read_waivers

    read = parse_rulebook(RULEBOOK.encode(), "rulebook")
    options = AuditOptions(
        name="rulebook",
        lines=tuple(read.lines.items()),
        waivers=read_waivers(files["waivers"]),
        baseline=here,
        read_by="foundation",
        interventions=False,
        warn_only=True,
        signer="A. Auditor",
    )
    expected = run_audit(lens, read.rulebook, options)
    found = client.audit(
        RULEBOOK.encode(),
        waivers=files["waivers"],
        baseline=to_json(here).encode(),
        presence="foundation",
        interventions=False,
        warn_only=True,
        signer="A. Auditor",
    )
    assert timeless(found) == timeless(expected)
    assert found.waivers
    assert found.warn_only


def test_same_faults(lens: Any, client: LensClient, tmp_path: Path) -> None:
    """Every fault of a rulebook arrives, as the library lists them; what is refused later likewise."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(RULEBOOK.replace("severity:", "severty:").replace("kind:", "knd:"))
    with pytest.raises(LensError) as expected:
        read_rulebook(bad)
    with pytest.raises(LensServerError) as found:
        client.audit(bad)
    assert sorted(found.value.message.splitlines()) == sorted(expected.value.message.splitlines())
    assert found.value.reason == "RULEBOOK_FAULT"
    foreign = RULEBOOK.replace("{name: index}", "{name: another}").encode()
    with pytest.raises(LensError) as expected:
        run_audit(lens, parse_rulebook(foreign, "x").rulebook)
    with pytest.raises(LensServerError) as found:
        client.audit(foreign)
    assert (found.value.message, found.value.hint) == (expected.value.message, expected.value.hint)
    assert (found.value.code, found.value.reason) == ("FAILED_PRECONDITION", "UNTRUSTWORTHY")


@pytest.mark.parametrize("vocabulary", ["dermoscopy", ["ruler", "hair", "colour patch"]], ids=["named", "entries"])
def test_same_concepts(lens: Any, client: LensClient, address: str, lens_command: Any, vocabulary: Any) -> None:
    """Here = client = asyncio client."""
    expected = lens.diff_concepts(lens, vocabulary)
    assert expected.concepts
    assert client.diff_concepts(lens.name, vocabulary) == expected

    async def ask() -> Any:
        async with AsyncLensClient(address) as opened:
            return await opened.diff_concepts(lens.name, vocabulary)

    assert asyncio.run(ask()) == expected


def test_same_concepts_on_the_command_line(lens: Any, address: str, lens_command: Any) -> None:
    """Of folders, and of a server's indexes."""
    expected = json.loads(json.dumps(asdict(lens.diff_concepts(lens, "dermoscopy"))))
    folder = lens.index.folder
    for a, b in ((folder, folder), (address, address)):
        status, out, err = lens_command("diff", a, b, "--concepts", "dermoscopy", "--json")
        assert status == 0, err
        assert json.loads(out) == expected


def test_same_audit_on_the_command_line(
    lens: Any, address: str, lens_command: Any, files: dict[str, Path], tmp_path: Path
) -> None:
    """Of a folder and of a server: report and exit status, with waivers, a baseline and a lock."""
    rulebook, earlier = tmp_path / "locked.yaml", tmp_path / "earlier.json"
    rulebook.write_text(RULEBOOK)
    folder = lens.index.folder
    assert lens_command("audit", folder, rulebook, "--lock", "-q")[0] == 0
    options = ("--images", 30, "-q", "--json", "--signed-by", "A. Auditor", "--waivers", files["waivers"])
    status, out, err = lens_command("audit", folder, rulebook, *options)
    assert status in (0, 1, 3), err
    earlier.write_text(out)
    ended = [lens_command("audit", each, rulebook, *options, "--baseline", earlier) for each in (folder, address)]
    assert [each[0] for each in ended] == [status, status]
    here, there = (from_json(out) for _, out, _ in ended)
    assert timeless(here) == timeless(there)
    assert here.provenance.lock_digest
    assert {each.change for each in here.findings} != {None}


def test_same_exit_status_of_what_cannot_be_trusted(lens: Any, address: str, lens_command: Any, tmp_path: Path) -> None:
    """4 through either door, with the same words."""
    foreign = tmp_path / "foreign.yaml"
    foreign.write_text(RULEBOOK.replace("{name: index}", "{name: another}"))
    here, there = (lens_command("audit", each, foreign, "-q") for each in (lens.index.folder, address))
    assert here[0] == there[0] == 4
    assert here[2] == there[2]
