"""Sides to compare: the alive neurons of one real index under several names, called what a test says."""

import numpy as np
import pytest

from lens_server.answers import Label, State, Where
from lens_server.queries.neurons import neuron_at
from lens_server.queries.sides import Side
from lens_server.queries.significance import Significance


@pytest.fixture
def alive_rows(opened_lens):
    """Rows of the alive neurons."""
    from indexer.domain.neurons import NeuronId

    found = opened_lens.neurons(Where(states=(State.ALIVE,)), page_size=1000).neurons
    return np.array([opened_lens.index.neurons.row(NeuronId.parse(each.id)) for each in found])


@pytest.fixture
def side_of(opened_lens, alive_rows):
    """A function: a name and rows (by default the alive) → a side of the real index."""

    def made(name, rows=None):
        return Side(name, opened_lens.index, Significance(opened_lens.index), alive_rows if rows is None else rows)

    return made


@pytest.fixture
def canned(monkeypatch):
    """A function: makes `label` of a module call the neurons of each side, in turn, what is said."""

    def set_names(module, *names_by_side):
        waiting = list(names_by_side)

        def told(index, significance, rows, *_):
            names = waiting.pop(0)
            for at, row in enumerate(rows):
                text = names[at] if at < len(names) else None
                alignment = 0.3 - at / 1000
                missing = None if text else "clarity"
                yield Label(neuron_at(index, int(row)), text, alignment, None, (at + 1) / 1000, (), missing)

        monkeypatch.setattr(module, "label", told)

    return set_names


@pytest.fixture
def foreign_index(opened_lens):
    """The same index, as if it were of another embedding space."""
    space = opened_lens.index.manifest.foundation_model.model_copy(update={"digest": "0" * 64})
    changed = opened_lens.index.manifest.model_copy(update={"foundation_model": space})

    class Foreign:
        manifest = changed
        neurons = opened_lens.index.neurons

    return Foreign()
