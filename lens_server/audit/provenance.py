"""What took part in an audit, by digest."""

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from indexer.catalogue import DATASETS
from indexer.datasets.batches import content_of
from indexer.datasets.dataset import Dataset
from indexer.errors import DatasetFault, Untrustworthy
from indexer.index.files import MANIFEST
from indexer.index.reader import Index, check_files
from indexer.progress import Progress
from lens_server.audit.probe_set import ProbeSet
from lens_server.audit.questions import VERSION
from lens_server.audit.rulebook import Rulebook
from lens_server.lens import Lens
from lens_server.report import Provenance, Setting

NOT_CHECKED = "not checked: no training set was named"
_PACKAGES = ("numpy", "scipy", "pillow", "torch", "open_clip_torch")


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def check_index(index: Index) -> None:
    """Compare every file with its digest: an audit signs for all of them. Raises Untrustworthy."""
    faults = check_files(index.folder, index.manifest)
    if faults:
        raise Untrustworthy(
            f"{index.folder} cannot be trusted: {'; '.join(faults)}.", hint="Restore the files, or build it again."
        )


def overlap_of(index: Index, training: str, progress: Progress) -> str:
    """How probe set and training set overlap, in words; raises Untrustworthy when they share an image."""
    if not training:
        return NOT_CHECKED
    seen = _contents(training, progress)
    own = index.samples["content"].dropna()
    shared = own[own.isin(seen)]
    if len(shared):
        example = index.samples["key"][shared.index[0]]
        raise Untrustworthy(
            f"{len(shared)} of the probe set's {len(own)} images are in the training set {training}, e.g. {example}.",
            hint="Leave them out of the probe set and build the index again: what a model has seen proves nothing.",
        )
    return f"none of {len(own)} images is among the {len(seen)} of {training}"


def provenance(  # noqa: PLR0913
    lens: Lens, rulebook: Rulebook, name: str, probe_set: ProbeSet, settings: dict[str, str], words: dict[str, str]
) -> Provenance:
    """Everything that decides a report; `words` holds overlap, lock_digest, signer, started and finished."""
    manifest, model = lens.index.manifest, rulebook.foundation_model
    statistics = {key: str(value) for key, value in rulebook.statistics.model_dump().items()}
    return Provenance(
        tool=f"lens {_version('lens')}",
        measures=VERSION,
        rulebook=name,
        rulebook_digest=rulebook.digest,
        subject=manifest.subject.name,
        subject_digest=manifest.subject.digest,
        preprocessing_digest=manifest.subject.preprocessing,
        foundation_model=manifest.foundation_model.name,
        space_digest=manifest.foundation_model.digest,
        templates=model.templates,
        null_prompt=model.null_prompt,
        probe_set=manifest.dataset.name,
        probe_set_digest=manifest.dataset.digest,
        samples=len(probe_set),
        groups=int(probe_set.groups.max(initial=-1)) + 1,
        group_by=probe_set.grouped_by,
        overlap=words["overlap"],
        index=lens.name,
        index_digest=lens.digest,
        lock_digest=words["lock_digest"],
        parameters=tuple(Setting(key, value) for key, value in sorted((statistics | settings).items())),
        environment=_environment(),
        started=words["started"],
        finished=words["finished"],
        signer=words["signer"],
    )


def comparable(lens: Lens, rulebook: Rulebook) -> dict[str, str]:
    """What must agree with a baseline for a `compare` rule."""
    manifest, model = lens.index.manifest, rulebook.foundation_model
    return {
        "foundation model": manifest.foundation_model.digest,
        "templates": " | ".join((*model.templates, model.null_prompt)),
        "probe set": manifest.dataset.digest,
        "preprocessing": manifest.subject.preprocessing,
    }


def _contents(training: str, progress: Progress) -> set[str]:
    """Digests of a training set's images: of an index as stored, of a dataset by reading every image."""
    if (Path(training) / MANIFEST).is_file():
        return set(Index.open(Path(training)).samples["content"].dropna().astype(str))
    dataset: Dataset = DATASETS.load(training)
    found: set[str] = set()
    with progress.stage("Reading the training set", len(dataset.keys)) as stage:
        for number in range(len(dataset.keys)):
            try:
                found.add(content_of(dataset.load(number)))
            except DatasetFault as fault:
                progress.note(f"Left out of the training set: {fault.message}")
            stage.advance(1)
    return found


def _environment() -> tuple[Setting, ...]:
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        found[package] = _version(package)
    return tuple(Setting(name, value) for name, value in sorted(found.items()) if value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
