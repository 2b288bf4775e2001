"""Tokenizers of the library `tokenizers`, bare or inside one of transformers, as those of a text subject."""

import json
from typing import Any

from tokenizers import Tokenizer as Library

from indexer.errors import SubjectFault
from indexer.subjects.json_tokenizer import JsonTokenizer

MASKS = (
    "[MASK]", "<mask>", "<|mask|>", "[UNK]", "<unk>", "<|unk|>", "<|endoftext|>", "</s>", "<eos>", "[PAD]", "<pad>",
)  # fmt: skip
"""What stands in a token's place is called so where nothing else says which it is: mask, unknown, end, filling."""
_PROBES = ("a", "the", "1", ".", "e a")


def of_transformers(tokenizer: Any, owner: str) -> JsonTokenizer:  # noqa: ANN401 - of transformers
    """One of transformers; raises SubjectFault for one that has no fast form."""
    library = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(library, Library):
        raise SubjectFault(
            f"The tokenizer of {owner} is of type {type(tokenizer).__name__}, which has no fast form.",
            hint="Save one as tokenizer.json, or write python:MODULE:FACTORY for (model, tokenizer).",
        )
    named = [getattr(tokenizer, f"{role}_token_id", None) for role in ("mask", "unk", "eos", "pad")]
    mask = next((int(each) for each in named if each is not None), None)
    special = frozenset(int(each) for each in tokenizer.all_special_ids)
    return of_library(library, owner, mask=mask, special=special)


def of_library(
    library: Library, owner: str, *, mask: int | None = None, special: frozenset[int] = frozenset()
) -> JsonTokenizer:
    """One of `tokenizers`; `mask` is found by its name where it is not given. Raises SubjectFault."""
    own = Library.from_str(library.to_str())  # what the caller holds stays as it is
    own.no_truncation()
    own.no_padding()
    mask = _mask(own) if mask is None else mask
    if mask is None:
        raise SubjectFault(
            f"The tokenizer of {owner} has no token for what is unknown, masked, ended or filled.",
            hint="Add one, e.g. add_special_tokens(['<unk>']), that the model knows.",
        )
    prefix, suffix = _around(own, owner)
    tokenizer = JsonTokenizer(own, mask=mask, special=special, prefix=prefix, suffix=suffix)
    if len(tokenizer.special) >= len(tokenizer.pieces):
        raise SubjectFault(
            f"The tokenizer of {owner} knows special tokens only: its vocabulary is missing.",
            hint="Put tokenizer.json beside the model: tokenizer.save_pretrained(FOLDER).",
        )
    return tokenizer


def _around(library: Library, owner: str) -> tuple[list[int], list[int]]:
    """Special tokens before and after a text."""
    for probe in _PROBES:
        bare: list[int] = library.encode(probe, add_special_tokens=False).ids
        whole: list[int] = library.encode(probe, add_special_tokens=True).ids
        for start in range(len(whole) - len(bare) + 1):
            if bare and whole[start : start + len(bare)] == bare:
                return whole[:start], whole[start + len(bare) :]
    raise SubjectFault(
        f"The tokenizer of {owner} encodes simple texts to nothing, or puts tokens amid them.",
        hint="Check its post-processor, or write python:MODULE:FACTORY with your own encode and decode.",
    )


def _mask(library: Library) -> int | None:
    model = json.loads(library.to_str())["model"]
    named = [library.token_to_id(name) for name in MASKS]
    unknown = model.get("unk_token")
    named += [library.token_to_id(unknown) if unknown else model.get("unk_id")]
    return next((int(each) for each in named if each is not None), None)
