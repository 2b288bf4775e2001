"""Several indexes at a glance: coverage, series, plots."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer

from indexer.errors import InvalidInput
from lens_server.answers import IndexSummary, Neuron
from lens_server.cli import output
from lens_server.cli.overview_tables import print_coverage, print_series
from lens_server.cli.targets import Together
from lens_server.overviews import ConceptMap, Coverage, Series
from lens_server.plots import Drawable, check_plot, save_plot
from lens_server.queries.limits import checked
from lens_server.vocabularies import read_vocabulary


@dataclass(frozen=True)
class Glance:
    """What is asked of them; at most one of the first three is set."""

    coverage: bool
    series: bool
    plot: str | None
    out: Path | None
    vocabulary: str | None
    alpha: float | None
    limit: int | None

    @property
    def asked(self) -> bool:
        """Whether it is anything."""
        return self.coverage or self.series or self.plot is not None

    def check(self, png: Path | None, indexes: int) -> None:
        """Raise InvalidInput for a plot that cannot be written, and for options that would be ignored."""
        if self.plot is not None:
            if self.out is None:
                raise InvalidInput("--plot needs a file to write.", hint="Add --out FILE.png, or .svg.")
            check_plot(self.plot, self.out, indexes)
        tables = self.coverage or self.series
        names = tables or self.plot in ("coverage", "series", "map")
        for option, given, used, user in (
            ("--out", self.out, self.plot is not None, "--plot"),
            ("--limit", self.limit, tables, "--coverage and --series"),
            ("--vocabulary", self.vocabulary, names, "--coverage, --series and their plots, and --plot map"),
            ("--alpha", self.alpha, names, "--coverage, --series and their plots, and --plot map"),
            ("--png", png, not self.asked, "the card of a neuron"),
        ):
            if given is not None and not used:
                raise InvalidInput(f"{option} is for {user}.", hint="lens show --help")
        if self.limit is not None:
            checked("limit", self.limit)


def show_overview(targets: Sequence[str], glance: Glance, *, trust_pickle: bool, as_json: bool) -> None:
    """Ask the indexes; draw the answer, or print it."""
    answer = _asked(targets, glance, trust_pickle=trust_pickle)
    if glance.plot is not None and glance.out is not None:
        save_plot(answer, glance.out)
        if not as_json:
            typer.echo(f"{glance.out}: {_said(answer)}")
            return
    if as_json:
        output.print_json(answer if dataclasses.is_dataclass(answer) else _quartiles(answer))
    elif isinstance(answer, Coverage):
        print_coverage(answer, glance.limit or 5)
    elif isinstance(answer, Series):
        print_series(answer, glance.limit or 20)


def _asked(targets: Sequence[str], glance: Glance, *, trust_pickle: bool) -> Drawable:
    entries = read_vocabulary(glance.vocabulary or "general")
    alpha = 0.05 if glance.alpha is None else glance.alpha
    indexes = Together(targets, trust_pickle=trust_pickle)
    if glance.coverage or glance.plot == "coverage":
        return indexes.coverage(entries, alpha)
    if glance.series or glance.plot == "series":
        return indexes.series(entries, alpha)
    return indexes.concept_map(entries, alpha) if glance.plot == "map" else indexes.alive()


def _said(answer: Drawable) -> str:
    """What was drawn, in a line."""
    if isinstance(answer, Coverage):
        return f"{len(answer.concepts):,} concepts over {sum(len(each.layers) for each in answer.indexes):,} layers"
    if isinstance(answer, Series):
        return f"{len(answer.concepts):,} concepts over {len(answer.checkpoints):,} checkpoints"
    if isinstance(answer, ConceptMap):
        shown = f"{len(answer.points):,} alive neurons"
        return f"{shown}, a uniform sample of {answer.alive:,}" if len(answer.points) < answer.alive else shown
    return f"clarity of {sum(len(neurons) for _, neurons in answer):,} alive neurons"


def _quartiles(indexes: Sequence[tuple[IndexSummary, Sequence[Neuron]]]) -> list[dict[str, object]]:
    """Clarity of each layer: how many alive neurons, and the numbers that the boxes are drawn by."""
    found: list[dict[str, object]] = []
    for summary, neurons in indexes:
        for layer in summary.layers:
            known = [each.clarity for each in neurons if each.layer == layer.name and each.clarity is not None]
            low, middle, high = np.quantile(known, (0.25, 0.5, 0.75)).tolist() if known else (None, None, None)
            numbers = {"alive": len(known), "lower_quartile": low, "median": middle, "upper_quartile": high}
            found.append({"index": summary.name, "layer": layer.name, **numbers})
    return found
