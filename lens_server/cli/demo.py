"""`lens demo`: two models of the lesion world, one with a planted shortcut, down to the neuron that carries it."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from indexer.config import read_config
from indexer.pipeline import build_index
from lens_client import LensClient
from lens_server.answers import Hit
from lens_server.cli import output
from lens_server.cli.ask import drawn
from lens_server.cli.progress import TerminalProgress
from lens_server.pictures import card_picture, save_picture, search_picture
from lens_server.rpc.server import serve

QUERIES = ("colour patch", "ruler", "irregular border")
SUBJECTS = ("clean", "shortcut-patch")
_LAYER, _CLASS, _ALPHA = "block4", "malignant", 0.01


class Model(NamedTuple):
    """One of the two, behind the server."""

    name: str
    client: LensClient
    relevance: dict[str, tuple[float, float]]
    """Signed and absolute, to the class, per living neuron."""


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
        with LensClient(address, SUBJECTS[0]) as first, LensClient(address, SUBJECTS[1]) as second:
            clean, shortcut = (Model(n, c, _relevance(c)) for n, c in zip(SUBJECTS, (first, second), strict=True))
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


def _search(model: Model, out: Path, console: Console) -> None:
    answers = model.client.search(list(QUERIES), limit=3)
    output.print_search(answers)
    save_picture(search_picture(drawn(model.client, answers)), out / "search.png")
    console.print(f"Their exemplars: {out / 'search.png'}")


def _label(model: Model, console: Console) -> None:
    console.print(
        f"\n[bold]3. Label[/] the shortcut model's neurons that push most towards {_CLASS}, from the dermoscopy list"
    )
    wanted = sorted(model.relevance, key=lambda neuron: -model.relevance[neuron][0])[:8]
    labels = {each.neuron.id: each for each in model.client.label("dermoscopy", alternatives=3)}
    output.print_labels(labels[neuron] for neuron in wanted)


def _compare(clean: Model, shortcut: Model, console: Console) -> None:
    console.print("\n[bold]4. Compare[/] the two models by what their neurons mean")
    output.print_sets(clean.client.diff(shortcut.name, limit=3), 3)


def _carriers(clean: Model, shortcut: Model, out: Path, console: Console) -> None:
    console.print(
        f"\n[bold]5. Which neuron carries the shortcut?[/] Of those aligned with {QUERIES[0]!r} (p ≤ {_ALPHA}):"
    )
    for model in (clean, shortcut):
        found = _found(model)
        share = sum(each.absolute for each in found) / sum(absolute for _, absolute in model.relevance.values())
        push = max((each.signed for each in found), default=0.0)
        console.print(
            f"  {model.name:<16}{len(found):>3} neurons, {share:.0%} of the relevance to {_CLASS}; "
            f"strongest push {push:+.3f}"
        )
    found = _found(shortcut)
    if not found:
        console.print("  No neuron of the shortcut model is significantly aligned; try more --samples.")
        return
    carrier = max(found, key=lambda each: each.signed)
    name, alignment = carrier.hit.neuron.id, carrier.hit.alignment
    save_picture(card_picture(shortcut.client.neuron(name, thumbnails=True)), out / "shortcut-neuron.png")
    console.print(
        f"  [bold]{shortcut.name} {name}[/]: alignment {alignment:.3f}, adds {carrier.signed:+.3f} to the {_CLASS}"
        " logit on average."
    )
    console.print(f"Its exemplars: {out / 'shortcut-neuron.png'}")


def _found(model: Model) -> list[Carrier]:
    hits = model.client.search(QUERIES[0], limit=len(model.relevance))[0].hits
    return [Carrier(hit, *model.relevance[hit.neuron.id]) for hit in hits if hit.p is not None and hit.p <= _ALPHA]


def _relevance(client: LensClient) -> dict[str, tuple[float, float]]:
    found = {}
    for neuron in client.neurons(page_size=1000).neurons:
        card = client.neuron(neuron.id, exemplars=0, similar=0)
        found[neuron.id] = next((each.signed, each.absolute) for each in card.relevance if each.class_name == _CLASS)
    return found


def _next(out: Path, console: Console) -> None:
    console.print("\n[bold]Next[/]")
    for line in (
        f"lens search {out / SUBJECTS[1]} 'dark corner' --png found.png",
        f"lens show {out / SUBJECTS[1]}",
        f"lens serve {out / SUBJECTS[0]} {out / SUBJECTS[1]}",
        "lens build --help        # your own model and images",
    ):
        console.print(f"  {line}", markup=False)
