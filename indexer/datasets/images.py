"""Reads image files of any kind as 8-bit RGB, and names the one that cannot be read."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from indexer.errors import DatasetFault, InvalidInput, nearest_hint

FOREIGN = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})
"""Formats that PIL knows by name only, or would run another program to draw."""

ENCODED_LIMIT = 512 << 20
"""Bytes of an image before it is decoded, where it is read from an archive."""

PIXEL_BYTES = 4
"""Bytes of a pixel in an RGB image of PIL."""
_DECODING_BYTES = {"plain": 8, "transparent": 16, "deep": 32}
"""Bytes of a pixel while it is decoded and converted, measured."""
_announce: ContextVar[Callable[[int], None] | None] = ContextVar("announce", default=None)

# PIL takes memory in blocks. Those beyond 32 MiB go back to the system when freed; blocks of the usual 16 MiB stay
# with the process: reading 54-megapixel images with eight threads took twice as much.
Image.core.set_block_size(64 << 20)  # type: ignore[attr-defined]

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


def read_image(source: Path | bytes, key: str) -> Image.Image:
    """One upright RGB image, of a file or its content; raises DatasetFault naming `key` when there is none to be had.

    What else the file says (EXIF, comments, colour profiles) is left behind: nothing may turn the picture again.
    """
    try:
        if source == b"":
            raise ValueError("there is none")
        with Image.open(source if isinstance(source, Path) else io.BytesIO(source)) as image:
            return _to_rgb(image)
    except Exception as fault:  # a corrupt file makes decoders raise nearly anything
        raise unreadable(key, fault) from fault


@contextmanager
def announcing(to: Callable[[int], None]) -> Iterator[None]:
    """Within, `to` is told how many bytes an image needs before it is decoded, and may wait until there are some."""
    token = _announce.set(to)
    try:
        yield
    finally:
        _announce.reset(token)


def ask_for(size: int) -> None:
    """Say how many bytes decoding an image will need, and wait where somebody bounds them."""
    announce = _announce.get()
    if announce is not None:
        announce(size)


def unreadable(key: str, fault: Exception) -> DatasetFault:
    """The fault of a sample that cannot be read, with its reason and cure."""
    return DatasetFault(f"Sample {key!r} cannot be read: {_reason(fault)}.", hint=_cure(fault))


def check_encoded(size: int) -> None:
    """Raise ValueError for so many bytes of content that no image limit would hold."""
    if size > ENCODED_LIMIT:
        raise ValueError(f"its {size >> 20:,} MiB are more than {ENCODED_LIMIT >> 20} MiB")


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
    ask_for(image.width * image.height * _DECODING_BYTES[_kind(image)])
    image.load()
    turn = UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    upright = image if turn is None else image.transpose(turn)
    upright.info = image.info
    read = _opaque(upright)
    read.info = {}  # with EXIF left in, a subject's own preprocessing would turn the picture once more
    return read


def _kind(image: Image.Image) -> str:
    if image.mode.startswith("I") or image.mode == "F":
        return "deep"
    return "transparent" if image.has_transparency_data else "plain"


def _opaque(image: Image.Image) -> Image.Image:
    kind = _kind(image)
    if kind == "deep":
        return _from_deep(image)
    if kind == "transparent":
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image.convert("RGB")


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
