"""Where an index came from, and the digest of every file in it."""

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from indexer.errors import IndexUnusable, Untrustworthy
from indexer.index.files import FORMAT, MANIFEST, retired
from indexer.whole import whole_file


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(_Record):
    """A part that took part in a build."""

    name: str
    digest: str


class DatasetOrigin(Origin):
    """The dataset: its digest covers every key and the content behind it."""

    samples: int
    duplicates: int
    unreadable: tuple[str, ...]
    described: dict[str, object]


class SubjectOrigin(Origin):
    """The subject: weights and architecture; preprocessing has a digest of its own."""

    preprocessing: str
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    saes: dict[str, str] = {}
    """Layer → file of the autoencoder whose latents are the layer `LAYER.sae`."""
    precision: str = "float32"
    """Of the forward passes that found the exemplars."""


class SpaceOrigin(Origin):
    """The embedding space."""

    dimension: int


class LayerOrigin(_Record):
    """How a layer was read."""

    name: str
    units: int
    signed: bool
    aggregation: str
    collector: str
    """What ranks the exemplars: activation or relevance."""
    crop: str
    """What of an exemplar is embedded: none (the whole image), or where activation, gradient or lrp point."""
    concept_vector: str
    """How a concept vector is formed of exemplars: mean, or contrastive with its γ."""


class FileRecord(_Record):
    """A file's length in bytes and its sha256."""

    size: int
    sha256: str


class Manifest(_Record):
    """The first file read and the last one written."""

    format: int
    kind: Literal["image", "text"] = "image"
    """What the samples are."""
    created: str
    subject: SubjectOrigin
    dataset: DatasetOrigin
    foundation_model: SpaceOrigin
    layers: tuple[LayerOrigin, ...]
    exemplars: int
    engine: str
    seed: int
    versions: dict[str, str]
    settings: dict[str, object]
    files: dict[str, FileRecord]
    annotations: dict[str, FileRecord] = {}
    """Files that may come and change after the build, such as saved labels."""
    digest: str = ""

    def sealed(self) -> "Manifest":
        """With `digest` set to the sha256 of everything but itself, the time of creation and the annotations."""
        return self.model_copy(update={"digest": self.expected_digest()})

    def expected_digest(self) -> str:
        """What `digest` must be."""
        return digest_of(self.model_dump(mode="json", exclude={"digest", "created", "annotations"}))

    def write(self, folder: Path) -> None:
        """Write `manifest.json`."""
        text = json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
        with whole_file(folder / MANIFEST) as file:
            file.write(text.encode())


def read_manifest(folder: Path) -> Manifest:
    """Read and check `manifest.json`; raises IndexUnusable."""
    path = folder / MANIFEST
    if not path.is_file():
        hint = "Make one with lens build … --out FOLDER."
        if (retired(folder) / MANIFEST).is_file():
            hint = f"A build ended while it replaced it: repeat that with --resume, or mv {retired(folder)} {folder}"
        raise IndexUnusable(f"{folder} is not an index: it has no {MANIFEST}.", hint=hint)
    try:
        content = json.loads(path.read_bytes())
        number = content["format"]
    except (ValueError, KeyError, TypeError) as fault:
        raise IndexUnusable(
            f"{path} is damaged: {fault}.", hint="Restore the file or build the index again."
        ) from fault
    if number != FORMAT:
        raise IndexUnusable(
            f"{folder} has index format {number!r}; this version reads format {FORMAT}.",
            hint="Build the index again, or install a matching version.",
        )
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as fault:
        first = fault.errors()[0]
        raise IndexUnusable(
            f"{path} is damaged: {'.'.join(map(str, first['loc']))}: {first['msg']}.",
            hint="Restore the file or build the index again.",
        ) from fault
    if manifest.digest != manifest.expected_digest():
        raise Untrustworthy(
            f"{path} was changed after it was written.", hint="Restore the file or build the index again."
        )
    return manifest


def digest_of(value: object) -> str:
    """sha256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def record_of(content: bytes) -> FileRecord:
    """Measure what is or will be a file."""
    return FileRecord(size=len(content), sha256=hashlib.sha256(content).hexdigest())


def file_record(path: Path) -> FileRecord:
    """Measure a file."""
    with path.open("rb") as file:
        return FileRecord(size=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())
