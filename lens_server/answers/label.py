"""What neurons are called."""

from dataclasses import dataclass

from lens_server.answers.neuron import Neuron


@dataclass(frozen=True)
class Alternative:
    """A vocabulary entry with its alignment."""

    text: str
    alignment: float


@dataclass(frozen=True)
class Label:
    """A neuron's name from a vocabulary, or why there is none."""

    neuron: Neuron
    text: str | None
    """Unset when abstaining."""
    alignment: float | None
    margin: float | None
    """Alignment of the best minus that of the runner-up."""
    p_corrected: float | None
    """Benjamini-Hochberg over neurons × vocabulary."""
    alternatives: tuple[Alternative, ...]
    """The best entries, the label itself first."""
    abstained: str | None
    """Why there is no label: `state`, `clarity`, or `not significant`."""
    detection: float | None = None
    """How well the label tells the neuron's held-out examples from other held-out texts; unset where not measured."""


@dataclass(frozen=True)
class Unexpected:
    """A clear, alive neuron that no vocabulary entry describes."""

    neuron: Neuron
    nearest: Alternative
