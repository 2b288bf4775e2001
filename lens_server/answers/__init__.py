"""The questions' filters and frozen answers: one set of types for `Lens`, the server, the client and the command line.

Field names equal those of proto/lens_server/v1, so that wire.py converts by name; the modules are named as its files.
`None` is an unset optional.
"""

from indexer.domain.states import State
from lens_server.answers.comparison import NeuronComparison, Pair, SetComparison
from lens_server.answers.exemplar import Box, Exemplar, RangeSample, Snippet, Span
from lens_server.answers.index import IndexSummary, LayerSummary, NeuronCard, NeuronPage
from lens_server.answers.label import Alternative, Label, Unexpected
from lens_server.answers.neuron import Neuron, Relevance, Where
from lens_server.answers.query import Hit, Query, SearchAnswer, TokenQuery

__all__ = [
    "Alternative",
    "Box",
    "Exemplar",
    "Hit",
    "IndexSummary",
    "Label",
    "LayerSummary",
    "Neuron",
    "NeuronCard",
    "NeuronComparison",
    "NeuronPage",
    "Pair",
    "Query",
    "RangeSample",
    "Relevance",
    "SearchAnswer",
    "SetComparison",
    "Snippet",
    "Span",
    "State",
    "TokenQuery",
    "Unexpected",
    "Where",
]
