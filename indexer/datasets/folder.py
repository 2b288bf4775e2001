"""`folder:PATH`: every image below a folder; the first level of subfolders names the classes."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from indexer.datasets.dataset import Dataset
from indexer.datasets.images import listing_digest, missing_path, read_image
from indexer.datasets.listings import files_below, folder_labels, image_names
from indexer.errors import DatasetFault, InvalidInput

OTHERS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".tar": "webdataset", ".zip": "zip"}
"""Endings of what another dataset adapter reads."""


class ImageFolder:
    """Images below `root`; hidden files and files that are no images are passed over."""

    def __init__(self, root: Path, keys: list[str], argument: str) -> None:
        self.keys: Sequence[str] = keys
        self.metadata = folder_labels(keys)
        self._root = root
        self._argument = argument

    def load(self, number: int) -> Image.Image:
        """One sample, upright and RGB."""
        return read_image(self._root / self.keys[number], self.keys[number])

    def describe(self) -> dict[str, object]:
        """Adapter, argument, and a digest over every key and file size."""
        digest = listing_digest(self._root, self.keys)
        return {"adapter": "folder", "argument": self._argument, "samples": len(self.keys), "listing": digest}


def load(argument: str) -> Dataset:
    """List the images below a folder; raises InvalidInput or DatasetFault when there are none."""
    if not argument:
        raise InvalidInput("The dataset 'folder' needs a path.", hint="Write folder:PATH, e.g. folder:photos/train.")
    root = Path(argument).expanduser()
    if not root.exists():
        raise missing_path(root, "folder")
    if not root.is_dir():
        adapter = OTHERS.get(root.suffix.lower())
        hint = f"Write {adapter}:{argument}." if adapter else f"Write folder:{root.parent}."
        raise InvalidInput(f"'{argument}' is a file, not a folder.", hint=hint)
    files = list(files_below(root))
    keys = image_names(files)
    if not keys:
        raise _without_images(files, argument)
    return ImageFolder(root, keys, argument)


def _without_images(files: list[str], argument: str) -> DatasetFault:
    found = f"it holds {len(files)} other files" if files else "it is empty"
    cure = "Images are told by their extension, e.g. .jpg or .png."
    for ending, adapter in OTHERS.items():
        others = [key for key in files if key.lower().endswith(ending)]
        if others:
            cure = f"Did you mean {adapter}:{Path(argument) / others[0] if adapter != 'webdataset' else argument}?"
            break
    return DatasetFault(f"No images below '{argument}': {found}.", hint=cure)
