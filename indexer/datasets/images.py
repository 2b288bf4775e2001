"""Reads image files of any kind as 8-bit RGB, and names the one that cannot be read."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from indexer.errors import DatasetFault, InvalidInput, nearest_hint

FOREIGN = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})
"""Formats that PIL knows by name only, or would run another program to draw."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → what turns the stored pixels upright."""

ORIENTATION = 0x0112


def image_extensions() -> frozenset[str]:
    """Every file extension, in lower case with its dot, that is worth trying."""
    known = Image.registered_extensions()
    return frozenset(ending for ending, kind in known.items() if kind in Image.OPEN and kind not in FOREIGN)


def read_image(path: Path, key: str) -> Image.Image:
    """One upright RGB image; raises DatasetFault naming `key` when the file is absent, corrupt or too large."""
    try:
        with Image.open(path) as image:
            return _to_rgb(image)
    except Exception as fault:  # a corrupt file makes decoders raise nearly anything
        raise DatasetFault(f"Sample {key!r} cannot be read: {_reason(fault)}.", hint=_cure(fault)) from fault


def listing_digest(root: Path, keys: Sequence[str]) -> str:
    """sha256 over every key and its file's size (-1 where absent): tells two listings apart without reading them."""
    digest = hashlib.sha256()
    for key in keys:
        digest.update(f"{key}\0{_size(root / key)}\n".encode())
    return digest.hexdigest()


def missing_path(path: Path, what: str) -> InvalidInput:
    """The error for a path that is not there, with the nearest names that are beside it."""
    folder = path.absolute().parent
    try:
        beside = [each.name for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError:
        return InvalidInput(f"No {what} at '{path}'.", hint=f"Its parent folder '{folder}' cannot be opened either.")
    hint = nearest_hint(path.name, beside) if beside else "The folder it should be in is empty."
    return InvalidInput(f"No {what} at '{path}'.", hint=hint)


def _to_rgb(image: Image.Image) -> Image.Image:
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise Image.DecompressionBombError(f"{image.width} × {image.height} pixels are more than {limit:,}")
    image.load()
    turn = UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    upright = image if turn is None else image.transpose(turn)
    upright.info = image.info
    if upright.mode.startswith("I") or upright.mode == "F":
        return _from_deep(upright)
    if upright.has_transparency_data:
        seen = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return upright.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """16-bit grey (PIL may widen it to 32), or float grey in [0, 1] or [0, 255]; PIL would clip these to white."""
    values = np.asarray(image, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    top = 65535.0 if image.mode.startswith("I") else 1.0 if high <= 1 else 255.0
    if not (low >= 0 and high <= top):
        raise ValueError(f"its values reach from {low:g} to {high:g}, which is neither 8-bit nor 16-bit grey")
    return Image.fromarray(np.rint(values * (255 / top)).astype(np.uint8)).convert("RGB")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _reason(fault: Exception) -> str:
    if isinstance(fault, FileNotFoundError):
        return "the file does not exist"
    if isinstance(fault, UnidentifiedImageError):
        return "its content is no image format PIL knows"
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror.lower()
    return str(fault).rstrip(".") or type(fault).__name__


def _cure(fault: Exception) -> str:
    if isinstance(fault, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return "Shrink it: images are shown to models at a few hundred pixels."
    if isinstance(fault, FileNotFoundError):
        return "Restore the file or take it off the list."
    return "Replace the file or remove it from the dataset."
