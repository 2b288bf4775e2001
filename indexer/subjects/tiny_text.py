"""`tiny-text:NAME`: a small text model of this project: `stdlib` reads Python, `grammar` has neurons of known rules."""

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from indexer.errors import SubjectFault, UnknownName
from indexer.subjects.json_tokenizer import JsonTokenizer, byte_letters
from indexer.subjects.text_nets import BEGIN, MASK, NAMES, SPECIAL, files_of
from indexer.subjects.text_nets import grammar as language
from indexer.subjects.text_nets.grammar_network import RuleNet
from indexer.subjects.text_nets.network import CONTEXT, Decoder
from indexer.subjects.text_subject import TextSubject


def load(argument: str, *, trust_pickle: bool = False) -> TextSubject:
    """Load an embedded text model; raises UnknownName."""
    if argument not in NAMES:
        raise UnknownName("embedded text model", argument, NAMES)
    return stdlib() if argument == "stdlib" else grammar()


def stdlib() -> TextSubject:
    """The decoder trained on Python's standard library (indexer/training/text_stdlib.py)."""
    weights, vocabulary = files_of("stdlib")
    try:
        library = Tokenizer.from_file(str(vocabulary))
        tensors = load_file(weights)
    except Exception as fault:
        raise SubjectFault(f"The weights of tiny-text:stdlib cannot be read: {fault}.") from fault
    begin, mask = (SPECIAL.index(each) for each in (BEGIN, MASK))
    net = Decoder(library.get_vocab_size())
    net.load_state_dict({name: tensor.to(torch.float32) for name, tensor in tensors.items()})
    tokenizer = JsonTokenizer(library, mask=mask, prefix=(begin,))
    return TextSubject("tiny-text:stdlib", net.eval(), tokenizer, CONTEXT, causal=True)


def grammar() -> TextSubject:
    """The network built of known rules (text_nets/grammar_rules.py); nothing of it is trained."""
    begin, mask = (SPECIAL.index(each) for each in (BEGIN, MASK))
    tokenizer = JsonTokenizer(_spelling(), mask=mask, prefix=(begin,))
    return TextSubject("tiny-text:grammar", RuleNet().eval(), tokenizer, language.CONTEXT, causal=True)


def _spelling() -> Tokenizer:
    """Whole words of the language, and bytes of whatever else."""
    letters = {byte: letter for letter, byte in byte_letters().items()}
    written = ["".join(letters[byte] for byte in piece) for piece in language.vocabulary()[len(SPECIAL) :]]
    numbers = {word: number for number, word in enumerate([*SPECIAL, *written])}
    first, second = (letters[byte] for byte in language.EMOJI)
    library = Tokenizer(models.BPE(numbers, [(first, second)], ignore_merges=True))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    library.add_special_tokens(list(SPECIAL))
    return library
