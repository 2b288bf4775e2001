"""What a build has to do where an index is there already: only what that lacks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from indexer.collectors.checkpoint import strongest_classes
from indexer.collectors.collector import Collected, End, LayerExemplars
from indexer.config import BuildConfig
from indexer.corpora.corpus import Corpus
from indexer.datasets.batches import Reading
from indexer.datasets.dataset import LABEL, Dataset
from indexer.datasets.decoded import DecodedStore
from indexer.errors import IndexUnusable, InvalidInput
from indexer.foundation_models.foundation_model import EmbeddingSpace
from indexer.index.files import LOGITS, MANIFEST, retired
from indexer.index.manifest import LayerOrigin, read_manifest
from indexer.index.reader import Index
from indexer.progress import Progress
from indexer.subjects.subject import Subject

MERGED = "merged"
"""Stands where a dataset's adapter does when nobody said which dataset holds the samples of merged indexes."""
_EVERYWHERE = ("thumbnail", "collect.percentiles", "collect.survey")
"""Settings that hold for all layers of an index."""


@dataclass(frozen=True)
class Growth:
    """The plan: what is shown to the subject again, what stays, what is measured."""

    layers: tuple[str, ...]
    """Layers to collect."""
    known: Index | None = None
    """The index that grows: its embeddings are kept always."""
    kept: Index | None = None
    """The same where its neurons stay as they are; None where they are collected again, or there are none."""
    unrelated: bool = False
    """Whether the relevance of the neurons that stay is yet to be measured."""

    @classmethod
    def of(cls, config: BuildConfig, known: Index | None) -> "Growth":
        """Compare what is asked for with what is there; raises InvalidInput where they contradict."""
        if known is None:
            return cls(config.collect.layers)
        held = tuple(layer.name for layer in known.manifest.layers)
        new = tuple(layer for layer in config.collect.layers if layer not in held)
        again = config.collect.exemplars > known.manifest.exemplars
        unrelated = config.relevance.classes and known.relevance is None
        _check(config, known, again=again)
        if not (new or again or unrelated):
            raise InvalidInput(
                f"{known.folder} already holds {', '.join(config.collect.layers)}, and all else that was asked for.",
                hint="Name layers it lacks, more --exemplars, or --classes; --overwrite builds it anew.",
            )
        if again:
            return cls((*held, *new), known, None, unrelated=False)
        return cls(new, known, known, unrelated)

    @property
    def related(self) -> Index | None:
        """The index whose relevances stay as they are."""
        return self.known if self.known is not None and self.known.relevance is not None else None

    @property
    def labels(self) -> pa.Table | None:
        """Saved labels that still hold: those of an index whose neurons stay all that there are."""
        return self.known.labels if self.known is not None and not self.layers else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What is lost."""
        if self.known is None or self.known.labels is None or self.labels is not None:
            return ()
        return (f"The labels saved in {self.known.folder} are dropped: they were judged against what it held.",)

    def model_unasked(self, name: str) -> "Unasked | None":
        """In place of the foundation model of this name where nothing is to be embedded; None where it is needed."""
        if self.known is None or self.layers or self.known.manifest.foundation_model.name != name:
            return None
        space = self.known.manifest.foundation_model
        return Unasked(EmbeddingSpace(space.name, space.digest, space.dimension))

    def to_relate(self, collected: Collected) -> Collected:
        """What was collected, with the layers whose relevance is to be measured, in the order of the index."""
        if self.unrelated and self.kept is not None:
            return replace(collected, layers=(*_layers_of(self.kept), *collected.layers))
        if self.related is None:
            return collected
        held = {layer.name: layer.signed for layer in self.related.manifest.layers}
        for each in collected.layers:
            if held.get(each.layer, each.negative is not None) != (each.negative is not None):
                raise IndexUnusable(
                    f"{self.related.folder}: {each.layer} has not as many ends as it had: its activations are others.",
                    hint="Was it built on another device? Build it anew with --overwrite.",
                )
        return replace(collected, layers=tuple(each for each in collected.layers if each.layer not in held))


class Unasked:
    """Stands for a foundation model that has nothing to embed: only its space is wanted."""

    def __init__(self, space: EmbeddingSpace) -> None:
        self.space = space

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Never."""
        raise AssertionError(f"{len(images)} pictures to embed")

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Never."""
        raise AssertionError(f"{len(texts)} texts to embed")


class Remembered:
    """A collector for an index whose neurons stay: what it said of every sample, without a pass."""

    def __init__(self, known: Index, staging: Path) -> None:
        self._known = known
        self._staging = staging

    def collect(self, _subject: Subject, dataset: Dataset, _progress: Progress) -> Collected:
        """Raises InvalidInput where the dataset lists other samples."""
        check_samples(self._known, dataset)
        logits = self._known.folder / LOGITS
        return Collected(
            layers=(),
            reading=reading_of(self._known.samples),
            predictions=strongest_classes(logits) if logits.exists() else None,
            logits=logits if logits.exists() else None,
            decoded=DecodedStore(self._staging),
        )


def reading_of(samples: pd.DataFrame) -> Reading:
    """What came of reading the samples of an index, from its sample table."""
    number_of = {key: number for number, key in enumerate(samples["key"])}
    contents = [None if pd.isna(each) else str(each) for each in samples["content"]]
    originals = [
        -1 if content is None else number if pd.isna(first) else number_of[first]
        for number, (content, first) in enumerate(zip(contents, samples["duplicate_of"], strict=True))
    ]
    faults = {number: str(why) for number, why in enumerate(samples["unreadable"]) if not pd.isna(why)}
    return Reading(contents, originals, faults)


def check_samples(known: Index, dataset: Dataset | Corpus) -> None:
    """Raise InvalidInput where a dataset lists other samples than an index was built from."""
    if list(dataset.keys) != known.samples["key"].tolist():
        raise InvalidInput(
            f"{known.folder} was built from other samples.", hint="Give the same dataset, or build a new index."
        )
    if known.relevance is not None and LABEL in known.samples and LABEL in dataset.metadata:
        before, now = (column.astype("string").fillna("") for column in (known.samples[LABEL], dataset.metadata[LABEL]))
        changed = int((before.to_numpy() != now.to_numpy()).sum())
        if changed:
            raise InvalidInput(
                f"{changed:,} samples have other labels than those that relevance in {known.folder} was measured by.",
                hint="Restore the labels, or build a new index.",
            )


def settings_of(out: Path) -> dict[str, Any]:
    """The settings an index was built with, stage by stage as in a build's YAML file: what --add goes on with."""
    manifest = read_manifest(out if (out / MANIFEST).exists() or not retired(out).exists() else retired(out))
    stored: dict[str, Any] = {name: value for name, value in manifest.settings.items()}
    collect = {"layers": [layer.name for layer in manifest.layers], "exemplars": manifest.exemplars}
    for name in ("aggregation", "collector", "crop"):
        values = {getattr(layer, name) for layer in manifest.layers}
        collect |= {name: values.pop()} if len(values) == 1 else {}
    subject, dataset = manifest.subject, manifest.dataset
    return {
        **stored,
        "subject": {"name": subject.name, "saes": subject.saes, "precision": subject.precision},
        "dataset": {"name": dataset.name} if dataset.described.get("adapter") != MERGED else {},
        "foundation": {"name": manifest.foundation_model.name},
        "collect": {**stored.get("collect", {}), **collect},
    }


