"""Pictures of answers: the same bytes each time, files that open, texts that are there and can be read."""

import io
import itertools
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PIL import Image

from indexer.errors import InvalidInput, MissingExtra, UnknownName
from lens_server import plots
from lens_server.plots import check_plot, picture, save_plot
from tests.unit.lens_server.plots import sample_overviews as samples
from tests.unit.lens_server.plots.sample_overviews import EVERY_KIND

SHAPES = {
    "coverage": samples.coverage(),
    "coverage of one layer": samples.coverage(indexes=1, layers=1, few=None),
    "coverage of one layer each": samples.coverage(indexes=3, layers=1, few=None),
    "coverage of many layers": samples.coverage(layers=30),
    "coverage of many concepts": samples.coverage(concepts=[f"concept {at}" for at in range(50)]),
    "series": samples.series(),
    "series of two": samples.series(checkpoints=2),
    "long series": samples.series(checkpoints=30, concepts=[f"concept {at}" for at in range(80)], layers=12),
    "map": samples.concept_map(),
    "map of five": samples.concept_map(indexes=1, neurons=5),
    "crowded map": samples.concept_map(neurons=1500, concepts=[f"rather long concept {at}" for at in range(60)]),
    "map of many layers": samples.concept_map(layers=14),
    "map of eight": samples.concept_map(indexes=8, layers=12),
    "clarity": samples.clarities(),
    "clarity of one layer": samples.clarities(indexes=1, layers=1),
    "clarity of many": samples.clarities(indexes=3, layers=6, neurons=300),
}


def texts_of(svg):
    """Every text of an SVG file."""
    root = ElementTree.fromstring(svg)
    return [" ".join("".join(each.itertext()).split()) for each in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("form", plots.FORMS)
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_same_answer_has_the_same_bytes(kind, form):
    """In this process, after other pictures, and whatever the user's matplotlib is set to."""
    import matplotlib

    first = picture(EVERY_KIND[kind](), form)
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": "another", "axes.facecolor": "black"}):
        assert picture(EVERY_KIND[kind](), form) == first


def test_the_same_bytes_in_another_process(tmp_path):
    """Neither dates, nor the hash seed, nor the display."""
    code = (
        "import sys; from lens_server.plots import picture\n"
        "from tests.unit.lens_server.plots.sample_overviews import EVERY_KIND\n"
        "for form in ('png', 'svg'):\n"
        "    for made in EVERY_KIND.values(): sys.stdout.buffer.write(picture(made(), form))\n"
    )
    root = Path(__file__).parents[4]
    settings = {"PYTHONHASHSEED": "7", "MPLBACKEND": "svg", "OMP_NUM_THREADS": "1", "HOME": str(tmp_path), "PATH": ""}
    there = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True, env=settings).stdout
    assert there == b"".join(picture(made(), form) for form in plots.FORMS for made in EVERY_KIND.values())


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_png_opens_and_is_light(kind):
    shown = Image.open(io.BytesIO(picture(EVERY_KIND[kind](), "png"))).convert("RGB")
    assert shown.getpixel((2, 2)) == (255, 255, 255)
    assert 600 < shown.width < 2500 and 250 < shown.height < 2500
    assert len(shown.getcolors(maxcolors=1 << 20)) > 20


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("coverage", ["Which concepts does each layer know?", "$x^2$ & <b>", "model-1", "layer2 · 96", "layer1 · 4"]),
        ("series", ["step-0300", "a ruler", "earlier ones still known", "layer0"]),
        ("map", ["Which neurons mean alike?", "model-0", "layer2", "hollow: no name", "colour patch"]),
        (
            "clarity",
            ["How clear are the neurons of each layer?", "model-1 (60)", "layer1", "no alive neuron", "clarity"],
        ),
    ],
)
def test_an_svg_holds_its_texts(kind, said):
    """As text, to be searched and read aloud."""
    found = texts_of(picture(EVERY_KIND[kind](), "svg"))
    missing = [each for each in said if each not in found]
    assert not missing, found


