"""The shipped rulebooks are sound, and what they name is there."""

import csv
from pathlib import Path

import pytest

from indexer.datasets.lesions import CLASSES, CONCEPTS, World, columns
from lens_server.audit.reading import SHIPPED, read_rulebook
from lens_server.audit.rulebook import OVERLAYS
from tests.unit.lens_server.audit.test_reading import EXAMPLES

BOOKS = {name: read_rulebook(name) for name in SHIPPED}
ISIC = EXAMPLES.parent / "data" / "isic2017" / "samples.csv"


@pytest.mark.parametrize("name", SHIPPED)
def test_it_has_neither_faults_nor_warnings(name):
    assert BOOKS[name].warnings == ()


@pytest.mark.parametrize("name", SHIPPED)
def test_it_can_be_run_as_it_is(name):
    """No weights that nobody has, no baseline that is not there, and the eyes are those of the index."""
    rulebook = BOOKS[name].rulebook
    assert rulebook.foundation_model.name == "index" and rulebook.foundation_model.weights_sha256 is None
    assert not any(rule.type == "compare" or rule.baseline for rule in rulebook.rules)
    assert rulebook.controls.placebo_prompts and rulebook.controls.positive_control
    assert any(rule.blocking for rule in rulebook.rules)
    assert rulebook.target.group_by == "" and rulebook.target.layers == ()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_rule_says_what_it_is_about(name):
    for rule in BOOKS[name].rulebook.rules:
        assert rule.title, rule.id
        assert not rule.blocking or rule.rationale, rule.id


@pytest.mark.parametrize("name", ["abcde", "lesions"])
def test_diameter_and_evolution_are_declared(name):
    rulebook = BOOKS[name].rulebook
    declared = {each for rule in rulebook.rules if rule.type == "declare" for each in rule.concepts}
    assert declared == {"diameter", "evolving"}
    assert all(rulebook.concept(each).assessable == "never" for each in declared)


def test_every_name_is_shipped():
    folder = Path(__file__).resolve().parents[4] / "lens_server" / "audit" / "rulebooks"
    assert sorted(path.stem for path in folder.glob("*.yaml")) == sorted(SHIPPED)


def test_the_lesion_rulebook_names_what_the_lesion_world_has():
    rulebook = BOOKS["lesions"].rulebook
    assert rulebook.target.classes == {name: number for number, name in enumerate(CLASSES)}
    row = columns(World(seed=7).sample(0))
    wordings = {words for concept in CONCEPTS.values() for words in (*concept.nouns, *concept.adjectives)}
    for concept in rulebook.concepts:
        assert not concept.label_column or row[concept.label_column] in (0, 1), concept.id
        assert set(concept.prompts) | set(concept.against) <= wordings, concept.id
        assert concept.kind != "spurious" or concept.overlay in OVERLAYS


@pytest.mark.skipif(not ISIC.is_file(), reason="no ISIC 2017 beside LENS_DATA")
def test_the_abcde_rulebook_names_the_columns_of_isic_2017():
    with ISIC.open(newline="") as file:
        header = next(csv.reader(file))
    named = {concept.label_column for concept in BOOKS["abcde"].rulebook.concepts if concept.label_column}
    assert named <= set(header) and len(named) == 7
