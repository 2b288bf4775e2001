"""Every measure of the audit against its definition, written out image by image on a real index."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from indexer.interventions.overlays import PLACEBO, paste, seed_of
from indexer.progress import Silent
from lens_server.audit.check import AuditOptions, judged, make_scene, measured
from lens_server.audit.measures.ablation_effect import _random_sets, _some
from lens_server.audit.probe_set import probe_set
from lens_server.audit.questions import MEASURES, measure_of, questions_of
from lens_server.audit.reading import parse_rulebook
from tests.oracles import textbook

BOOK = b"""
schema: concept-rules/v1
ruleset: {id: twins, version: "1.0.0", title: Twins}
target: {classes: {benign: 0, malignant: 1}, layers: [block4]}
foundation_model: {name: index}
statistics: {bootstrap: 200, null_draws: 200, min_present: 10, min_absent: 10}
concepts:
  - {id: asymmetry, kind: valid, prompts: [asymmetry], label_column: asymmetric}
  - {id: patch, kind: spurious, prompts: [colour patch], overlay: colour_patch, label_column: patch}
  - {id: colours, kind: valid, prompts: [many colours], label_column: colours, label_value: ">= 4"}
rules:
  - {id: contrast, type: limit, concepts: [patch], classes: [malignant], measure: contrast_effect,
     adjust_for: [asymmetry, colours], max: 1, severity: low}
  - {id: summed, type: limit, concepts: [patch, asymmetry], classes: [malignant], measure: contrast_effect,
     adjust_for: [colours], aggregate: sum, max: 1, severity: low}
  - {id: share, type: limit, concepts: [colours, patch], classes: [malignant], measure: relevance_share,
     aggregate: sum, max: 1, severity: low}
  - {id: rest, type: unexplained, classes: [malignant], max: 1, severity: low}
  - {id: encoded, type: limit, concepts: [colours], measure: encoded, max: 1, severity: low}
  - {id: effect, type: limit, concepts: [patch], classes: [malignant], measure: intervention_effect, max: 1,
     severity: low}
  - {id: flips, type: limit, concepts: [patch], classes: [malignant], measure: flip_rate, max: 1, severity: low}
  - {id: ablated, type: limit, concepts: [colours], classes: [malignant], measure: ablation_effect, max: 1,
     severity: low}
