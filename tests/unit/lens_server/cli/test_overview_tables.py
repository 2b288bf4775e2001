"""`lens show --coverage` and `--series` for people."""

import pytest

from lens_server.changes import ConceptStrength, Trend
from lens_server.cli.overview_tables import print_coverage, print_series
from lens_server.cli.targets import name_beside
from lens_server.overviews import (
    Checkpoint,
    ConceptCourse,
    ConceptPoint,
    Coverage,
    CoveredConcept,
    IndexCoverage,
    LayerCoverage,
    LayerHealth,
    Series,
    SeriesStep,
)


def rows_of(text):
    return {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}


def test_coverage_layer_by_layer(capsys):
    """The first concepts of each layer, how many more there are, and what is too few for a share."""
    known = tuple(CoveredConcept(text, 5, 0.052, "conv/3", 0.3, 0.004) for text in ("[red]hair[/]", "ink", "dots"))
    few = CoveredConcept("ruler", 1, None, "head/2", 0.2, 0.02)
    layers = (
        LayerCoverage("conv", 96, 15, False, known),
        LayerCoverage("head", 4, 1, True, (few,)),
        LayerCoverage("deep", 20, 0, False, ()),
    )
    print_coverage(Coverage((IndexCoverage("mine", 120, 16, layers),), ("x", "y"), 9), limit=2)
    shown = capsys.readouterr().out
    rows = rows_of(shown)
    assert "What the layers of mine know: 16 of 120 alive neurons named" in shown
    assert rows["conv"] == ["conv", "96", "15", "[red]hair[/]", "5", "5.2%", "conv/3", "0.300", "0.0040"]
    assert rows["and"] == ["and", "1", "more"]
    assert rows["head"] == ["head", "4", "1", "too", "few", "alive", "neurons", "for", "a", "share"]
    assert rows["ruler"] == ["ruler", "1", "-", "head/2", "0.200", "0.0200"]
    assert rows["deep"] == ["deep", "20", "0", "none"]
    assert "2 entries name some neuron; 9 name none" in shown


def test_a_series_with_its_steps_and_layers(capsys):
    """Shares, arrows, first names and rises; S both ways; clarity and alive share."""
    names = ("one", "two", "three")
    shares = ((0.0, None), (0.25, Trend.APPEARED), (0.5, Trend.STRENGTHENED))
    points = tuple(
        ConceptPoint(ConceptStrength(int(share * 100), share, None, None, None), trend, None) for share, trend in shares
    )
    courses = (ConceptCourse("ink", "two", "three", points), ConceptCourse("hair", "two", None, points))
    layers = {"one": LayerHealth("conv", 9, 0, 0.0, None), "two": LayerHealth("conv", 9, 9, 1.0, 0.4)}
    shown = tuple(Checkpoint(name, 9, 3, (layers[name],) if name in layers else ()) for name in names)
    steps = (SeriesStep("one", "two", 0.5, 0.25), SeriesStep("two", "three", 1.0, 1.0))
    print_series(Series(shown, steps, courses, 4), limit=1)
    text = capsys.readouterr().out
    rows = rows_of(text)
    assert rows["ink"] == ["ink", "two", "three", "-", "25.0%", "(25)", "+", "50.0%", "(50)", "↑"]
    assert "hair" not in rows and "1 more with --json" in text and "4 entries name no neuron" in text
    assert rows["one"] == ["one", "two", "0.500", "0.250"]
    assert rows["conv"] == ["conv", "-,", "0%", "0.400,", "100%", "-"]


@pytest.mark.parametrize(
    ("first", "other", "name"),
    [
        ("grpc://h:1/a", "b", "b"),
        ("grpc://h:1/a", "grpc://h:1/b", "b"),
        ("grpc://h:1/a", "demo/b", "b"),
        ("grpc://h:1", "b", "b"),
    ],
)
def test_names_beside(first, other, name):
    """Another index of the same server, as `lens diff` and `lens show` take it."""
    assert name_beside(first, other) == name
