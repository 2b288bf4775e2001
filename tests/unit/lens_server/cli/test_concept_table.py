"""`lens diff --concepts` for people."""

from lens_server.answers import Pair
from lens_server.changes import ConceptChange, ConceptDiff, ConceptStrength, Trend
from lens_server.cli.concept_table import print_concepts

NONE = ConceptStrength(0, 0.0, None, None, None)
SOME = ConceptStrength(5, 0.05, "block4/3", 0.4, 7.25)


def test_every_change_and_the_first_of_the_same(capsys):
    """Counts, shares, best z, p and the best match; a dash for what is not there; brackets are no markup."""
    changes = (
        ConceptChange("ruler", Trend.APPEARED, NONE, SOME, 0.03, ()),
        ConceptChange("[red]hair[/]", Trend.SAME, SOME, SOME, 1.0, (Pair("block4/3", "block4/9", 0.987),)),
        ConceptChange("ink", Trend.SAME, SOME, SOME, 1.0, ()),
    )
    print_concepts(ConceptDiff("before", "after", 100, 96, 10, 15, 4, changes), limit=1)
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line.strip()}
    assert rows["ruler"] == ["ruler", "appeared", "-", "5", "(5.0%)", "-", "7.2", "0.0300", "-"]
    assert rows["[red]hair[/]"][-4:] == ["block4/3", "–", "block4/9", "0.99"]
    assert "ink" not in rows
    assert "before: 100 alive neurons, 10 named" in shown
    assert "1 appeared, 0 vanished, 0 strengthened, 0 weakened, 2 same; 4 entries name no neuron of either" in shown


def test_a_vocabulary_is_for_concepts(lens_command):
    """Alone it would be ignored."""
    status, _, err = lens_command("diff", "a", "b", "dermoscopy")
    assert status == 2
    assert "--concepts" in err