"""


@pytest.fixture(scope="module")
def scene(opened_lens):
    book = parse_rulebook(BOOK, "twins").rulebook
    return make_scene(opened_lens, book, probe_set(opened_lens.index), AuditOptions(images=60), Silent())


def asked(scene, name):
    rule = next(each for each in scene.rulebook.rules if each.id == name)
    (question,) = questions_of(rule, scene.rulebook)
    return measure_of(rule)(scene, question), question


def columns(scene, *names):
    table = scene.probe_set.metadata
    return [[int(value) for value in table[name]] for name in names]


def margins_in_spreads(scene):
    rows = scene.probe_set.logits.tolist()
    plain = [row[1] - row[0] for row in rows]
    mean = sum(plain) / len(plain)
    spread = (sum((each - mean) ** 2 for each in plain) / len(plain)) ** 0.5
    return [each / spread for each in plain], spread


def truth(scene):
    return [{"benign": 0, "malignant": 1}[label] for label in scene.probe_set.metadata["label"]]


def test_contrast(scene):
    margins, _ = margins_in_spreads(scene)
    patch, asymmetric, colours = columns(scene, "patch", "asymmetric", "colours")
    strata = list(zip(truth(scene), asymmetric, [int(each >= 4) for each in colours], strict=True))
    found, _ = asked(scene, "contrast")
    assert found.estimate.value == pytest.approx(textbook.contrast(margins, patch, strata))
    assert found.present == sum(patch)


def test_a_sum_of_contrasts_adds_sizes(scene):
    margins, _ = margins_in_spreads(scene)
    patch, asymmetric, colours = columns(scene, "patch", "asymmetric", "colours")
    strata = list(zip(truth(scene), [int(each >= 4) for each in colours], strict=True))
    expected = sum(abs(textbook.contrast(margins, each, strata)) for each in (patch, asymmetric))
    assert asked(scene, "summed")[0].estimate.value == pytest.approx(expected)


def flagged_units(scene, *names):
    flags, neurons = scene.flags, scene.index.neurons
    return {
        int(neurons.unit[row])
        for name in names
        for row, marked in zip(flags.rows.tolist(), flags.of(name).tolist(), strict=True)
        if marked
    }


def relevance_by_unit(scene):
    table, neurons = scene.index.relevance, scene.index.neurons
    block4 = neurons.layers.index("block4")
    return {
        int(neurons.unit[row["neuron"]]): float(row["absolute"])
        for row in table[table["class"] == "malignant"].to_dict("records")
        if neurons.layer[row["neuron"]] == block4
    }


def test_relevance_share_and_what_is_left(scene):
    relevance = relevance_by_unit(scene)
    assert len(relevance) == 96
    named = flagged_units(scene, "colours", "patch")
    assert named, "the clean net has neurons for colours"
    share = sum(relevance[unit] for unit in named) / sum(relevance.values())
    assert asked(scene, "share")[0].estimate.value == pytest.approx(share, rel=1e-6)
    listed = flagged_units(scene, "asymmetry", "colours", "patch")
    rest = 1 - sum(relevance[unit] for unit in listed) / sum(relevance.values())
    assert asked(scene, "rest")[0].estimate.value == pytest.approx(rest, rel=1e-6)


def test_encoded(scene):
    flags = scene.flags
    counted = int(flags.counted.sum())
    both = sum(bool(a and b) for a, b in zip(flags.of("colours"), flags.counted, strict=True))
    assert asked(scene, "encoded")[0].estimate.value == pytest.approx(both / counted)


def decisions_by_image(scene, overlay):
    """Margin and decision of each image that lacks a patch, without, with the overlay, and with the placebo."""
    laboratory = scene.laboratory
    places = [place for place in laboratory._chosen().tolist() if not scene.probe_set.metadata["patch"][place]]
    found = []
    for place in places:
        number = int(scene.probe_set.numbers[place])
        image = laboratory.dataset.load(number)
        seed = seed_of(laboratory.dataset.keys[number], 0)
        row = []
        for shown in (image, paste(overlay, image, seed), paste(PLACEBO, image, seed)):
            with torch.inference_mode():
                logits = laboratory.subject.module.eval()(laboratory.subject.preprocess(shown)[None])[0].tolist()
            row.append((logits[1] - logits[0], logits[1] > logits[0]))
        found.append(row)
    return found


def test_intervention_effect_and_flip_rate(scene):
    rows = decisions_by_image(scene, "colour_patch")
    _, spread = margins_in_spreads(scene)
    effect = sum(having[0] - without[0] for without, having, _ in rows) / len(rows) / spread
    flips = sum((having[1] != without[1]) - (plain[1] != without[1]) for without, having, plain in rows) / len(rows)
    found = asked(scene, "effect")[0]
    assert found.estimate.value == pytest.approx(effect, abs=1e-4)
    assert found.present == len(rows)
    assert asked(scene, "flips")[0].estimate.value == pytest.approx(flips)


def test_ablation_holds_flagged_neurons_at_their_mean_without_the_concept(scene):
    found, question = asked(scene, "ablated")
    units, neurons = flagged_units(scene, "colours"), scene.index.neurons
    presence = scene.presence(question.concepts[0]).values
    having, lacking = (_some(scene, presence == each) for each in (1, 0))
    net = scene.laboratory.subject.module.eval()
    pictures = {
        place: scene.laboratory.subject.preprocess(scene.laboratory.dataset.load(int(scene.probe_set.numbers[place])))
        for place in (*having.tolist(), *lacking.tolist())
    }
    with torch.inference_mode():
        absent = torch.stack([net.until("block4", pictures[place][None])[0] for place in lacking.tolist()])
        means = absent.mean(dim=(0, 2, 3))

        def changes(chosen):
            total = []
            for place in having.tolist():
                maps = net.until("block4", pictures[place][None])
                held = maps.clone()
                for unit in chosen:
                    held[:, unit] = means[unit]
                before, after = net.after("block4", maps)[0], net.after("block4", held)[0]
                total.append(abs(float(after[1] - after[0] - before[1] + before[0])))
            return np.array(total) / scene.spread(1)

        own = changes(sorted(units))
        rows = scene.rows_flagged(question.concepts)
        others = [changes(sorted(int(neurons.unit[row]) for row in each)) for each in _random_sets(scene, rows)]
    assert found.estimate.value == pytest.approx(float((own - np.mean(others, axis=0)).mean()), abs=1e-3)


def test_every_measure_that_a_rulebook_can_name_is_tested_here():
    asked_here = {
        line.split("measure: ")[1].split(",")[0].strip() for line in BOOK.decode().splitlines() if "measure: " in line
    }
    assert asked_here == set(MEASURES)


def test_the_order_of_rules_changes_no_verdict(scene):
    def verdicts(rules):
        book = scene.rulebook.model_copy(update={"rules": tuple(rules)})
        ordered = replace(scene, rulebook=book)
        found = judged(ordered, measured(ordered, None, Silent()), AuditOptions())
        return {each.rule: (each.verdict, each.results) for each in found}

    rules = [rule for rule in scene.rulebook.rules if rule.tier != 3]
    assert verdicts(rules) == verdicts(reversed(rules))
