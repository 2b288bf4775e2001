"""What a neuron can do over a dataset; free of numpy, so that a client needs none."""

from enum import StrEnum


class State(StrEnum):
    """What a neuron does over the whole dataset."""

    ALIVE = "alive"
    """Active on some samples, on fewer than the always-on share of them."""
    DEAD = "dead"
    """Never active, or constant: no exemplars, no vector."""
    ALWAYS_ON = "always_on"
    """Active on at least 80 % of samples: it tells little apart."""
    FEW_SAMPLES = "few_samples"
    """Active on fewer samples than exemplars were asked for."""
