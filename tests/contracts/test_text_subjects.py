"""Every adapter of text subjects keeps the contract of `indexer/subjects/text_subject.py`."""

import os
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from indexer.catalogue import SUBJECTS  # noqa: E402
from indexer.errors import SubjectFault  # noqa: E402
from indexer.subjects.text_layers import resolve_text_layers, text_layers  # noqa: E402
from indexer.subjects.text_subject import TextSubject  # noqa: E402
from indexer.subjects.token_runs import TokenRuns  # noqa: E402

DATA = Path(os.environ.get("LENS_DATA", Path(__file__).parents[2] / "../shared/data"))
REAL = "python:text_subjects:stories260k"
TEXTS = [
    "",
    "import os\n\n\tx = 1",
    "Once upon a time, \u00e9\u4e2d\U0001f600 \u0000\u202e",
    "<|begin|><|mask|>[MASK][CLS]</s><s>",
    "\ud800 alone",
    " " * 40,
    "a" * 300,
]


def _words():
    """Bytes, and some pairs of them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special, alphabet = ["<s>", "</s>", "<mask>"], pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        ["import os and import sys"] * 3,
        trainers.BpeTrainer(vocab_size=280, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    around = [("<s>", 0), ("</s>", 1)]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=around)
    return made


def masked(folder):
    """A model that fills masks, saved by the library."""
    import transformers

    torch.manual_seed(0)
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    config = transformers.RobertaConfig(vocab_size=300, max_position_embeddings=34, pad_token_id=1, **small)
    transformers.RobertaForMaskedLM(config).save_pretrained(folder)
    named = {"bos_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=_words(), **named).save_pretrained(folder)
    return f"transformers:{folder}"


def causal(folder):
    """A model that continues texts, saved by the library."""
    import transformers

    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=300, n_embd=16, n_layer=1, n_head=2, n_positions=40, bos_token_id=0, eos_token_id=1
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    named = {"bos_token": "<s>", "eos_token": "</s>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=_words(), **named).save_pretrained(folder)
    return f"transformers:{folder}"


def factory(folder):
    """A module and a tokenizer of one's own."""
    (folder / "text_factory_of_a_test.py").write_text(
        "import torch\n"
        "from indexer.subjects.text_nets.network import Decoder\n"
        "class Bytes:\n"
        "    tokens = [b'', *(bytes([n]) for n in range(256))]\n"
        "    def encode(self, text): return [0, *(byte + 1 for byte in text.encode())]\n"
        "    def decode(self, ids): return bytes(n - 1 for n in ids if n).decode('utf-8', 'replace')\n"
        "def made():\n"
        "    torch.manual_seed(0)\n"
        "    return Decoder(257, width=16, blocks=1, heads=2, neurons=24), Bytes(), 48\n"
    )
    sys.path.insert(0, str(folder))
    return "python:text_factory_of_a_test:made"


SPECS = {
    "stdlib": lambda _folder: "tiny-text:stdlib",
    "grammar": lambda _folder: "tiny-text:grammar",
    "masked": masked,
    "causal": causal,
    "python": factory,
    "real": lambda _folder: REAL,
}


@pytest.fixture(scope="module", params=SPECS)
def opened(request, tmp_path_factory):
    """(spec, subject) of every adapter, and a real small model."""
    before = list(sys.path)
    if request.param == "real":
        if not (DATA / "text_subjects.py").is_file():
            pytest.skip(f"No real subjects: LENS_DATA is not set and {DATA} is absent.")
        sys.path.insert(0, str(DATA))
    spec = SPECS[request.param](tmp_path_factory.mktemp("saved"))
    yield spec, SUBJECTS.load(spec)
    sys.path[:] = before


@pytest.fixture
def subject(opened):
    return opened[1]


def ordinary(subject, count, start=0):
    """Own tokens, of all the vocabulary."""
    own = [number for number in range(len(subject.tokenizer.pieces)) if number not in subject.tokenizer.special]
    return [own[(start + 7 * number) % len(own)] for number in range(count)]


def activations(subject, prompts, layers):
    """Layer → by prompt [tokens, neurons]."""
    found = {layer: {} for layer in layers}
    for shown in TokenRuns(subject, layers).run(prompts):
        for row, (number, length) in enumerate(zip(shown.prompts, shown.lengths, strict=True)):
            for layer in layers:
                found[layer][number] = shown.activations[layer][row, :length]
    assert all(sorted(each) == list(range(len(prompts))) for each in found.values()), "each prompt once"
    return found


def test_it_is_a_text_subject_of_its_name(opened):
    spec, subject = opened
    assert isinstance(subject, TextSubject) and subject.name == spec
    assert all(isinstance(note, str) and note for note in subject.notes)