def settings_for(config: BuildConfig) -> dict[str, object]:
    """What of a build's settings its manifest keeps besides where each layer comes from."""
    kept = {"relevance": True, "concept": True, "engine": True, "thumbnail": True}
    collect = {"polarity", "percentiles", "survey"}
    return config.model_dump(mode="json", include={**kept, "collect": collect})


def _check(config: BuildConfig, known: Index, *, again: bool) -> None:
    manifest, asked = known.manifest, settings_for(config)
    pairs: dict[str, tuple[object, object]] = {
        name: (_inside(manifest.settings, name), _inside(asked, name)) for name in _EVERYWHERE
    }
    pairs["subject.precision"] = (manifest.subject.precision, config.subject.precision)
    if known.relevance is not None:
        names = ("relevance.classes", "relevance.samples_per_class")
        pairs |= {name: (_inside(manifest.settings, name), _inside(asked, name)) for name in names}
    if again:
        for layer in manifest.layers:
            pairs |= _pairs_of(layer, config)
        pairs["collect.polarity"] = (_inside(manifest.settings, "collect.polarity"), config.collect.polarity)
    if config.collect.exemplars < manifest.exemplars:
        pairs["collect.exemplars"] = (manifest.exemplars, config.collect.exemplars)
    differences = [f"{name}: {held!r}, not {given!r}" for name, (held, given) in pairs.items() if held != given]
    if differences:
        raise InvalidInput(
            f"{known.folder} was built with other settings: {'; '.join(differences)}.",
            hint="Leave them out to go on as it was built, or build a new index.",
        )


def _pairs_of(layer: LayerOrigin, config: BuildConfig) -> dict[str, tuple[object, object]]:
    collect = config.collect
    asked = {"aggregation": collect.aggregation, "collector": collect.collector, "crop": collect.crop}
    asked["concept_vector"] = config.concept.described()
    return {f"{name} of {layer.name}": (getattr(layer, name), given) for name, given in asked.items()}


def _inside(settings: dict[str, object], name: str) -> object:
    value: Any = settings
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _layers_of(known: Index) -> tuple[LayerExemplars, ...]:
    """What relevance needs of the layers of an index: their centres, and how many ends they have."""
    table, manifest = known.neurons, known.manifest
    found = []
    for number, layer in enumerate(manifest.layers):
        rows = slice(int(table.starts[number]), int(table.starts[number]) + layer.units)
        end = _hollow(layer.units)
        centre, mean = (np.asarray(each[rows], dtype=np.float64) for each in (table.centre, table.mean))
        found.append(
            LayerExemplars(layer.name, end, end if layer.signed else None, mean, centre, np.zeros(layer.units, bool))
        )
    return tuple(found)


def _hollow(units: int) -> End:
    none: NDArray[np.int64] = np.zeros((units, 0), dtype=np.int64)
    counts = np.zeros(units, dtype=np.int64)
    return End(none.astype(np.float32), none, counts, counts)