@pytest.mark.parametrize("answer", SHAPES.values(), ids=SHAPES)
def test_texts_neither_overlap_nor_leave_the_picture(answer, monkeypatch):
    """Each text's box, as drawn; turned ones (ticks below) have boxes larger than they are, and are left out."""
    from matplotlib.text import Text

    texts, draw = [], Text.draw

    def watched(text, renderer, *rest, **options):
        draw(text, renderer, *rest, **options)
        if text.get_text().strip():
            texts.append((text.get_text(), Text.get_window_extent(text, renderer), text.get_rotation()))

    monkeypatch.setattr(Text, "draw", watched)
    width, height = Image.open(io.BytesIO(picture(answer, "png"))).size
    assert len(texts) > 5
    outside = [text for text, box, _ in texts if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]
    assert not outside
    level = [(text, box) for text, box, turned in texts if not turned]
    overlapping = [(a, b) for (a, one), (b, other) in itertools.combinations(level, 2) if overlap(one, other) > 1.0]
    assert not overlapping


def overlap(one, other):
    """Pixels by which two boxes overlap, in the direction in which they do so least."""
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    return min(across, min(one.y1, other.y1) - max(one.y0, other.y0))


def test_a_sample_is_said_in_the_picture():
    texts = " ".join(texts_of(picture(samples.concept_map(alive=12345), "svg")))
    assert "A uniform sample of 200 of 12,345 alive neurons" in texts
    assert "uniform sample" not in " ".join(texts_of(picture(samples.concept_map(), "svg")))


def test_what_is_left_out_is_said_in_the_picture():
    many = [f"concept {at}" for at in range(80)]
    coverage = " ".join(texts_of(picture(samples.coverage(concepts=many), "svg")))
    assert "the 30 concepts that name most neurons, of 80" in coverage
    assert "Hatched: too few" in coverage
    series = " ".join(texts_of(picture(samples.series(concepts=many, layers=12), "svg")))
    assert "grey: 60 others" in series and "the last 8 of 12 layers" in series
    clarity = " ".join(texts_of(picture(samples.clarities(neurons=1600), "svg")))
    assert "At most 1,500 dots" in clarity
    layers = " ".join(texts_of(picture(samples.concept_map(layers=14), "svg")))
    assert "14 layers are too many for marks of their own" in layers


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (samples.coverage(layers=61), "122 layers do not fit"),
        (samples.series(checkpoints=61), "61 checkpoints do not fit"),
        (samples.clarities(layers=61), "122 layers do not fit"),
        (samples.concept_map(indexes=9), "8 indexes apart by colour; these are 9"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_does_not_fit_is_refused(answer, said):
    with pytest.raises(InvalidInput, match=said):
        picture(answer)


def test_nothing_to_name():
    """An answer without concepts is drawn, and says so."""
    for answer in (samples.coverage(concepts=()), samples.series(concepts=())):
        assert "no concept names a neuron" in texts_of(picture(answer, "svg"))


def test_letters_that_the_font_lacks():
    """A PNG would show boxes; an SVG is shown in the reader's fonts."""
    answer = samples.coverage(concepts=("犬", "ruler"))
    with pytest.raises(InvalidInput, match="letters") as refused:
        picture(answer, "png")
    assert ".svg" in refused.value.hint
    assert "犬" in texts_of(picture(answer, "svg"))


def test_texts_that_no_xml_may_hold():
    """Control characters of a name become blanks."""
    assert "a b" in texts_of(picture(samples.coverage(concepts=("a\x00\x1b\nb",)), "svg"))


@pytest.mark.parametrize(
    ("kind", "name", "error", "said"),
    [
        ("maps", "x.png", UnknownName, "No plot named 'maps'"),
        ("map", "x.jpg", InvalidInput, "neither .png nor .svg"),
        ("map", "x", InvalidInput, "neither .png nor .svg"),
        ("map", "absent/x.png", InvalidInput, "absent is not there"),
        ("map", "folder.png", InvalidInput, "cannot be written"),
    ],
)
def test_files_that_cannot_be(tmp_path, kind, name, error, said):
    """Refused before any work."""
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(error, match=said):
        check_plot(kind, tmp_path / name)
    check_plot("map", tmp_path / "X.PNG", 8)
    with pytest.raises(InvalidInput, match="these are 9"):
        check_plot("map", tmp_path / "X.PNG", 9)


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be written"):
        save_plot(samples.coverage(), tmp_path / "gone" / "x.png")


def test_without_matplotlib_the_cure_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra) as refused:
        picture(samples.coverage())
    assert refused.value.hint == "pip install 'lens[plots]'"
