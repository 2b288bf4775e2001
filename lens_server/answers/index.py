"""What is stored: of a neuron, and of all."""

from dataclasses import dataclass

from lens_server.answers.exemplar import Exemplar, RangeSample, Snippet
from lens_server.answers.neuron import Neuron, Relevance
from lens_server.answers.query import Hit


@dataclass(frozen=True)
class NeuronCard:
    """All that is stored of one neuron."""

    neuron: Neuron
    exemplars: tuple[Exemplar, ...]
    relevance: tuple[Relevance, ...]
    """Per class, greatest absolute first; empty when the index holds none."""
    similar: tuple[Hit, ...]
    range: tuple[RangeSample, ...] = ()
    """From the highest percentile to the lowest; empty when the index holds none."""
    snippets: tuple[Snippet, ...] = ()
    """The exemplars token by token, of a text neuron."""


@dataclass(frozen=True)
class LayerSummary:
    """A layer and how many of its neurons are in which state."""

    name: str
    units: int
    signed: bool
    """Both polarities are indexed."""
    alive: int
    dead: int
    always_on: int
    few_samples: int
    mean_clarity: float | None
    mean_redundancy: float | None
    collector: str = "activation"
    """What ranked the exemplars: `activation` or `relevance`."""
    crop: str = "none"
    """How the embedded part of each exemplar was found: `none`, `activation`, `gradient` or `lrp`."""
    concept_vector: str = "mean"
    """How it was formed of the exemplars: `mean`, or `contrastive, gamma G`."""


@dataclass(frozen=True)
class IndexSummary:
    """What an index holds and where it came from."""

    name: str
    digest: str
    format: int
    created: str
    """UTC, ISO 8601."""
    subject: str
    subject_digest: str
    dataset: str
    dataset_digest: str
    samples: int
    duplicates: int
    unreadable: int
    foundation_model: str
    space_digest: str
    dimension: int
    exemplars_per_neuron: int
    neurons: int
    classes: tuple[str, ...]
    layers: tuple[LayerSummary, ...]
    labelled: int = 0
    """Neurons with a saved label, …"""
    vocabulary: str = ""
    """… and the vocabulary it is from."""
    kind: str = "image"
    """What the samples are: `image` or `text`."""


@dataclass(frozen=True)
class NeuronPage:
    """A page of neurons in the order of the index."""

    neurons: tuple[Neuron, ...]
    next_page_token: str
    """Empty on the last page."""
    total: int
