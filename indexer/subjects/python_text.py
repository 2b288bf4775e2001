"""Factories that return a text model and its tokenizer: what they do not say is found by running them, and told."""

from dataclasses import replace
from typing import Any

import torch

from indexer.errors import SubjectFault
from indexer.subjects.own_tokenizer import CONTRACT, OwnTokenizer, spoken
from indexer.subjects.text_manners import LONGEST, check_vocabulary, longest_prompt, observed, takes_names
from indexer.subjects.text_subject import TextSubject, Tokenizer


def text_subject(argument: str, module: torch.nn.Module, given: Any, context: object = None) -> TextSubject:  # noqa: ANN401
    """What `python:MODULE:FACTORY` made, as a text subject; raises SubjectFault for what breaks the contract."""
    name = f"python:{argument}"
    tokenizer = _tokenizer(given, name)
    if context is not None and (not isinstance(context, int) or isinstance(context, bool) or context < 1):
        raise SubjectFault(
            f"The third part that the factory {argument!r} returned is {context!r}.",
            hint="Beside a model and its tokenizer it is the most tokens that the model takes.",
        )
    subject = TextSubject(name, module, tokenizer, LONGEST, causal=False, by_name=takes_names(module))
    check_vocabulary(subject)
    subject = observed(replace(subject, context=context or longest_prompt(subject, _limit(given))))
    return replace(subject, notes=(_told(subject, asked=context is not None),))


def _tokenizer(given: Any, owner: str) -> Tokenizer:  # noqa: ANN401
    if type(given).__module__.partition(".")[0] == "tokenizers":
        from indexer.subjects.fast_tokenizers import of_library

        return of_library(given, owner)
    if hasattr(given, "backend_tokenizer"):
        from indexer.subjects.fast_tokenizers import of_transformers

        return of_transformers(given, owner)
    if not callable(getattr(given, "decode", None)):
        raise SubjectFault(f"The tokenizer of {owner} has encode, but no decode.", hint=CONTRACT)
    return OwnTokenizer(given, owner)


def _limit(given: Any) -> int:  # noqa: ANN401
    told = getattr(given, "model_max_length", None)
    return min(LONGEST, told) if isinstance(told, int) and told > 0 else LONGEST


def _told(subject: TextSubject, *, asked: bool) -> str:
    tokenizer = subject.tokenizer
    sees = "tokens see those before them only" if subject.causal else "tokens see those behind them too"
    most = f"{subject.context} tokens at most"
    if not asked and subject.context == LONGEST:
        most = f"{LONGEST} tokens and perhaps more"
    around = f"before a text stands {spoken(tokenizer.prefix)}, after it {spoken(tokenizer.suffix)}"
    return f"Found by running it: {most}; {sees}; {around}; token {tokenizer.mask} stands in for others."
