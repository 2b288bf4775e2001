"""Images as classifiers of photographs usually want them, for subjects that do not say."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.subjects.subject import Preprocess

SIZE = 224
_CROP = 0.875


def default_preprocess(size: int | tuple[int, int] = SIZE) -> "Preprocess":
    """Resized (bicubic), cropped to the central `size` pixels (height, width), normalised as for ImageNet."""
    from timm.data.transforms_factory import create_transform

    height, width = (size, size) if isinstance(size, int) else size
    preprocess: Preprocess = create_transform((3, height, width), interpolation="bicubic", crop_pct=_CROP)
    return preprocess


def default_note(size: int | tuple[int, int] = SIZE) -> str:
    """Says what `default_preprocess` does, and that nobody asked for it."""
    if isinstance(size, int) or size[0] == size[1]:
        size = size if isinstance(size, int) else size[0]
        resized, cropped = f"{int(size / _CROP)} pixels", f"{size}"
    else:
        resized = f"cover {int(size[0] / _CROP)} × {int(size[1] / _CROP)} pixels"
        cropped = f"{size[0]} × {size[1]}"
    return (
        f"No preprocess was given: images are resized to {resized} (bicubic), cropped to the central {cropped}, "
        "and normalised with ImageNet's mean and deviation."
    )
