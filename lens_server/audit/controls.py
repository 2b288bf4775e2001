"""Checks of the audit itself: neurons to ask, placebos not flagged, a planted effect found, concepts seen."""

import numpy as np

from lens_server.audit.contrast import contrast, presence_by_score
from lens_server.audit.scene import Scene
from lens_server.report import Control


def run_controls(scene: Scene) -> tuple[Control, ...]:
    """Every control that the rulebook asks for, and the competence of every concept."""
    controls = [_neurons(scene), *(_placebo(scene, prompt) for prompt in scene.sight.placebos)]
    if scene.rulebook.controls.positive_control is not None:
        controls.append(_positive(scene))
    return (*controls, *(_competence(scene, name) for name in scene.sight.competence))


def _neurons(scene: Scene) -> Control:
    """Without a neuron to ask, no control on neurons can fail: that must not look like a pass."""
    asked, needed = len(scene.flags.rows), scene.rulebook.statistics.min_exemplars
    layers = ", ".join(scene.rulebook.target.layers or scene.index.neurons.layers)
    sentence = f"{asked} neurons of {layers} are not dead and have the {needed} exemplars needed."
    return Control("neurons", layers, asked > 0, float(asked), 1.0, sentence)


def _placebo(scene: Scene, prompt: str) -> Control:
    flagged, most = int(scene.flags.of(prompt).sum()), scene.rulebook.controls.placebo_max_flagged
    neurons = "1 neuron is" if flagged == 1 else f"{flagged} neurons are"
    sentence = f"{neurons} flagged for {prompt!r}, of which no image shows anything; {most} may be."
    return Control("placebo", prompt, flagged <= most, float(flagged), float(most), sentence)


def _positive(scene: Scene) -> Control:
    wanted, planted = scene.rulebook.controls.positive_control, scene.sight.planted
    assert wanted is not None
    size = wanted.must_detect_at
    if planted.note:
        return Control("positive", wanted.overlay, None, None, size, f"It could not be planted: {planted.note}.")
    output = next(iter(scene.rulebook.target.classes.values()))
    margin = scene.margin(output)
    margin[planted.places[planted.pasted]] += size
    presence = np.full(len(margin), -1, dtype=np.int8)
    presence[planted.places] = presence_by_score(planted.scores)
    probe_set = scene.probe_set
    found = contrast(margin, presence, probe_set.truth[:, None], probe_set.groups, scene.bootstrap)
    if found is None:
        return Control("positive", wanted.overlay, None, None, size, "No true class has images with and without it.")
    # One-sided: an effect is to be found, not merely a difference.
    lower = found.bounds(2 * scene.rulebook.statistics.alpha)[0]
    sentence = (
        f"An effect of {size:g} σ was planted on images with a pasted {wanted.overlay}; through the foundation model's "
        f"eyes {found.value:.2f} σ was found, surely more than {lower:.2f}."
    )
    return Control("positive", wanted.overlay, lower > 0, found.value, size, sentence)


def _competence(scene: Scene, name: str) -> Control:
    seen, least = scene.sight.competence[name], scene.rulebook.foundation_model.min_concept_auc
    if seen.auroc is None:
        sentence = f"Whether the foundation model sees {name} was not measured: there are no control images."
        return Control("competence", name, None, None, least, sentence)
    able = "sees" if seen.auroc >= least else "cannot see"
    sentence = f"The foundation model {able} {name}: AUROC {seen.auroc:.3f} on {seen.controls}, {least:g} needed."
    return Control("competence", name, seen.auroc >= least, seen.auroc, least, sentence)
