"""How well a score tells true reliance: after Adebayo et al., ICLR 2022."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.fleet.recipes import ENCODED, SPURIOUS
from benchmarks.fleet.truth import RELIES
from indexer.domain import scores as scores_of

RECALL = 0.90
"""At which precision is reported."""


@dataclass(frozen=True)
class Claim:
    """What a net does with an artefact, and what the audit's measures said of it."""

    member: str
    kind: str
    artefact: str
    planted: bool
    flips: float
    """The truth: share of exact pairs that the artefact turns."""
    scores: dict[str, float | None]
    """Measure → score; unset where it was not assessable."""

    @property
    def relies(self) -> bool:
        """Whether the net truly relies on the artefact."""
        return self.flips >= RELIES

    @property
    def hard(self) -> bool:
        """A planted cue truly relied on, or an artefact encoded and not relied on: what plain alignment cannot tell."""
        return self.planted and ((self.kind == SPURIOUS and self.relies) or (self.kind == ENCODED and not self.relies))


def scored(claims: list[Claim], score: str) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Truth and score of the claims; a score that was not assessable is the lowest, for it warns of nothing."""
    values = np.array([np.nan if (value := each.scores[score]) is None else value for each in claims])
    values[np.isnan(values)] = -np.inf
    return np.array([each.relies for each in claims]), values


def auroc(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Chance that a score where `truth` holds exceeds one where it does not, ties half; unset without both."""
    if truth.all() or not truth.any():
        return None
    return scores_of.auroc(scores[truth], scores[~truth])


def precision_at_recall(truth: NDArray[np.bool_], scores: NDArray[np.float64], recall: float = RECALL) -> float | None:
    """Share of true ones among all at or above the threshold that first reaches the recall; unset without true ones."""
    wanted = int(np.ceil(recall * truth.sum() - 1e-9))
    if not wanted:
        return None
    threshold = np.sort(scores[truth])[::-1][wanted - 1]
    return float(truth[scores >= threshold].mean())


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Spearman's, ties sharing their mean rank; unset where either is constant."""
    ranks = [rankdata(each) - (len(each) + 1) / 2 for each in (first, second)]
    spread = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / spread if spread else None


def carries(effects: list[float]) -> NDArray[np.bool_]:
    """Which neurons carry an artefact to the decision: at least half the effect of the strongest."""
    effect = np.array(effects)
    carrying: NDArray[np.bool_] = effect >= effect.max() / 2
    return carrying


def share(of: list[bool]) -> float | None:
    """Share that holds; unset of none."""
    return float(np.mean(of)) if of else None
