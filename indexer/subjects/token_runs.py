"""Token ids through a text subject, no further than the layers asked for."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from indexer.errors import SubjectFault, UnknownName
from indexer.subjects.layers import first_tensor, named_layers
from indexer.subjects.text_subject import TextSubject

if TYPE_CHECKING:
    import torch

BATCH_TOKENS = 4096
"""Tokens of a batch, padding included."""
INPUT = ".in"
"""`LAYER.in` is what a layer is given, such as the neurons of a gated MLP before its last projection."""


class Shown(NamedTuple):
    """A layer's activations for some prompts of like length."""

    prompts: list[int]
    """Their numbers among those given."""
    activations: "dict[str, torch.Tensor]"
    """By layer: [prompts, tokens, neurons], of the texts' own tokens; beyond a prompt's end they mean nothing."""
    lengths: list[int]
    """Own tokens of each prompt."""


class TokenRuns:
    """Runs prompts in batches of like length; the subject stops once its layers have spoken."""

    def __init__(
        self, subject: TextSubject, layers: Sequence[str], *, device: str = "cpu", batch_tokens: int = BATCH_TOKENS
    ) -> None:
        self._subject = subject
        self._layers = tuple(layers)
        self._device = device
        self._batch_tokens = batch_tokens
        self._module = subject.module.to(device).eval()
        self._tapped = {layer: tapped(self._module, layer) for layer in self._layers}

    def run(self, prompts: Sequence[Sequence[int]]) -> Iterator[Shown]:
        """Prompts are own tokens of texts, without prefix and suffix; each comes once, in whatever order.

        Raises SubjectFault for a layer that is not called, or that does not give [prompts, tokens, neurons].
        """
        before, after = len(self._subject.tokenizer.prefix), len(self._subject.tokenizer.suffix)
        for chosen in self._batches([len(prompt) for prompt in prompts]):
            ids = [self._subject.prompt(prompts[number]) for number in chosen]
            found = self._forward(ids)
            longest = max(map(len, ids)) - after
            shown = {layer: tensor[:, before:longest] for layer, tensor in found.items()}
            yield Shown(chosen, shown, [len(prompts[number]) for number in chosen])

    def logits(self, prompts: Sequence[Sequence[int]], places: Sequence[int]) -> "torch.Tensor":
        """Logits [prompts, vocabulary] at one own token of each prompt; −1 is the last of the prefix.

        Raises SubjectFault for a subject that predicts no tokens.
        """
        import torch

        before = len(self._subject.tokenizer.prefix)
        rows: dict[int, torch.Tensor] = {}
        for chosen in self._batches([len(prompt) for prompt in prompts]):
            ids = [self._subject.prompt(prompts[number]) for number in chosen]
            with torch.inference_mode():
                output = called(self._subject, ids, self._device)
            logits = self._logits(output)
            for row, number in enumerate(chosen):
                rows[number] = logits[row, before + places[number]].float().cpu()
        return torch.stack([rows[number] for number in range(len(prompts))])

    def _logits(self, output: object) -> "torch.Tensor":
        """Those of an output: bare, first in a tuple, or under `logits`; hidden states are narrower."""
        import torch

        found = output.get("logits") if isinstance(output, dict) else getattr(output, "logits", None)
        found = output[0] if found is None and isinstance(output, tuple) and output else found
        found = output if found is None else found
        pieces, special = self._subject.tokenizer.pieces, self._subject.tokenizer.special
        highest = next((number for number in reversed(range(len(pieces))) if number not in special), 0)
        if isinstance(found, torch.Tensor) and found.ndim == 3 and found.shape[2] > highest:
            return found
        raise SubjectFault(
            f"{self._subject.name} gives no logits [batch, tokens, vocabulary], so it proposes no substitutes."
        )

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Numbers of prompts that run together: of like length, and of one length where padding would be seen."""
        padded = self._subject.causal or self._subject.by_name
        batch: list[int] = []
        for number in sorted(range(len(lengths)), key=lambda each: (lengths[each], each)):
            other = bool(batch) and not padded and lengths[batch[0]] != lengths[number]
            if batch and (other or (len(batch) + 1) * (lengths[number] + 1) > self._batch_tokens):
                yield batch
                batch = []
            batch.append(number)
        if batch:
            yield batch

    def _forward(self, ids: list[list[int]]) -> "dict[str, torch.Tensor]":
        import torch

        rows, longest = len(ids), max(map(len, ids))
        calls: dict[str, list[torch.Tensor]] = {layer: [] for layer in self._layers}

        def keep(layer: str, value: object) -> None:
            calls[layer].append(first_tensor(value, layer))
            if all(sum(len(each) for each in taken) >= rows for taken in calls.values()):
                raise _EnoughError

        handles = [
            module.register_forward_pre_hook(
                lambda _m, given, named, name=layer: keep(name, (*given, *named.values())), with_kwargs=True
            )
            if layer.endswith(INPUT)
            else module.register_forward_hook(lambda _m, _i, output, name=layer: keep(name, output))
            for layer, module in self._tapped.items()
        ]
        try:
            with torch.inference_mode():
                called(self._subject, ids, self._device)
        except _EnoughError:
            pass
        finally:
            for handle in handles:
                handle.remove()
        return {layer: _joined(taken, layer, rows, longest) for layer, taken in calls.items()}


def called(subject: TextSubject, ids: Sequence[Sequence[int]], device: str) -> object:
    """What the subject gives for these prompts, prefix and suffix included; shorter ones are filled at their end."""
    import torch

    longest = max(map(len, ids))
    fill = subject.tokenizer.mask
    tokens = torch.tensor([[*each, *[fill] * (longest - len(each))] for each in ids], device=device)
    if not subject.by_name:
        return subject.module(tokens)
    seen = torch.tensor([[1] * len(each) + [0] * (longest - len(each)) for each in ids], device=device)
    return subject.module(input_ids=tokens, attention_mask=seen)


class _EnoughError(Exception):
    """All layers have spoken."""


def tapped(module: "torch.nn.Module", layer: str) -> "torch.nn.Module":
    """The module that `LAYER` or `LAYER.in` names; raises UnknownName."""
    names = dict(module.named_modules())
    bare = layer if layer in names else layer.removesuffix(INPUT)
    if bare not in names or not bare:
        raise UnknownName("layer", layer, [name for name in names if name])
    return named_layers(module, [bare])[bare]


def _joined(calls: "list[torch.Tensor]", layer: str, rows: int, tokens: int) -> "torch.Tensor":
    import torch

    if not calls:
        raise SubjectFault(
            f"Layer {layer!r} was not called in the forward pass.", hint="Choose a layer that the subject uses."
        )
    joined = calls[0] if len(calls) == 1 else torch.cat(calls)
    if joined.ndim != 3 or tuple(joined.shape[:2]) != (rows, tokens) or not joined.is_floating_point():
        raise SubjectFault(
            f"Layer {layer!r} gives {list(joined.shape)} for {rows} texts of {tokens} tokens: "
            "its neurons cannot be told apart.",
            hint="Choose a layer that gives [batch, tokens, neurons]; --list-layers names them.",
        )
    return joined.float()
