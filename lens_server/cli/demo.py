"""`lens demo`: two models of the lesion world, one with a planted shortcut, down to the neuron that carries it."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from indexer.config import read_config
from indexer.pipeline import build_index
from lens_client import LensClient
from lens_server.answers import Hit, IndexSummary, Where
from lens_server.cli import output
from lens_server.cli.ask import drawn
from lens_server.cli.progress import TerminalProgress
from lens_server.pictures import card_picture, save_picture, search_picture
from lens_server.rpc.server import serve
from lens_server.vocabularies import read_vocabulary

QUERIES = ("colour patch", "ruler", "irregular border")
SUBJECTS = ("clean", "shortcut-patch")
_LAYER, _CLASS, _ALPHA = "block4", "malignant", 0.01


class Carrier(NamedTuple):
    """A neuron that knows the artefact, and what it contributes to the class."""

    hit: Hit
    signed: float
    absolute: float


def demo(
    out: Annotated[Path, typer.Option(help="Where the two indexes and the pictures go.")] = Path("demo"),
    samples: Annotated[int, typer.Option(help="Lesions to show each subject.", min=100)] = 1200,
) -> None:
    """Build, serve, search, label and compare two small models; find the neuron that carries a planted shortcut."""
    console = Console(highlight=False, soft_wrap=True)
    console.print("[bold]1. Build[/]: two skin-lesion classifiers. One learnt that a colour patch means malignant.")
    folders = [_build(name, out, samples) for name in SUBJECTS]
    console.print(f"\n[bold]2. Serve[/] both over gRPC and ask through the client: {', '.join(map(repr, QUERIES))}")
    with serve(folders, "127.0.0.1:0") as running:
        address = f"grpc://127.0.0.1:{running.port}"
        with LensClient(address, SUBJECTS[0]) as clean, LensClient(address, SUBJECTS[1]) as shortcut:
            _search(shortcut, out, console)
            _label(shortcut, console)
            _compare(clean, shortcut, console)
            _carriers(clean, shortcut, out, console)
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
    return build_index(read_config(None, settings), replace=True, progress=TerminalProgress())


def _search(client: LensClient, out: Path, console: Console) -> None:
    answers = client.search(list(QUERIES), limit=3)
    output.print_search(answers)
    save_picture(search_picture(drawn(client, answers)), out / "search.png")
    console.print(f"Their exemplars: {out / 'search.png'}")


def _label(client: LensClient, console: Console) -> None:
    console.print(
        f"\n[bold]3. Label[/] the shortcut model's ten neurons most relevant to {_CLASS}, from the dermoscopy list"
    )
    shares = sorted(_relevance(client).items(), key=lambda item: -abs(item[1][0]))
    wanted = [neuron for neuron, _ in shares[:10]]
    labels = {each.neuron.id: each for each in client.label(read_vocabulary("dermoscopy"), alternatives=3)}
    output.print_labels(labels[neuron] for neuron in wanted)


def _compare(clean: LensClient, shortcut: LensClient, console: Console) -> None:
    console.print("\n[bold]4. Compare[/] the two models, neuron by neuron, by what the neurons mean")
    output.print_sets(clean.diff(SUBJECTS[1], limit=3), 3)


def _carriers(clean: LensClient, shortcut: LensClient, out: Path, console: Console) -> None:
    console.print(
        f"\n[bold]5. Which neuron carries the shortcut?[/] Aligned with {QUERIES[0]!r} (p ≤ {_ALPHA}) "
        f"and pushing towards {_CLASS}:"
    )
    for client, name in ((clean, SUBJECTS[0]), (shortcut, SUBJECTS[1])):
        found = _found(client)
        total = sum(absolute for _, absolute in _relevance(client).values())
        share = sum(each.absolute for each in found) / total
        push = max((each.signed for each in found), default=0.0)
        console.print(
            f"  {name:<16}{len(found):>3} neurons, {share:.0%} of the relevance to {_CLASS}; strongest push {push:+.2f}"
        )
    found = _found(shortcut)
    if not found:
        console.print("  No neuron of the shortcut model is significantly aligned; try more --samples.")
        return
    carrier = max(found, key=lambda each: each.signed)
    card = shortcut.neuron(carrier.hit.neuron.id, thumbnails=True)
    save_picture(card_picture(card), out / "shortcut-neuron.png")
    patched = f"{SUBJECTS[1]} {carrier.hit.neuron.id}"
    console.print(
        f"  [bold]{patched}[/]: alignment {carrier.hit.alignment:.3f}, "
        f"adds {carrier.signed:+.2f} to the {_CLASS} logit."
    )
    console.print(f"Its exemplars: {out / 'shortcut-neuron.png'}")


def _found(client: LensClient) -> list[Carrier]:
    relevance = _relevance(client)
    hits = client.search(QUERIES[0], limit=_units(client.describe()))[0].hits
    return [Carrier(hit, *relevance[hit.neuron.id]) for hit in hits if hit.p is not None and hit.p <= _ALPHA]


def _relevance(client: LensClient) -> dict[str, tuple[float, float]]:
    """Signed and absolute relevance to the class, per living neuron."""
    found = {}
    for neuron in client.neurons(Where(relevant_to=_CLASS), page_size=1000).neurons:
        card = client.neuron(neuron.id, exemplars=0, similar=0)
        found[neuron.id] = next((each.signed, each.absolute) for each in card.relevance if each.class_name == _CLASS)
    return found


def _units(summary: IndexSummary) -> int:
    return min(summary.neurons, 1000)


def _next(out: Path, console: Console) -> None:
    console.print("\n[bold]Next[/]")
    for line in (
        f"lens search {out / SUBJECTS[1]} 'dark corner' --png found.png",
        f"lens show {out / SUBJECTS[1]}",
        f"lens serve {out / SUBJECTS[0]} {out / SUBJECTS[1]}",
        "lens build --help        # your own model and images",
    ):
        console.print(f"  {line}", markup=False)
