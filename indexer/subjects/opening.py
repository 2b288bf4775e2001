"""A subject as it is asked for: the model, with the sparse autoencoders that are to be read with it."""

from collections.abc import Mapping
from pathlib import Path

from indexer.catalogue import SUBJECTS
from indexer.errors import InvalidInput
from indexer.subjects.subject import Subject
from indexer.subjects.text_subject import TextSubject

Files = Mapping[str, str | Path]
"""Autoencoders by the layer they read."""


def open_subject(name: str, saes: Files | None = None, *, trust_pickle: bool = False) -> Subject:
    """Load `adapter:argument` that looks at images. Raises what the adapter raises, InvalidInput for a text model."""
    subject = open_any_subject(name, saes, trust_pickle=trust_pickle)
    if isinstance(subject, Subject):
        return subject
    raise InvalidInput(
        f"{name} reads texts, not images.", hint="Give it a corpus: --dataset text:FOLDER, stdlib, parquet:FILE,text=…"
    )


def open_text_subject(name: str, saes: Files | None = None, *, trust_pickle: bool = False) -> TextSubject:
    """Load `adapter:argument` that reads texts. Raises what the adapter raises, InvalidInput for an image model."""
    subject = open_any_subject(name, saes, trust_pickle=trust_pickle)
    if isinstance(subject, TextSubject):
        return subject
    raise InvalidInput(
        f"{name} looks at images, not at texts.",
        hint="Give it a dataset of images; models of texts are tiny-text:, transformers: and python:MODULE:FACTORY.",
    )


def open_any_subject(name: str, saes: Files | None = None, *, trust_pickle: bool = False) -> Subject | TextSubject:
    """Load `adapter:argument`. Raises what the adapter raises."""
    subject: Subject | TextSubject = SUBJECTS.load(name, trust_pickle=trust_pickle)
    if not saes:
        return subject
    from indexer.subjects.sae import attach

    return attach(subject, {layer: Path(file) for layer, file in saes.items()})
