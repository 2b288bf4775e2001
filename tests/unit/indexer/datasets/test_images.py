"""Images of every kind become the same upright RGB pixels, or an error that names them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.datasets.images import image_extensions, listing_digest, read_image
from indexer.errors import DatasetFault

RED = (200, 30, 40)


def _read(image: Image.Image, tmp_path: Path, name: str = "x.png", **options: object) -> np.ndarray:
    image.save(tmp_path / name, **options)
    read = read_image(tmp_path / name, name)
    assert read.mode == "RGB"
    return np.asarray(read)


def test_one_pixel(tmp_path: Path) -> None:
    assert _read(Image.new("RGB", (1, 1), RED), tmp_path).tolist() == [[list(RED)]]


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    pixels = _read(Image.fromarray(np.uint8([[[*RED, 255], [*RED, 0]]])), tmp_path)
    assert pixels.tolist() == [[list(RED), [255, 255, 255]]]


def test_grey_with_transparency_lies_over_white(tmp_path: Path) -> None:
    assert _read(Image.new("LA", (1, 1), (0, 0)), tmp_path).tolist() == [[[255, 255, 255]]]


def test_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1), 1)
    image.putpalette([0, 0, 0, *RED])
    assert _read(image, tmp_path).tolist() == [[list(RED)] * 2]


def test_transparent_colour_of_a_palette_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1), 1)
    image.putpalette([0, 0, 0, *RED])
    assert _read(image, tmp_path, transparency=1).tolist() == [[[255, 255, 255]] * 2]


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, name: str) -> None:
    pixels = _read(Image.fromarray(np.uint16([[0, 257, 32896, 65535]])), tmp_path, name)
    assert pixels[0, :, 0].tolist() == [0, 1, 128, 255]


def test_float_grey(tmp_path: Path) -> None:
    assert _read(Image.fromarray(np.float32([[0, 0.5, 1]])), tmp_path, "x.tif")[0, :, 0].tolist() == [0, 128, 255]


def test_float_of_no_known_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetFault, match=r"reach from -3 to 1000"):
        _read(Image.fromarray(np.float32([[-3, 1000]])), tmp_path, "x.tif")


def test_cmyk(tmp_path: Path) -> None:
    pixels = _read(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path, "x.jpg")
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    from PIL import ImageOps

    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "x.png", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "x.png")))
    assert np.array_equal(np.asarray(read_image(tmp_path / "x.png", "x.png")), expected)


def test_nothing_but_pixels_is_left(tmp_path: Path) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (3, 2), RED).save(tmp_path / "x.jpg", exif=exif, comment="a patient's name")
    read = read_image(tmp_path / "x.jpg", "x.jpg")
    assert read.info == {}
    assert read.size == ImageOps.exif_transpose(read).size == (2, 3)


def test_content_and_file_are_read_alike(tmp_path: Path) -> None:
    Image.effect_noise((20, 10), 80).save(tmp_path / "x.png")
    content = (tmp_path / "x.png").read_bytes()
    assert read_image(content, "x").tobytes() == read_image(tmp_path / "x.png", "x").tobytes()


def test_truncated(tmp_path: Path) -> None:
    file = tmp_path / "x.jpg"
    Image.effect_noise((64, 64), 80).save(file)
    file.write_bytes(file.read_bytes()[:900])
    with pytest.raises(DatasetFault, match=r"Sample 'cat/x.jpg' cannot be read: image file is truncated"):
        read_image(file, "cat/x.jpg")


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_corrupt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DatasetFault, match="Sample 'x.png' cannot be read") as fault:
        read_image(tmp_path / "x.png", "x.png")
    assert str(tmp_path) not in fault.value.message


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(DatasetFault, match="the file does not exist"):
        read_image(tmp_path / "x.png", "x.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("limit", [99, 40])
def test_bombs_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    Image.new("RGB", (10, 10)).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(DatasetFault, match="cannot be read") as fault:
        read_image(tmp_path / "x.png", "x.png")
    assert "Shrink it" in fault.value.hint


def test_extensions_are_those_of_pictures() -> None:
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".bmp", ".gif"} <= image_extensions()
    assert not {".pdf", ".h5", ".eps", ".mpg", ".csv", ".txt"} & image_extensions()


def test_listing_tells_changed_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = listing_digest(tmp_path, ["a", "gone"])
    assert listing_digest(tmp_path, ["a", "gone"]) == before
    (tmp_path / "a").write_bytes(b"12")
    assert listing_digest(tmp_path, ["a", "gone"]) != before
