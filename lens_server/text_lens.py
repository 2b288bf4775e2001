"""The questions about text neurons: `Lens.texts`."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.domain.neurons import NeuronId
from indexer.index.reader import Index
from indexer.index.texts import Texts
from lens_server.answers import SearchAnswer, Snippet, TokenQuery, Where
from lens_server.queries.graph_card import graph_card, graph_listing, snippets_of
from lens_server.queries.graph_scores import graph_scores
from lens_server.queries.limits import checked
from lens_server.queries.measuring import Reopened
from lens_server.queries.pieces import Pieces
from lens_server.queries.prediction import Encode, check_passage, predict, stored_encoder
from lens_server.queries.similar_graphs import similar_graphs
from lens_server.queries.token_index import TokenIndex
from lens_server.queries.tokens import check_token_query, search_tokens
from lens_server.text_answers import GraphHit, GraphLayer, GraphSummary, Prediction, TokenGraphCard

ANYWHERE: Final = Where()


class TextLens:
    """The text side of an opened index. Thread-safe.

    Every question raises IndexUnusable in an index of images, and NotFound, with the command that makes them, where
    token graphs are needed and none were made.
    """

    def __init__(self, index: Index, rows: Callable[[Where], NDArray[np.int64]], *, trust_pickle: bool = False) -> None:
        self._index = index
        self._rows = rows
        self._trust_pickle = trust_pickle
        self._opening = threading.Lock()

    def graph(self, neuron_id: str) -> TokenGraphCard:
        """What a neuron fires on. Raises NotFound."""
        texts, row = self._texts, self._row(neuron_id)
        return graph_card(texts, self._tokens, self._pieces, row)

    def graphs(self, where: Where = ANYWHERE, *, order: str = "parts", limit: int = 20) -> tuple[GraphSummary, ...]:
        """Neurons with a graph: `parts`, those of most parts first, or `in-context`, of most such tokens first."""
        return graph_listing(self._texts, self._tokens, self._pieces, self._rows(where), order, limit)

    def scores(self) -> tuple[GraphLayer, ...]:
        """How well the graphs of each layer predict their neurons."""
        return graph_scores(self._texts)

    def similar(self, neuron_id: str, where: Where = ANYWHERE, *, limit: int = 10) -> tuple[GraphHit, ...]:
        """The neurons with the graphs most like that of one."""
        texts, row = self._texts, self._row(neuron_id)
        texts.scores(row)
        return similar_graphs(self._index, self._tokens, row, self._rows(where), limit)

    def predict(self, neuron_id: str, text: str, *, measured: bool = False) -> Prediction:
        """What a neuron's graph expects on any text of at most 20,000 characters, token by token.

        `measured` asks the subject itself, too: it must be at hand, and torch.
        """
        texts, row = self._texts, self._row(neuron_id)
        check_passage(text)
        prediction, tokens = predict(texts, self._pieces, row, text, self._encoder())
        return replace(prediction, measured=self._measured(row, tokens)) if measured else prediction

    def snippets(self, neuron_id: str, *, limit: int = 30) -> tuple[Snippet, ...]:
        """A neuron's exemplars token by token, strongest first."""
        texts = self._texts
        checked("limit", limit)
        return snippets_of(texts, self._pieces, self._row(neuron_id), limit)

    def search(self, query: TokenQuery, where: Where = ANYWHERE, *, limit: int = 10) -> SearchAnswer:
        """The neurons that fire on these tokens, after this context."""
        texts = self._texts
        check_token_query(query)
        return search_tokens(texts.index, self._tokens, self._pieces, query, self._rows(where), limit)

    def _row(self, neuron_id: str) -> int:
        return self._index.neurons.row(NeuronId.parse(neuron_id))

    @cached_property
    def _texts(self) -> Texts:
        return Texts(self._index)

    @cached_property
    def _pieces(self) -> Pieces:
        return Pieces(self._texts.pieces)

    @cached_property
    def _tokens(self) -> TokenIndex:
        return TokenIndex(self._texts.made_graphs()[0], len(self._index.neurons), self._pieces.cases)

    @cached_property
    def _subject(self) -> Reopened:
        return Reopened(self._texts, trust_pickle=self._trust_pickle)

    @cached_property
    def _stored(self) -> Encode | None:
        return stored_encoder(self._texts)

    def _encoder(self) -> Encode:
        """The stored tokenizer, or the subject's own where none is stored."""
        with self._opening:
            return self._stored or self._subject.encode

    def _measured(self, row: int, tokens: Sequence[int]) -> tuple[float, ...]:
        # One at a time: the subject's hooks are its own.
        with self._opening:
            return self._subject.measured(row, tokens)
