"""Token graphs turned inside out: from tokens to the paths and the neurons that hold them."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Numbers = NDArray[np.int64]


class Postings(NamedTuple):
    """Under each key its values, ascending: values of key k lie at starts[k] to starts[k + 1]."""

    starts: Numbers
    values: Numbers

    @classmethod
    def of(cls, keys: Numbers, values: Numbers, size: int) -> "Postings":
        """From pairs of keys below `size`; equal ones count once."""
        width = int(values.max(initial=0)) + 1
        pairs = np.sort(keys * width + values)
        pairs = pairs[
            np.concatenate([[True], pairs[1:] != pairs[:-1]])[: len(pairs)]
        ]  # np.unique takes ten times as long
        return cls(np.searchsorted(pairs, np.arange(size + 1) * width), pairs % width)

    def under(self, keys: Numbers) -> Numbers:
        """Values of these keys one after the other."""
        parts = [self.values[self.starts[key] : self.starts[key + 1]] for key in keys]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def counts(self) -> Numbers:
        """Values under each key."""
        return np.diff(self.starts)


class TokenIndex:
    """The paths of all graphs of an index, by token. Made once for an opened index."""

    def __init__(self, graphs: pa.Table, neurons: int, cases: Numbers) -> None:
        """`graphs` is GRAPH_TABLE; `cases` [vocabulary] are equal for tokens that count as one for parts."""
        self._neurons, self._cases = neurons, cases
        self.neuron = _column(graphs, "neuron")
        """[paths] row of the neuron, ascending."""
        self.count = _column(graphs, "count")
        """[paths] observations."""
        self.mean = np.asarray(graphs["mean"]).astype(np.float64)
        """[paths] activation at the end."""
        lengths, tokens = _lists(graphs, "tokens")
        path, place = np.repeat(np.arange(len(lengths)), lengths), _places(lengths)
        first, literal = place == 0, (place > 0) & (tokens >= 0)
        taken, absorbed = _lists(graphs, "absorbed")
        self.first = tokens[first]
        """[paths] the token that fires it."""
        self._context_paths = np.concatenate([path[literal], np.repeat(np.arange(len(taken)), taken)])
        self._context_tokens = np.concatenate([tokens[literal], absorbed])

    @cached_property
    def paths_firing_on(self) -> Postings:
        """Token → paths that it fires."""
        return Postings.of(self.first, np.arange(len(self.first)), len(self._cases))

    @cached_property
    def paths_after(self) -> Postings:
        """Token → paths that hold it before the activating one, also where a wildcard absorbed it."""
        return Postings.of(self._context_tokens, self._context_paths, len(self._cases))

    @cached_property
    def activating(self) -> Postings:
        """Neuron → tokens it fires on."""
        return Postings.of(self.neuron, self.first, self._neurons)

    @cached_property
    def context(self) -> Postings:
        """Neuron → tokens that matter before those."""
        return Postings.of(self.neuron[self._context_paths], self._context_tokens, self._neurons)

    @cached_property
    def firing_on(self) -> Postings:
        """Token → neurons that fire on it."""
        return Postings.of(self.first, self.neuron, len(self._cases))

    @cached_property
    def after(self) -> Postings:
        """Token → neurons whose context it is."""
        return Postings.of(self._context_tokens, self.neuron[self._context_paths], len(self._cases))

    @cached_property
    def observations(self) -> Numbers:
        """[neurons] of all paths; 0 without a graph."""
        return np.bincount(self.neuron, weights=self.count, minlength=self._neurons).astype(np.int64)

    @cached_property
    def paths(self) -> Numbers:
        """[neurons] paths of each."""
        return np.bincount(self.neuron, minlength=self._neurons)

    @cached_property
    def in_context(self) -> Postings:
        """Neuron → tokens that it fires on and that matter before what it fires on."""
        vocabulary = len(self._cases)
        both = np.intersect1d(
            np.repeat(np.arange(self._neurons), self.activating.counts()) * vocabulary + self.activating.values,
            np.repeat(np.arange(self._neurons), self.context.counts()) * vocabulary + self.context.values,
        )
        return Postings.of(both // vocabulary, both % vocabulary, self._neurons)

    @cached_property
    def parts(self) -> Numbers:
        """[neurons] parts of each graph; 0 without one.

        Two paths of a neuron are in one part when they share a token, activating or context (absorbed ones are
        context), compared without case and without the blank before; and so is what either is in one part with.
        """
        paths = np.concatenate([np.arange(len(self.first)), self._context_paths])
        tokens = self._cases[np.concatenate([self.first, self._context_tokens])]
        owned = self.neuron[paths] * (int(self._cases.max(initial=0)) + 1) + tokens
        node = np.unique(owned, return_inverse=True)[1] + len(self.first)
        size = int(node.max(initial=-1)) + 1
        if not size:
            return np.zeros(self._neurons, dtype=np.int64)
        edges = coo_array((np.ones(len(paths), dtype=np.int8), (paths, node)), shape=(size, size))
        part = connected_components(edges, directed=False)[1][: len(self.first)]
        return Postings.of(self.neuron, part.astype(np.int64), self._neurons).counts()


def _column(graphs: pa.Table, name: str) -> Numbers:
    return np.asarray(graphs[name]).astype(np.int64)


def _lists(graphs: pa.Table, name: str) -> tuple[Numbers, Numbers]:
    """Length of each list [paths], and the tokens of all."""
    column = graphs[name].combine_chunks()
    lengths = np.asarray(pc.list_value_length(column)).astype(np.int64)
    flat = pc.list_flatten(column)
    return lengths, np.asarray(flat.field("token") if pa.types.is_struct(flat.type) else flat).astype(np.int64)


def _places(lengths: Numbers) -> Numbers:
    """Place of each token in its path."""
    starts = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) - np.repeat(starts, lengths)
