"""One file per suite. This list is light, so that threads can be capped before a suite imports anything heavy."""

from typing import NamedTuple


class Suite(NamedTuple):
    """What a suite measures and under how many threads."""

    summary: str
    threads: int | None = None
    """Cap of OpenMP and BLAS threads; None leaves them as they are."""


SUITES = {
    "collect": Suite("subject pass with collection / plain forward pass over the same loader, one thread", threads=1),
    "passes": Suite("foundation model passes = distinct exemplars"),
    "memory": Suite("peak memory of a build, as the dataset grows tenfold"),
    "kills": Suite("builds killed at any point and gone on with: the same bytes", threads=1),
    "wide": Suite("memory of collecting 100,000 neurons: exemplars kept, not samples seen, one thread", threads=1),
    "loading": Suite("reading samples: a second thread, waiting, adapters, large pictures, the second look", threads=1),
    "search": Suite("exact text search / numpy matmul + argpartition, one thread", threads=1),
    "open": Suite("opening an index of a million neurons: seconds and resident memory"),
    "rpc": Suite("cached text query over gRPC / empty unary call on the same server", threads=1),
    "text": Suite("uncached text query / bare text tower at trimmed length, one thread", threads=1),
    "audit": Suite("the audit against nets with known faults: what it finds, what it wrongly alarms about", 1),
    "audit_speed": Suite("seconds of an audit that does not run the subject: with a lock, and the full ABCDE"),
    "dermoscopy": Suite("real dermoscopy: the audit of a melanoma subject that leans on colour patches"),
    "peer": Suite("whole builds and a layer more / semanticlens 0.2.1, one thread", threads=1),
    "peer_exemplars": Suite("exemplars and alignments against float64, where semanticlens 0.2.1 goes wrong", threads=1),
    "similarity": Suite("ten nearest of a million concept vectors / semanticlens 0.2.1, one thread", threads=1),
    "text_rules": Suite("token graphs against neurons whose rules are known", threads=1),
    "text_neurons": Suite("token graphs of every neuron of the embedded text model: F1, baseline, minutes"),
    "text_peer": Suite("CPU seconds and F1 of a token graph / the published steps done plainly, one thread", threads=1),
    "stories260k": Suite("real input: token graphs of a small language model's neurons, on stories of its own"),
    "similar_graphs": Suite("neurons of like token graphs among 20,000, one thread", threads=1),
    "photographs": Suite("real input: rank of each category's most selective neuron, searched by name"),
}
