"""`zip:FILE[/FOLDER]`: every image in an archive, as `folder:` would list what is unpacked; nothing is unpacked.

FOLDER is a folder inside: of photos.zip with photos/cat/a.jpg, `zip:photos.zip/photos` has the label cat.
"""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from threading import Lock

from PIL import Image

from indexer.datasets.dataset import Dataset
from indexer.datasets.images import check_encoded, missing_path, read_image, unreadable
from indexer.datasets.listings import folder_labels, image_names
from indexer.errors import DatasetFault, InvalidInput, nearest_hint

NESTED = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
"""Endings of archives: the images in one inside would be passed over."""
_ENCRYPTED = 0x1


class ZippedImages:
    """Images in an archive; hidden entries and those that are no images are passed over."""

    def __init__(self, archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], argument: str) -> None:
        keys = image_names(entries)
        self.keys: Sequence[str] = keys
        self.metadata = folder_labels(keys)
        self._archive = archive
        self._entries = entries
        self._argument = argument
        self._lock = Lock()

    def load(self, number: int) -> Image.Image:
        """One sample, upright and RGB."""
        key = self.keys[number]
        entry = self._entries[key]
        try:
            check_encoded(entry.file_size)
            with self._lock:  # the library counts its open entries without one
                content = self._archive.read(entry)
        except Exception as fault:  # a damaged entry makes the library raise nearly anything
            raise unreadable(key, fault) from fault
        return read_image(content, key)

    def describe(self) -> dict[str, object]:
        """Adapter, argument, and a digest over every key, size and checksum."""
        digest = hashlib.sha256()
        for key in self.keys:
            digest.update(f"{key}\0{self._entries[key].file_size}\0{self._entries[key].CRC}\n".encode())
        named = {"adapter": "zip", "argument": self._argument, "samples": len(self.keys)}
        return {**named, "listing": digest.hexdigest()}


def load(argument: str) -> Dataset:
    """List the images of an archive; raises InvalidInput or DatasetFault when there are none."""
    if not argument:
        raise InvalidInput("The dataset 'zip' needs a file.", hint="Write zip:FILE, or zip:FILE/FOLDER.")
    file, inside = _archive_of(Path(argument).expanduser())
    archive = _opened(file)
    shown = [each for each in archive.infolist() if not (each.is_dir() or _is_hidden(each.filename))]
    prefix = f"{inside}/" if inside else ""
    chosen = [each for each in shown if each.filename.startswith(prefix)]
    if inside and not chosen:
        folders = {str(each) for name in archive.namelist() for each in PurePosixPath(name).parents} - {".", "/"}
        raise InvalidInput(f"'{file}' has no folder '{inside}'.", hint=nearest_hint(inside, folders))
    _check(file, chosen)
    found = ZippedImages(archive, {each.filename.removeprefix(prefix): each for each in chosen}, argument)
    if not found.keys:
        hint = "Images are told by their extension, e.g. .jpg or .png."
        raise DatasetFault(f"No images in '{argument}': it holds {len(chosen)} other files.", hint=hint)
    return found


def _archive_of(path: Path) -> tuple[Path, str]:
    """The archive and the folder in it."""
    if path.is_dir():
        raise InvalidInput(f"'{path}' is a folder, not an archive.", hint=f"Write folder:{path}.")
    for file in (path, *path.parents):
        if file.is_file():
            return file, path.relative_to(file).as_posix() if file != path else ""
    raise missing_path(path, "archive")


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as fault:
        raise DatasetFault(
            f"'{file}' cannot be read as ZIP: {(str(fault) or type(fault).__name__).rstrip('.').lower()}.",
            hint="It is another kind of file, or was cut off: copy it again.",
        ) from fault


def _check(file: Path, entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            hint = "Unpack it with its password, and write folder:PATH."
            raise DatasetFault(f"'{entry.filename}' in '{file}' is encrypted.", hint=hint)
        if entry.filename.lower().endswith(NESTED):
            hint = "Unpack both, or pack the images of all into one."
            raise DatasetFault(f"'{entry.filename}' in '{file}' is an archive itself.", hint=hint)
        if entry.filename in seen:
            hint = "Pack it again: which of the two is meant cannot be known."
            raise DatasetFault(f"'{file}' holds '{entry.filename}' twice.", hint=hint)
        seen.add(entry.filename)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
