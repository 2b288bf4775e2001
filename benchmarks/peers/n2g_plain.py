"""Neuron to Graph as published (arXiv 2304.12918, 2305.19911), step by step and without any thrift.

Written for this comparison from the papers' description; it shares no code with indexer/graphs. One neuron at a time,
one prompt at a time, each through the whole model; every token of a prompt is masked, those after the pivot and those
of prompts seen before too; prompts with a substitute have their own masks measured. Substitutes are what the subject
itself expects next, since the published masked model is of English.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from indexer.graphs.settings import Asked, Example
from indexer.subjects.text_subject import TextSubject

ANY = -1
_WINDOWS = (5, 10, 15, 20, 25, 30)
_TAIL, _SUBSTITUTES = 5, 5
_HALF, _CHANGE, _MATTERS = 0.5, 0.8, 0.75

Tokens = list[int]


@dataclass
class Node:
    """Of the trie, from the activating token back."""

    children: "dict[int, Node]" = field(default_factory=dict)
    activations: list[float] = field(default_factory=list)


class PlainN2G:
    """Graphs for neurons of one layer."""

    def __init__(self, subject: TextSubject, layer: str, *, masks_again: bool = True) -> None:
        """`masks_again`: prompts with a substitute have importances of their own, as published."""
        self._subject, self._masks_again = subject, masks_again
        self._module = subject.module.eval()
        self._heard: list[torch.Tensor] = []
        hooked = dict(self._module.named_modules())[layer]
        hooked.register_forward_hook(lambda _module, _given, output: self._heard.append(output))
        self.prompts = 0
        """Shown so far."""

    def graph(self, asked: Asked) -> Node:
        """Of one neuron, from its examples."""
        root = Node()
        for example in asked.build:
            self._learn(root, asked, example)
        for child in root.children.values():
            _widen(child)
        return root

    def _learn(self, root: Node, asked: Asked, example: Example) -> None:
        whole = self._activations(list(example.tokens), asked.unit)[example.pivot]
        if whole <= _HALF * asked.highest:
            return
        window = self._pruned(example, asked.unit, float(whole))
        pivot, base = len(window) - 1, self._activations(window, asked.unit)
        scale = float(whole) / float(base.max()) / asked.highest
        prompt = window + self._tail(example)
        importances = self._importances(prompt, asked.unit)
        self._add(root, prompt, importances, self._activations(prompt, asked.unit) * scale)
        needed = _HALF * float(base[pivot])
        for place in [each for each in range(pivot + 1) if importances[each, pivot] >= _CHANGE]:
            for token in self._substitutes(prompt, place):
                changed = [*prompt[:place], token, *prompt[place + 1 :]]
                values = self._activations(changed, asked.unit)
                if values[pivot] >= needed:
                    own = self._importances(changed, asked.unit) if self._masks_again else importances
                    self._add(root, changed, own, values * scale)

    def _pruned(self, example: Example, unit: int, whole: float) -> Tokens:
        window: Tokens = []
        for size in _WINDOWS:
            window = list(example.tokens[max(0, example.pivot + 1 - size) : example.pivot + 1])
            values = self._activations(window, unit)
            if int(values.argmax()) == len(window) - 1 and values[-1] >= _HALF * whole:
                break
        return window

    def _tail(self, example: Example) -> Tokens:
        taken: Tokens = []
        pieces, before = self._subject.tokenizer.pieces, example.tokens[example.pivot]
        for token in example.tokens[example.pivot + 1 : example.pivot + 1 + _TAIL]:
            if pieces[before].endswith((b".", b"!", b"?", b"\n")):
                break
            taken.append(token)
            before = token
        return taken

    def _importances(self, prompt: Tokens, unit: int) -> NDArray[np.float32]:
        """[masked token, token] 1 − activation without it / activation."""
        base = self._activations(prompt, unit)
        rows = []
        for place in range(len(prompt)):
            masked = [*prompt[:place], self._subject.tokenizer.mask, *prompt[place + 1 :]]
            rows.append(1 - self._activations(masked, unit) / np.where(base > 0, base, np.inf))
        return np.stack(rows)

    def _add(
        self, root: Node, prompt: Tokens, importances: NDArray[np.float32], activations: NDArray[np.float32]
    ) -> None:
        for place in np.flatnonzero(activations > _HALF).tolist():
            matter = [each for each in range(place) if importances[each, place] > _MATTERS]
            node = root.children.setdefault(prompt[place], Node())
            for back in range(place - 1, min(matter, default=place) - 1, -1):
                node = node.children.setdefault(prompt[back] if back in matter else ANY, Node())
            node.activations.append(min(1.0, float(activations[place])))

    def _substitutes(self, prompt: Tokens, place: int) -> Tokens:
        tokenizer, chosen = self._subject.tokenizer, Tokens()
        with torch.inference_mode():
            self.prompts += 1
            self._heard.clear()
            before = [*tokenizer.prefix, *prompt[:place]]
            logits = self._module(torch.tensor([before]))[0, -1]
        original = _text(tokenizer.pieces[prompt[place]])
        numbers = {piece: number for number, piece in enumerate(tokenizer.pieces)}
        for candidate in logits.argsort(descending=True)[:64].tolist():
            if candidate not in tokenizer.special and candidate < len(tokenizer.pieces):
                cased = _like(_text(tokenizer.pieces[candidate]), original)
                number = numbers.get(cased.encode("utf-8", "surrogateescape"))
                if number is not None and number != prompt[place] and number not in chosen:
                    chosen.append(number)
            if len(chosen) == _SUBSTITUTES:
                break
        return chosen

    def _activations(self, tokens: Tokens, unit: int) -> NDArray[np.float32]:
        """[tokens] of one prompt, through the whole model."""
        self.prompts += 1
        self._heard.clear()
        with torch.inference_mode():
            self._module(torch.tensor([self._subject.prompt(tokens)]))
        before = len(self._subject.tokenizer.prefix)
        values: NDArray[np.float32] = self._heard[0][0, before : before + len(tokens), unit].numpy()
        return values


def predicted(root: Node, tokens: Sequence[int]) -> NDArray[np.float32]:
    """[tokens] the mean activation at the end of the longest path that matches backwards; 0 where none does."""
    return np.array([_longest(root, tokens, place, 0)[1] for place in range(len(tokens))], dtype=np.float32)


def _longest(node: Node, tokens: Sequence[int], place: int, depth: int) -> tuple[int, float]:
    """Every branch is tried, literal tokens before wildcards: (length, activation)."""
    best = (depth, float(np.mean(node.activations))) if node.activations else (0, 0.0)
    for token in (tokens[place], ANY) if place >= 0 else ():
        if token in node.children:
            found = _longest(node.children[token], tokens, place - 1, depth + 1)
            best = found if found[0] > best[0] else best
    return best


def _widen(node: Node) -> None:
    """A wildcard takes up literal siblings that lead nowhere else."""
    for child in node.children.values():
        _widen(child)
    wild = node.children.get(ANY)
    for token in [each for each in node.children if each != ANY] if wild else []:
        sibling = node.children[token]
        if wild is not None and not sibling.children and wild.activations:
            wild.activations += sibling.activations
            del node.children[token]


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", "surrogateescape")


def _like(text: str, original: str) -> str:
    if original.strip().islower():
        return text.lower()
    if original.strip().isupper() and len(original.strip()) > 1:
        return text.upper()
    bare = text.lstrip()
    return text[: len(text) - len(bare)] + bare.capitalize() if original.strip().istitle() else text
