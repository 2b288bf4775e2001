"""Where an index comes from: the digests that must agree before two builds can share anything."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from indexer.collectors.collector import Collected
from indexer.collectors.taps import named_layers
from indexer.collectors.tokens import CollectedTexts
from indexer.config import BuildConfig
from indexer.corpora.corpus import Corpus
from indexer.datasets.dataset import Dataset
from indexer.domain.significance import SEED
from indexer.engines.choosing import check_engine
from indexer.errors import IndexUnusable, InvalidInput
from indexer.foundation_models.foundation_model import FoundationModel
from indexer.growth import Growth, check_samples, settings_for
from indexer.index.files import FORMAT, SAMPLES
from indexer.index.manifest import DatasetOrigin, LayerOrigin, Manifest, SpaceOrigin, SubjectOrigin, digest_of
from indexer.index.staging import BEGUN
from indexer.subjects.digests import module_digest, preprocess_digest, reading_digest
from indexer.subjects.subject import Subject
from indexer.subjects.text_subject import TextSubject
from indexer.whole import whole_file

_NAMED = 5
_PACKAGES = ("lens", "numpy", "torch", "torchvision", "timm", "open_clip_torch", "transformers", "pillow", "pyarrow")


@dataclass(frozen=True)
class Origins:
    """What is known before the first sample is shown."""

    config: BuildConfig
    subject: SubjectOrigin
    space: SpaceOrigin
    growth: Growth

    @classmethod
    def of(
        cls, config: BuildConfig, subject: Subject | TextSubject, model: FoundationModel, growth: Growth
    ) -> "Origins":
        """Digest the subject, its preprocessing and the embedding space; refuse at once what cannot be built."""
        build_time()
        if isinstance(subject, Subject):
            named_layers(subject.module, config.collect.layers)
        check_engine(config.engine, model.space.dimension)
        origin = SubjectOrigin(
            name=config.subject.name,
            digest=module_digest(subject.module),
            preprocessing=preprocess_digest(subject.preprocess)
            if isinstance(subject, Subject)
            else reading_digest(subject),
            classes=subject.classes if isinstance(subject, Subject) else (),
            notes=subject.notes,
            saes={layer: str(file) for layer, file in config.subject.saes.items()},
            precision=config.subject.precision,
        )
        space = SpaceOrigin(name=model.space.name, digest=model.space.digest, dimension=model.space.dimension)
        origins = cls(config, origin, space, growth)
        origins._check_addition()
        return origins

    def _check_addition(self) -> None:
        known = self.growth.known
        if known is None:
            return
        old = known.manifest
        differences = [
            name
            for name, same in {
                "subject weights": old.subject.digest == self.subject.digest,
                "preprocessing": old.subject.preprocessing == self.subject.preprocessing,
                "foundation model": old.foundation_model.digest == self.space.digest,
            }.items()
            if not same
        ]
        if differences:
            raise InvalidInput(
                f"{known.folder} was built with another {', '.join(differences)}.",
                hint="Give what it was built with, or build a new index.",
            )

    def go_on(self, staging: Path, dataset: Dataset | Corpus) -> None:
        """Record what a build begins with; raises InvalidInput when it goes on with something else than it began."""
        begun = {
            "subject's weights": self.subject.digest,
            "preprocessing": self.subject.preprocessing,
            "foundation model": self.space.digest,
            "dataset": digest_of([list(dataset.keys), dataset.describe()]),
            "index that grows": self.growth.known.manifest.digest if self.growth.known is not None else "",
            "versions of packages": digest_of(_versions()),
        }
        if not (staging / BEGUN).exists():
            with whole_file(staging / BEGUN) as file:
                file.write(json.dumps(begun).encode())
            return
        before = json.loads((staging / BEGUN).read_text())
        changed = [name for name, digest in begun.items() if before.get(name) != digest]
        if changed:
            raise IndexUnusable(
                f"Since the unfinished build in {staging} was begun, something has changed: {', '.join(changed)}.",
                hint=f"Restore it, or start anew: rm -r {staging}",
            )

    def shown(self, dataset: Dataset | Corpus, collected: Collected | CollectedTexts) -> DatasetOrigin:
        """Digest what was shown: every key with the content behind it; refuse to add to an index of other samples."""
        known = self.growth.known
        if known is not None:
            check_samples(known, dataset)
        reading = collected.reading
        unreadable = tuple(dataset.keys[number] for number in sorted(reading.faults))
        origin = DatasetOrigin(
            name=self.config.dataset.name,
            digest=digest_of(list(zip(dataset.keys, reading.contents, strict=True))),
            samples=len(dataset.keys),
            duplicates=len(dataset.keys) - len(unreadable) - reading.distinct,
            unreadable=unreadable,
            described=dataset.describe(),
        )
        if known is not None and known.manifest.dataset.digest != origin.digest:
            raise InvalidInput(
                f"{known.folder} was built from other samples.", hint="Give the same dataset, or build a new index."
            )
        return origin

    def told(self, shown: DatasetOrigin) -> str:
        """A sentence on what was left out; empty when nothing was."""
        count, named = len(shown.unreadable), ", ".join(shown.unreadable[:_NAMED])
        more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
        where = f"{SAMPLES} says why"
        return f"{count:,} of {shown.samples:,} samples cannot be read, {where}: {named}{more}." if count else ""

    def manifest(
        self, shown: DatasetOrigin, collected: Collected | CollectedTexts, classes: tuple[str, ...], engine: str
    ) -> Manifest:
        """The manifest but for the files' digests."""
        texts = isinstance(collected, CollectedTexts)
        before = self.growth.kept.manifest.layers if self.growth.kept is not None else ()
        added = tuple(
            LayerOrigin(
                name=each.layer,
                units=each.units,
                signed=each.negative is not None,
                aggregation="max" if texts else self.config.collect.aggregation,
                collector=self.config.collect.collector,
                crop=self.config.collect.crop,
                concept_vector=self.config.concept.described(),
            )
            for each in collected.layers
        )
        return Manifest(
            format=FORMAT,
            kind="text" if texts else "image",
            created=build_time().isoformat(timespec="seconds"),
            subject=self.subject.model_copy(update={"classes": classes}),
            dataset=shown,
            foundation_model=self.space,
            layers=(*before, *added),
            exemplars=self.config.collect.exemplars,
            engine=engine,
            seed=SEED,
            versions=_versions(),
            settings=settings_for(self.config),
            files={},
        )


def build_time() -> datetime:
    """Now, or what SOURCE_DATE_EPOCH says (reproducible-builds.org), for builds that are the same to the last byte."""
    asked = os.environ.get("SOURCE_DATE_EPOCH")
    if not asked:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(asked), UTC)
    except (ValueError, OverflowError, OSError) as fault:
        raise InvalidInput(
            f"SOURCE_DATE_EPOCH is {asked!r}; it must be seconds since 1970.",
            hint="For example SOURCE_DATE_EPOCH=$(git log -1 --format=%ct), or leave it out.",
        ) from fault


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
