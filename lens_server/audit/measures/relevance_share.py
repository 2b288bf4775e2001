"""Share of a class's relevance in flagged neurons: tier 2, triage only (AUDIT.md's measurements say why)."""

import numpy as np
from numpy.typing import NDArray

from lens_server.audit.measures.measure import Measured, Question
from lens_server.audit.measures.seeing import blind, doubt
from lens_server.audit.rulebook import Concept
from lens_server.audit.scene import Scene
from lens_server.audit.statistics import Estimate

_EVIDENCE = "stored relevance"


def relevance_share(scene: Scene, question: Question) -> Measured:
    """Σ over flagged R / Σ R, R = mean |gradient · (activation − mean)| over images of the class; no spread."""
    refusal = blind(scene, question, _EVIDENCE)
    if refusal is not None:
        return refusal
    share, flagged, why = _share(scene, question.concepts, question.output)
    if share is None:
        return Measured(None, _EVIDENCE, why=why)
    return _measured(share, flagged, len(scene.flags.rows), doubt(scene, question))


def relevance_ratio(scene: Scene, question: Question) -> Measured:
    """Share of all spurious concepts over the share of the rule's own: what `max_ratio` limits."""
    spurious = tuple(each for each in scene.rulebook.concepts if each.kind == "spurious" and not scene.unseen(each))
    refusal = blind(scene, question, _EVIDENCE)
    if refusal is not None or not spurious:
        return refusal or Measured(None, _EVIDENCE, why="no spurious concept can be seen", assessable=False)
    own, flagged, why = _share(scene, question.concepts, question.output)
    against, _, _ = _share(scene, spurious, question.output)
    if own is None or against is None:
        return Measured(None, _EVIDENCE, why=why)
    if own == 0:
        names = ", ".join(each.id for each in question.concepts)
        return Measured(None, _EVIDENCE, why=f"no neuron is flagged for {names}: there is nothing to divide by")
    return _measured(against / own, flagged, len(scene.flags.rows), doubt(scene, question))


def unexplained(scene: Scene, question: Question) -> Measured:
    """Share of a class's relevance in neurons that are flagged for no concept of the rulebook; no spread."""
    listed = tuple(each for each in scene.rulebook.concepts if each.assessable == "yes" and not scene.unseen(each))
    share, flagged, why = _share(scene, listed, question.output)
    if share is None:
        return Measured(None, _EVIDENCE, why=why)
    return _measured(1 - share, flagged, len(scene.flags.rows), "")


def shares_by_row(scene: Scene, output: int) -> NDArray[np.float64] | None:
    """Each neuron's share of a class's relevance [rows of the index]; None where the index holds none."""
    values = scene.relevance(output)
    if values is None:
        return None
    total = values.sum()
    return values / total if total > 0 else None


def _share(scene: Scene, concepts: tuple[Concept, ...], output: int | None) -> tuple[float | None, int, str]:
    assert output is not None
    if scene.index.relevance is None:
        return None, 0, "the index holds no relevance: build it with --classes"
    shares = shares_by_row(scene, output)
    if shares is None:
        return None, 0, "no neuron has any relevance for the class"
    rows = scene.rows_flagged(concepts)
    neurons = scene.index.neurons
    # The relevance of a neuron stands at its positive end, whichever end is flagged.
    places = np.unique(np.stack([neurons.layer[rows], neurons.unit[rows]]), axis=1)
    marked = {(layer, unit) for layer, unit in places.T.tolist()}
    positive = np.flatnonzero(neurons.polarity > 0)
    chosen = [row for row in positive.tolist() if (int(neurons.layer[row]), int(neurons.unit[row])) in marked]
    return float(shares[chosen].sum()), len(marked), ""


def _measured(value: float, flagged: int, asked: int, caution: str) -> Measured:
    return Measured(Estimate(value, 0.0, asked), _EVIDENCE, flagged, asked - flagged, caution=caution)
