"""Token graphs and predictions on a terminal, with colours and without."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from lens_server.answers import NeuronCard
from lens_server.cli.graph_tables import (
    print_alike,
    print_graph,
    print_layers,
    print_listing,
    print_prediction,
    print_text_card,
)
from lens_server.cli.heated_text import WARM, heated_text, path_text, tokens_text
from lens_server.graph_drawings.heat import red
from lens_server.text_answers import Estimate, GraphHit, GraphLayer, GraphSummary
from tests.unit.lens_server.graph_drawings.sample_cards import (
    FAILED,
    MANY,
    NEURON,
    PREDICTION,
    SMALL,
    SNIPPET,
    STRANGE,
    path,
    token,
    wildcard,
)

TOKENS, SHARES = ("if", " x", ")"), (0.97, 0.2, 0.0)


def console(**settings):
    return Console(file=io.StringIO(), width=200, highlight=False, **settings)


def test_without_colours_the_figures_are_written():
    assert heated_text(console(), TOKENS, SHARES, 0).plain == "‹if 0.97› x)"
    assert heated_text(console(), (" if",), (0.5,)).plain == " ‹if 0.50›"


def test_with_colours_the_text_is_as_it_is_and_the_pivot_bold():
    told = heated_text(console(force_terminal=True, color_system="truecolor"), TOKENS, SHARES, 0)
    assert told.plain == "if x)"
    first, second, third = (span.style for span in told.spans)
    assert (first.bgcolor.name, first.bold, first.underline) == (red(0.97), True, True)
    assert (second.bgcolor, second.color.name, second.bold, second.underline) == (None, WARM, False, None)
    assert third.bgcolor is None and third.color is None


def test_a_text_of_ones_own_is_set_in_its_lines():
    assert heated_text(console(), ("a", "\n", "b"), (0.0, 0.0, 0.5), lines=True).plain == "a↵\n‹b 0.50›"


def test_no_color_is_kept_to():
    quiet = console(force_terminal=True, color_system="truecolor", no_color=True)
    assert heated_text(quiet, TOKENS, SHARES).plain == "‹if 0.97› x)"


def test_a_path_is_read_as_it_stands_in_a_text():
    told = path_text(path(token("*"), wildcard(), token("\n", 0.8)))
    assert told.plain == "‹↵› * ‹*›"
    assert tokens_text(["a", "b", "c"], 2) == "‹a› ‹b› and 1 more"
    assert tokens_text([]) == "none"


@pytest.mark.parametrize("card", [SMALL, STRANGE, MANY, FAILED], ids=["small", "strange", "many", "failed"])
def test_graphs_are_printed_without_anything_a_terminal_would_obey(card, capsys):
    print_graph(card, 20)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "\u202e" not in shown and NEURON.id in shown


def test_the_strongest_paths_come_first_and_the_others_are_counted(capsys):
    print_graph(MANY, 3)
    shown = capsys.readouterr().out
    assert "and 87 weaker paths" in shown and "0.94" in shown and "0.60" not in shown


def test_markup_in_tokens_and_labels_is_text(capsys):
    print_graph(STRANGE, 20)
    print_text_card(NeuronCard(replace(NEURON, label="[red]x[/]"), (), (), (), (), (SNIPPET,)), STRANGE)
    shown = capsys.readouterr().out
    assert "[bold]x[/]" in shown and "[red]x[/]" in shown


def test_the_card_holds_snippets_and_graph(capsys):
    print_text_card(NeuronCard(NEURON, (), (), (), (), (SNIPPET,)), SMALL)
    shown = capsys.readouterr().out
    for each in ("'imports'", "alive", "os.py:120", "‹import 1.00›", "Token graph", "‹from› * ‹␣import›"):
        assert each in shown


def test_a_prediction_beside_what_was_measured(capsys):
    print_prediction(PREDICTION)
    shown = capsys.readouterr().out
    assert "‹import 0.87›" in shown and "‹import 1.00›" in shown and "measured" in shown
    assert any(line.split() == ["4", "‹␣path›", "0.00", "0.50"] for line in shown.splitlines())
    print_prediction(replace(PREDICTION, predicted=(0.0,) * 13, measured=()))
    assert "It fires on no token of it." in capsys.readouterr().out


def test_layers_with_their_margins(capsys):
    def about(mean, margin=None):
        return Estimate(mean, None if margin is None else mean - margin, None if margin is None else mean + margin)

    one = about(0.5)
    print_layers(
        [
            GraphLayer("act", 1200, 3, 4, about(0.71, 0.02), one, about(0.2, 0.05), about(0.6, 0.1), about(0.4, 0.1)),
            GraphLayer("one", 1, 0, 0, one, one, about(0.0), one, one),
        ]
    )
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert rows["act"] == [
        "1,200",
        "3",
        "4",
        "0.710",
        "±0.020",
        "0.500",
        "+0.200",
        "±0.050",
        "0.600",
        "±0.100",
        "0.400",
    ]
    assert rows["one"] == ["1", "0", "0", "0.500", "0.500", "+0.000", "0.500", "0.500"]


def test_lists(capsys):
    print_listing([GraphSummary(NEURON, 5, 2, (" import", ")"), (), 0.71)])
    print_alike([GraphHit(NEURON, 0.4, 0.5, 0.3)])
    print_alike([])
    shown = capsys.readouterr().out
    assert "‹␣import› ‹)›" in shown and "0.40" in shown and "No other graph shares a token with it." in shown
