"""Does the rulebook fit the index? What it names must be there."""

from indexer.errors import InvalidInput, UnknownName, nearest_hint
from indexer.index.reader import Index
from lens_server.audit.rulebook import Rulebook
from lens_server.audit.scene import COLUMNS


def check_target(index: Index, rulebook: Rulebook, read_by: str) -> None:
    """Raise InvalidInput when the rulebook names classes, layers or columns that the index does not have."""
    for name, number in rulebook.target.classes.items():
        _check_class(name, number, index.manifest.subject.classes)
    for layer in rulebook.target.layers:
        if layer not in index.neurons.layers:
            raise UnknownName("layer of the index", layer, index.neurons.layers)
    if read_by == COLUMNS:
        _check_columns(index, rulebook)


def doubts(index: Index, rulebook: Rulebook) -> tuple[str, ...]:
    """What the rulebook says of its model and probe set, where the index says otherwise."""
    manifest, target = index.manifest, rulebook.target
    meant = {
        "model": (target.model, manifest.subject.name, manifest.subject.digest),
        "probe set": (target.probe_set, manifest.dataset.name, manifest.dataset.digest),
    }
    return tuple(
        f"The rulebook is written for the {what} {said!r}; the index holds {name!r}."
        for what, (said, name, digest) in meant.items()
        if said and said != name and said.removeprefix("sha256:") != digest
    )


def _check_class(name: str, number: int, known: tuple[str, ...]) -> None:
    said = f"The rulebook says class {name!r} is output {number}"
    if number >= len(known):
        outputs = f"the subject has outputs 0 to {len(known) - 1} ({', '.join(known)})" if known else "it has none"
        raise InvalidInput(f"{said}; {outputs}.", hint="Correct target.classes.")
    if name in known and known.index(name) != number:
        raise InvalidInput(f"{said}; the subject says it is {known.index(name)}.", hint="Correct target.classes.")


def _check_columns(index: Index, rulebook: Rulebook) -> None:
    columns = index.samples.columns
    for concept in rulebook.concepts:
        if concept.label_column and concept.label_column not in columns:
            near = nearest_hint(concept.label_column, columns)
            raise InvalidInput(
                f"Concept {concept.id!r} is read from column {concept.label_column!r}, which the probe set has not.",
                hint=f"{near} Or let the foundation model look: --presence foundation, or take label_column out.",
            )
