"""Text models of Hugging Face's transformers: those that continue a text (GPT-2, Llama), those that fill masks in it
(BERT, RoBERTa), and encoders without a head."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from indexer.errors import InvalidInput, SubjectFault
from indexer.subjects.fast_tokenizers import of_transformers
from indexer.subjects.json_tokenizer import JsonTokenizer
from indexer.subjects.text_manners import observed
from indexer.subjects.text_subject import TextSubject
from indexer.subjects.transformers_files import (
    LIBRARY,
    TOKENIZER,
    pretrained,
    random_model,
    reading,
    source_of,
)
from indexer.subjects.weights import RANDOM_NOTE
from indexer.weights import quiet_transformers

HEADLESS_NOTE = "It has no head that predicts tokens: its neurons are read, but it proposes no substitutes for tokens."
CONTEXT = 512
"""Tokens, where neither the configuration nor the tokenizer knows an end."""
_LENGTHS = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len", "seq_length")
_VOCABULARIES = ("tokenizer.json", "vocab*", "*.model", "merges.txt", "tekken.json")


def reads_text(config: Any) -> bool:  # noqa: ANN401 - of transformers
    """Whether a configuration describes a model of texts."""
    if _head(config) is not None or _encodes_and_decodes(config):
        return True
    bare = LIBRARY.MODEL_MAPPING.get(type(config), None)
    return getattr(bare, "main_input_name", "") == "input_ids"


def load_text(argument: str, config: Any, *, trust_pickle: bool = False) -> TextSubject:  # noqa: ANN401
    """Load a text model with its tokenizer; raises InvalidInput for no tokenizer, SubjectFault for what is unusable."""
    source, random = source_of(argument)
    owner = f"transformers:{source}"
    if _encodes_and_decodes(config):
        raise SubjectFault(
            f"{owner} has an encoder and a decoder: which of them reads the text is not said.",
            hint="Return one of them and the tokenizer from a factory: python:MODULE:FACTORY.",
        )
    with quiet_transformers():
        tokenizer, longest = _tokenizer(source, owner)
        kind = _head(config) or transformers.AutoModel
        if random:
            module, notes = random_model(kind, config, owner), [RANDOM_NOTE]
        else:
            module, notes = pretrained(kind, source, config, trust_pickle=trust_pickle)
    if kind is transformers.AutoModel:
        notes.append(HEADLESS_NOTE)
    _check_vocabulary(module, tokenizer, owner)
    config.use_cache = False  # nothing is generated
    context = min(_context(module), longest)
    subject = TextSubject(f"transformers:{argument}", module.eval(), tokenizer, context, causal=False)
    return replace(observed(subject), notes=tuple(notes))


def _head(config: Any) -> Any:  # noqa: ANN401
    """The kind of model that its architectures name; None for a bare one."""
    from transformers.models.auto import modeling_auto as known

    names = set(config.architectures or ())
    if names & set(known.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()):
        return transformers.AutoModelForCausalLM
    fills = known.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if names & set(fills.values()) or (config.model_type in fills and any("ForPreTraining" in name for name in names)):
        return transformers.AutoModelForMaskedLM
    return None


def _encodes_and_decodes(config: Any) -> bool:  # noqa: ANN401
    return bool(getattr(config, "is_encoder_decoder", False)) and hasattr(config, "vocab_size")


def _tokenizer(source: str, owner: str) -> tuple[JsonTokenizer, int]:
    """The model's own, and the most tokens it says the model takes."""
    folder = Path(source)
    if folder.is_dir() and not any(True for name in _VOCABULARIES for _ in folder.glob(name)):
        # The library would make one without a vocabulary.
        raise InvalidInput(f"'{source}' has no tokenizer.", hint=f"Put {TOKENIZER} there: tokenizer.save_pretrained.")
    with reading(source, "tokenizer"):
        found = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    told = getattr(found, "model_max_length", None)
    return of_transformers(found, owner), int(told) if told and told < 10**9 else 10**9


def _context(module: Any) -> int:  # noqa: ANN401
    """Tokens that the model has positions for; tables that begin behind the filling's number have as many fewer."""
    config = module.config.get_text_config()
    told = [getattr(config, name, None) for name in _LENGTHS]
    lengths = [each for each in told if isinstance(each, int) and each > 0]
    for name, each in module.named_modules():
        if name.endswith("position_embeddings") and isinstance(each, torch.nn.Embedding) and each.padding_idx:
            lengths.append(each.num_embeddings - each.padding_idx - 1)
    return min(lengths, default=CONTEXT)


def _check_vocabulary(module: Any, tokenizer: JsonTokenizer, owner: str) -> None:  # noqa: ANN401
    known = module.get_input_embeddings().num_embeddings
    used = {*range(len(tokenizer.pieces))} - tokenizer.special | {*tokenizer.prefix, *tokenizer.suffix, tokenizer.mask}
    if max(used) >= known:
        raise SubjectFault(
            f"{owner} knows {known} tokens, but its tokenizer gives number {max(used)}.",
            hint="Model and tokenizer do not belong together, or the model needs resize_token_embeddings.",
        )
