"""How a module takes texts, found by running it: by name or not, what a token sees, how many tokens it takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING

from indexer.errors import SubjectFault
from indexer.subjects.layers import evaluating, first_tensor
from indexer.subjects.text_subject import TextSubject
from indexer.subjects.token_runs import called
from indexer.weights import reason_of

if TYPE_CHECKING:
    import torch

LONGEST = 1024
"""Tokens that are tried at most."""
_SAME = 1e-5
"""Of the highest output: smaller differences are those of rounding."""
_TRIED = 8


def observed(subject: TextSubject) -> TextSubject:
    """The same subject, with `by_name` and `causal` as they show in short prompts; raises SubjectFault.

    A subject whose output is not told apart by tokens counts as not causal, which is right for any.
    """
    subject = replace(subject, by_name=takes_names(subject.module))
    subject = replace(subject, causal=_causal(subject))
    if subject.by_name and not subject.causal and not _minds_the_mask(subject):
        subject = replace(subject, by_name=False)
        _output(subject, [_prompt(subject, 2)])
    return subject


def check_vocabulary(subject: TextSubject) -> None:
    """Raise SubjectFault for a tokenizer whose highest number the subject does not know."""
    highest = max(ordinary_tokens(subject))
    for token in sorted({subject.tokenizer.mask, highest}):
        try:
            _output(subject, [[token]])
        except SubjectFault as fault:
            raise SubjectFault(f"Shown token {token}, {fault.message}", hint=fault.hint) from fault


def longest_prompt(subject: TextSubject, limit: int = LONGEST) -> int:
    """The most tokens, prefix and suffix included, that it runs on; `limit` where no fewer are refused."""
    subject = replace(subject, context=limit)
    around = limit - subject.room
    _output(subject, [_prompt(subject, 1)])
    fits, fails = 1, subject.room + 1
    step = 2 * _TRIED
    while fails - fits > 1:
        tried = min(step, subject.room) if fails > subject.room else (fits + fails) // 2
        try:
            _output(subject, [_prompt(subject, tried)])
        except SubjectFault:
            fails = tried
        else:
            fits, step = tried, 2 * step
    return fits + around


@contextmanager
def running(subject: TextSubject, tokens: int) -> Iterator[None]:
    """In eval mode and without gradients; turns what the module raises into a SubjectFault."""
    import torch

    try:
        with evaluating(subject.module), torch.inference_mode():
            yield
    except SubjectFault:
        raise
    except Exception as fault:  # whatever the user's code raises
        raise SubjectFault(
            f"{subject.name} cannot be run on texts of {tokens} tokens: {reason_of(fault)}.",
            hint="It must take token ids [batch, tokens]; check that model and tokenizer belong together.",
        ) from fault


def ordinary_tokens(subject: TextSubject) -> list[int]:
    """Tokens that stand for text; raises SubjectFault where there are none."""
    special = subject.tokenizer.special
    found = [number for number in range(len(subject.tokenizer.pieces)) if number not in special]
    if not found or subject.room < 1:
        raise SubjectFault(f"{subject.name} takes no tokens of a text.", hint="Check its context and its tokenizer.")
    return found


def device_of_module(module: "torch.nn.Module") -> str:
    """Where its parameters are."""
    return next((str(each.device) for each in module.parameters()), "cpu")


def takes_names(module: "torch.nn.Module") -> bool:
    """Whether its forward pass takes `input_ids` and `attention_mask`."""
    try:
        taken = signature(module.forward).parameters
    except (TypeError, ValueError):
        return False
    return {"input_ids", "attention_mask"} <= set(taken)


def _prompt(subject: TextSubject, tokens: int, last: int = 0) -> list[int]:
    """Own tokens that differ as far as they can; `last` chooses another token for the end."""
    ordinary = ordinary_tokens(subject)
    chosen = [ordinary[number * 7 % len(ordinary)] for number in range(tokens)]
    return [*chosen[:-1], ordinary[(tokens * 7 + last * 11) % len(ordinary)]]


def _output(subject: TextSubject, prompts: list[list[int]]) -> "torch.Tensor":
    ids = [subject.prompt(each) for each in prompts]
    with running(subject, len(ids[0])):
        return first_tensor(called(subject, ids, device_of_module(subject.module)), "output")


def _causal(subject: TextSubject) -> bool:
    """Whether outputs stay the same when the last token is another one."""
    tokens, before = min(_TRIED, subject.room), len(subject.tokenizer.prefix)
    output = _output(subject, [_prompt(subject, tokens, last) for last in range(4)])
    length = tokens + before + len(subject.tokenizer.suffix)
    if tokens < 2 or output.ndim < 3 or tuple(output.shape[:2]) != (4, length):
        return False
    earlier = output[:, : before + tokens - 1].float()
    return _same(earlier[1:], earlier[:1].expand_as(earlier[1:]))


def _minds_the_mask(subject: TextSubject) -> bool:
    """Whether a prompt gives the same alone as beside a longer one."""
    tokens = min(_TRIED, subject.room)
    short = _prompt(subject, max(1, tokens // 2))
    alone, beside = _output(subject, [short]), _output(subject, [short, _prompt(subject, tokens)])
    if alone.ndim < 3 or beside.ndim < 3:
        return _same(alone[0].float(), beside[0].float())
    length = len(subject.prompt(short))
    return _same(alone[0, :length].float(), beside[0, :length].float())


def _same(one: "torch.Tensor", other: "torch.Tensor") -> bool:
    if one.shape != other.shape:
        return False
    return bool((one - other).abs().max() <= _SAME * one.abs().max())
