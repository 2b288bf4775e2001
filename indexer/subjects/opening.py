"""A subject as it is asked for: the model, with the sparse autoencoders that are to be read with it."""

from collections.abc import Mapping
from pathlib import Path

from indexer.catalogue import SUBJECTS
from indexer.subjects.subject import Subject


def open_subject(name: str, saes: Mapping[str, str | Path] | None = None, *, trust_pickle: bool = False) -> Subject:
    """Load `adapter:argument`; `saes` are files by the layer they read. Raises what the adapter raises."""
    subject: Subject = SUBJECTS.load(name, trust_pickle=trust_pickle)
    if not saes:
        return subject
    from indexer.subjects.sae import attach

    return attach(subject, {layer: Path(file) for layer, file in saes.items()})
