"""Exemplars of text neurons in a foundation model's space: the text around a token, with that token told apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput
from indexer.foundation_models.foundation_model import FoundationModel


@dataclass(frozen=True)
class Snippet:
    """A token that a neuron fires on, and the text around it."""

    before: str
    token: str
    """The pivot, with the blank before it where it has one."""
    after: str

    @property
    def text(self) -> str:
        """The whole of it."""
        return self.before + self.token + self.after


def embed_snippets(model: FoundationModel, snippets: Sequence[Snippet]) -> NDArray[np.float32]:
    """[snippets, dimension], unit rows; a model that cannot mark the pivot embeds the text."""
    own: Callable[[Sequence[Snippet]], NDArray[np.float32]] | None = getattr(model, "embed_snippets", None)
    return own(snippets) if own is not None else model.embed_texts([each.text for each in snippets])


def fitted(snippets: Sequence[Snippet], fits: Callable[[list[str]], Sequence[bool]]) -> list[str]:
    """As much of each snippet's text as fits, cut at its far ends so that the pivot stays.

    `fits` says of each text whether a model takes it whole; a pivot that does not fit alone is given whole.
    """
    texts = [each.text for each in snippets]
    long = [number for number, whole in enumerate(fits(texts)) if not whole]
    least = dict.fromkeys(long, 0)
    most = {number: max(len(snippets[number].before), len(snippets[number].after)) for number in long}
    while open_ones := [number for number in long if least[number] < most[number]]:
        tried = {number: (least[number] + most[number] + 1) // 2 for number in open_ones}
        verdicts = fits([_window(snippets[number], tried[number]) for number in open_ones])
        for number, whole in zip(open_ones, verdicts, strict=True):
            if whole:
                least[number] = tried[number]
            else:
                most[number] = tried[number] - 1
    for number in long:
        texts[number] = _window(snippets[number], least[number])
    return texts


def check_sees_images(model: FoundationModel) -> None:
    """Raise InvalidInput for a model of texts alone (`text_only`), before anything is collected for it."""
    if getattr(model, "text_only", False):
        raise no_images(model.space.name)


def no_images(name: str) -> InvalidInput:
    """What a model of texts alone answers when it is asked for images."""
    return InvalidInput(
        f"{name} embeds texts, not images.", hint="For images, choose --foundation tiny-clip or open_clip:MODEL/TAG."
    )


def _window(snippet: Snippet, reach: int) -> str:
    """The pivot and at most `reach` characters on either side."""
    return snippet.before[max(0, len(snippet.before) - reach) :] + snippet.token + snippet.after[:reach]