def test_pieces_are_bytes_and_special_tokens_stand_for_none(subject):
    tokenizer = subject.tokenizer
    assert all(type(piece) is bytes for piece in tokenizer.pieces)
    assert {*tokenizer.prefix, *tokenizer.suffix, tokenizer.mask} <= tokenizer.special
    assert all(tokenizer.pieces[number] == b"" for number in tokenizer.special if number < len(tokenizer.pieces))


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_legal(subject, text):
    tokens = subject.tokenizer.encode(text)
    assert tokens == subject.tokenizer.encode(text)
    assert all(type(token) is int and 0 <= token < len(subject.tokenizer.pieces) for token in tokens)
    around = {*subject.tokenizer.prefix, *subject.tokenizer.suffix}
    assert not around & set(tokens), "what looks like a special token is text"


@pytest.mark.parametrize("text", TEXTS[:4])
def test_pieces_are_the_text(subject, text):
    """All these vocabularies hold every byte; one puts a blank before a text."""
    tokenizer = subject.tokenizer
    joined = b"".join(tokenizer.pieces[token] for token in tokenizer.encode(text))
    assert joined.decode("utf-8", "replace").removeprefix("" if text.startswith(" ") else " ") == text


def test_it_runs_on_as_many_tokens_as_it_says_and_refuses_more(subject):
    layer = text_layers(subject)[-1].name
    longest = ordinary(subject, subject.room)
    assert activations(subject, [longest], [layer])[layer][0].shape[0] == subject.room
    assert len(subject.prompt(longest)) == subject.context
    with pytest.raises(SubjectFault, match=f"takes {subject.room} tokens"):
        subject.prompt([*longest, longest[0]])


def test_every_layer_that_is_listed_is_read_with_as_many_neurons(subject):
    shapes = text_layers(subject)
    found = activations(subject, [ordinary(subject, 6), ordinary(subject, 3)], [each.name for each in shapes])
    for each in shapes:
        assert {prompt.shape[1] for prompt in found[each.name].values()} == {each.units}
        assert all(torch.isfinite(prompt).all() for prompt in found[each.name].values())
    assert resolve_text_layers(subject, ["**"]) == tuple(each.name for each in shapes if not each.name.endswith(".in"))


def test_company_changes_nothing(subject):
    prompts = [ordinary(subject, length, start=length) for length in (1, 5, 2, 9, 5)]
    layer = [each.name for each in text_layers(subject) if not each.name.endswith(".in")][-2]
    together = activations(subject, prompts, [layer])[layer]
    for number, prompt in enumerate(prompts):
        alone = activations(subject, [prompt], [layer])[layer][0]
        torch.testing.assert_close(together[number], alone, rtol=1e-4, atol=1e-5)


def test_causal_subjects_see_nothing_behind_a_token_and_others_do(subject):
    """Without a suffix a text may go on; with one, another last token takes the end's place."""
    layer = [each.name for each in text_layers(subject) if not each.name.endswith(".in")][-1]
    before = ordinary(subject, 6)
    last = ordinary(subject, 3, start=100)
    runs = activations(subject, [[*before, token] for token in last], [layer])[layer]
    same = all(torch.allclose(runs[0][:6], runs[each][:6], rtol=1e-4, atol=1e-6) for each in (1, 2))
    assert same == subject.causal


def test_loading_again_gives_the_same(opened):
    spec, subject = opened
    again = SUBJECTS.load(spec)
    assert repr(again.tokenizer) == repr(subject.tokenizer)
    assert (again.context, again.causal, again.by_name) == (subject.context, subject.causal, subject.by_name)
    layer = text_layers(subject)[-1].name
    prompts = [ordinary(subject, 5)]
    assert torch.equal(*(activations(each, prompts, [layer])[layer][0] for each in (subject, again)))


def test_logits_are_of_the_next_token_or_of_the_masked_one(subject):
    if subject.name == "tiny-text:grammar":
        pytest.skip("It is built of rules and predicts nothing.")
    logits = TokenRuns(subject, []).logits([ordinary(subject, 4), ordinary(subject, 2)], [3, 0])
    assert logits.shape[0] == 2 and logits.shape[1] >= len(subject.tokenizer.pieces)


def test_a_tokenizer_that_is_stored_encodes_alike(subject):
    stored = subject.tokenizer.stored()
    if stored is None:
        pytest.skip("It has no such form.")
    from tokenizers import Tokenizer

    from indexer.subjects.json_tokenizer import JsonTokenizer

    tokenizer = subject.tokenizer
    again = JsonTokenizer(
        Tokenizer.from_str(stored),
        mask=tokenizer.mask,
        special=tokenizer.special,
        prefix=tokenizer.prefix,
        suffix=tokenizer.suffix,
    )
    assert [again.encode(text) for text in TEXTS] == [tokenizer.encode(text) for text in TEXTS]
    assert list(again.pieces) == list(tokenizer.pieces)
