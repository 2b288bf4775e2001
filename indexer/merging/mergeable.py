"""Whether several indexes can be one: all that stands against it, at once."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from indexer.errors import InvalidInput
from indexer.index.manifest import LayerOrigin
from indexer.index.reader import Index

_NAMED, _LONG = 3, 120
_SETTINGS = ("thumbnail", "collect.percentiles", "collect.survey", "collect.polarity")


def check_mergeable(indexes: Sequence[Index], *, sharded: bool, relevance: bool) -> None:
    """Raise InvalidInput naming every difference, and everything that cannot be merged exactly."""
    for index in indexes:
        if index.manifest.kind == "text":
            raise InvalidInput(
                f"{index.folder} is an index of text neurons: those are not merged.",
                hint="Build one index of all layers and the whole corpus.",
            )
    first, faults = indexes[0], list[str]()
    wanted = _said(first, sharded=sharded, relevance=relevance)
    for other in indexes[1:]:
        said = _said(other, sharded=sharded, relevance=relevance)
        differing = [_difference(name, wanted[name], said[name]) for name in wanted if wanted[name] != said[name]]
        if not sharded and (columns := _columns_that_differ(first, other)):
            differing.append(f"the columns {', '.join(columns)} of their samples")
        if differing:
            faults.append(f"{first.folder} and {other.folder} differ in {', '.join(differing)}")
    faults += _samples_twice(indexes) if sharded else _layers_twice(indexes)
    faults += _inexact(first, relevance=relevance) if sharded else []
    if faults:
        cure = "Samples can be joined where subject, layers and settings are the same"
        raise InvalidInput(
            f"These indexes cannot be merged: {'; '.join(faults)}.",
            hint=f"{cure}." if sharded else f"{cure}; layers, where subject, samples and settings are.",
        )


def _said(index: Index, *, sharded: bool, relevance: bool) -> dict[str, str]:
    """What must be the same."""
    manifest = index.manifest
    said = {
        "the subject's weights": manifest.subject.digest,
        "the subject's preprocessing": manifest.subject.preprocessing,
        "the subject's precision": manifest.subject.precision,
        "the subject's classes": ", ".join(manifest.subject.classes),
        "the foundation model": manifest.foundation_model.digest,
        "the number of exemplars": str(manifest.exemplars),
        **{f"the setting {name}": _setting(index, name) for name in _SETTINGS},
    }
    if relevance:
        measured = index.relevance is not None
        most = f", {_setting(index, 'relevance.samples_per_class')} samples of a class"
        said["relevance"] = f"measured{most}" if measured else "not measured"
    if sharded:
        said["the layers and how they were read"] = "; ".join(_read(layer) for layer in manifest.layers)
        said["the columns of their samples"] = ", ".join(_own(index))
    return said


def _difference(name: str, a: str, b: str) -> str:
    return f"{name} ({a or 'none'} and {b or 'none'})" if len(a) + len(b) <= _LONG else name


def _columns_that_differ(a: Index, b: Index) -> list[str]:
    both = sorted({*_own(a), *_own(b)})
    return [name for name in both if not (name in a.samples and name in b.samples and _equal(a, b, name))]


def _equal(a: Index, b: Index, name: str) -> bool:
    return a.samples[name].equals(b.samples[name])


def _layers_twice(indexes: Sequence[Index]) -> list[str]:
    counted = Counter(layer.name for index in indexes for layer in index.manifest.layers)
    twice = [name for name, count in counted.items() if count > 1]
    return [f"more than one holds {', '.join(twice)}"] if twice else []


def _samples_twice(indexes: Sequence[Index]) -> list[str]:
    """Samples in several indexes would count several times; keys in several name several pictures."""
    contents = Counter(chain.from_iterable(set(index.samples["content"].dropna()) for index in indexes))
    shared = {content for content, count in contents.items() if count > 1}
    if shared:
        frame = indexes[0].samples
        example = next(iter(frame["key"][frame["content"].isin(shared)]), None)
        named = f", e.g. {example}" if example else ""
        return [f"{len(shared):,} pictures are in more than one{named}: leave them out of all but one"]
    keys = Counter(chain.from_iterable(index.samples["key"] for index in indexes))
    twice = [key for key, count in keys.items() if count > 1]
    if not twice:
        return []
    return [
        f"{len(twice):,} keys name different pictures, e.g. {', '.join(twice[:_NAMED])}: "
        "list all in one table, csv:FILE,COLUMN=VALUE for each index, so that keys are paths from one place"
    ]


def _inexact(first: Index, *, relevance: bool) -> list[str]:
    """What follows from all samples together, and not from what indexes over some of them hold."""
    faults = []
    for layer in first.manifest.layers:
        if layer.collector != "activation":
            faults.append(
                f"{layer.name} is ranked by {layer.collector}, which is measured against the mean of all samples"
            )
        if layer.concept_vector != "mean":
            faults.append(f"concept vectors of {layer.name} take contrasts from a survey of all samples")
    if first.ranges("neuron").num_rows:
        faults.append("percentiles are over a survey of all samples")
    if relevance and first.relevance is not None:
        faults.append(
            "relevance is measured against the mean of all samples: leave it out by --without-relevance, "
            "then lens build --add --classes measures it anew"
        )
    return faults


def _own(index: Index) -> list[str]:
    """Columns that came with the dataset."""
    return sorted(set(index.samples.columns) - {"key", "content", "duplicate_of", "unreadable", "prediction"})


def _read(layer: LayerOrigin) -> str:
    how = (layer.aggregation, layer.collector, layer.crop, layer.concept_vector)
    return f"{layer.name} of {layer.units} units, {', '.join(how)}"


def _setting(index: Index, name: str) -> str:
    value: object = index.manifest.settings
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return str(value)
