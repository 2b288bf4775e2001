"""Inline SVG: an interval against its limit, an overlay's dose and response. Colour only repeats what is drawn."""

import math
from typing import NamedTuple

from lens_server.audit.renderers import wording
from lens_server.markup import Html, element
from lens_server.report import Dose, Finding, Result

WIDTH, HEIGHT = 320, 46
_EDGE = 10
_TRACK = 15
_DOSE_WIDTH, _DOSE_HEIGHT = 240, 110
_LABEL = 46
"""Room that a number under the track takes."""


class Scale(NamedTuple):
    """From a measured value to a place on the track."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Place from the left, to a hundredth so that equal reports have equal bytes."""
        share = (value - self.low) / (self.high - self.low)
        return round(_EDGE + share * (WIDTH - 2 * _EDGE), 2)

    def held(self, value: float) -> float:
        """Its place, at the end of the track for what lies beyond."""
        return self.at(min(max(value, self.low), self.high))


def scale(finding: Finding) -> Scale:
    """One scale for all claims of a rule, with zero and every limit on it."""
    values = [0.0]
    for each in finding.results:
        values += [value for value in (each.estimate, each.lower, each.upper) if value is not None]
        values += [end for part in wording.forbidden(finding, each) for end in part if math.isfinite(end)]
        if _comparable(finding) and each.baseline is not None:
            values.append(each.baseline)
    low, high = min(values), max(values)
    room = (high - low or 1.0) * 0.06
    return Scale(low - room if low < 0 else 0.0, high + room if high > 0 else 0.0)


def interval(finding: Finding, result: Result, on: Scale) -> Html:
    """The number with its interval, the limits, and hatched where the rule is broken."""
    broken = wording.forbidden(finding, result)
    marks = [_hatched(*(on.held(each) for each in part)) for part in broken]
    marks.append(_line("track", _EDGE, WIDTH - _EDGE, _TRACK))
    if result.lower is not None and result.upper is not None:
        marks += _bar(on.at(result.lower), on.at(result.upper))
    if result.baseline is not None and _comparable(finding):
        marks.append(_diamond(on.at(result.baseline)))
    if result.estimate is not None:
        marks.append(_dot(on.at(result.estimate)))
    limits = {end: wording.exact(end, result) for part in broken for end in part if math.isfinite(end)}
    marks += _limits(limits, on)
    said = f"{wording.interval(result)}, limit {wording.limit(finding, result)}"
    return element("svg", *marks, class_="plot", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=said)


def key() -> Html:
    """How an interval is to be read, once for all."""
    limit, end = WIDTH * 0.45, WIDTH - _EDGE
    marks = [
        _hatched(limit, end),
        _line("track", _EDGE, end, _TRACK),
        *_bar(40, 110),
        _diamond(190),
        _dot(75),
        _upright("limit", limit, 1, 29),
        element("text", "limit", class_="limit-label", x=_figure(limit), y=42, text_anchor="middle"),
    ]
    told = (
        "How to read the intervals: the dot is what was measured, the bar its confidence interval at the corrected "
        "level. A rule passes only when the whole bar lies outside the hatched part, and fails only when the "
        "whole bar lies inside. A diamond is the baseline."
    )
    drawn = element("svg", *marks, class_="plot", viewBox=f"0 0 {WIDTH} {HEIGHT}", aria_hidden="true")
    return element("div", drawn, element("p", told, class_="soft"), class_="key-to-plots")


def _comparable(finding: Finding) -> bool:
    """Whether the baseline's number lies on the same scale; of a comparison the difference is judged."""
    return finding.type != "compare"


def _hatched(start: float, end: float) -> Html:
    wide = _figure(max(end - start, 0))
    return element("rect", class_="forbidden", x=_figure(start), y=4, width=wide, height=22)


def _dot(place: float) -> Html:
    return element("circle", class_="estimate", cx=_figure(place), cy=_TRACK, r="4.5")


def _line(name: str, start: float, end: float, height: float) -> Html:
    return element("line", class_=name, x1=_figure(start), x2=_figure(end), y1=_figure(height), y2=_figure(height))


def _upright(name: str, place: float, top: float, bottom: float) -> Html:
    return element("line", class_=name, x1=_figure(place), x2=_figure(place), y1=_figure(top), y2=_figure(bottom))


def _bar(lower: float, upper: float) -> list[Html]:
    bar = element("rect", class_="interval", x=_figure(lower), y=_TRACK - 2, width=_figure(upper - lower), height=4)
    return [bar, *(_upright("cap", each, _TRACK - 6, _TRACK + 6) for each in (lower, upper))]


def _diamond(place: float) -> Html:
    points = f"{_figure(place)},{_TRACK - 6} {_figure(place + 5)},{_TRACK} {_figure(place)},{_TRACK + 6} "
    return element("polygon", class_="baseline", points=f"{points}{_figure(place - 5)},{_TRACK}")


def _limits(limits: dict[float, str], on: Scale) -> list[Html]:
    """Each limit's line and number, and zero's where there is room for it."""
    places = [on.at(each) for each in limits]
    words = ("", "limit ")  # said once, at the higher one
    marks = [_upright("limit", each, 1, 29) for each in places]
    marks += [
        _number(place, f"{words[place == max(places)]}{shown}", "limit-label")
        for place, shown in zip(places, limits.values(), strict=True)
    ]
    zero = on.at(0.0)
    if all(abs(zero - each) > _LABEL for each in places):
        marks += [_upright("zero", zero, 10, 20), _number(zero, "0", "zero-label")]
    return marks


def _number(place: float, shown: str, name: str) -> Html:
    anchor = "start" if place < _LABEL else "end" if place > WIDTH - _LABEL else "middle"
    held = min(max(place, 2), WIDTH - 2) if anchor != "middle" else place
    return element("text", shown, class_=name, x=_figure(held), y=42, text_anchor=anchor)


def _figure(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def doses(given: tuple[Dose, ...]) -> Html:
    """Share of decisions that change, over the strength of the overlay."""
    top = max(*(each.flips for each in given), 0.01)
    left, foot, right, head = 34, _DOSE_HEIGHT - 24, _DOSE_WIDTH - 12, 12
    places = [
        (left + each.strength * (right - left), foot - max(each.flips, 0) / top * (foot - head)) for each in given
    ]
    path = " ".join(f"{_figure(x)},{_figure(y)}" for x, y in places)
    marks = [_line("track", left, right, foot), _upright("track", left, head, foot)]
    marks.append(element("polyline", class_="response", points=path))
    marks += [element("circle", class_="estimate", cx=_figure(x), cy=_figure(y), r="3.5") for x, y in places]
    marks += [
        element("text", wording.number(top, 2), class_="zero-label", x=left - 4, y=head + 4, text_anchor="end"),
        element("text", "0", class_="zero-label", x=left - 4, y=foot + 4, text_anchor="end"),
        element("text", "strength 0", class_="zero-label", x=left, y=_DOSE_HEIGHT - 6),
        element("text", "1", class_="zero-label", x=right, y=_DOSE_HEIGHT - 6, text_anchor="end"),
    ]
    said = "Share of decisions that change, by strength of the overlay; the table holds the numbers"
    box = f"0 0 {_DOSE_WIDTH} {_DOSE_HEIGHT}"
    return element("svg", *marks, class_="dose-plot", viewBox=box, role="img", aria_label=said)
