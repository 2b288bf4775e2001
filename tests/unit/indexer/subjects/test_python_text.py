"""`python:` for models of texts: what a factory does not say is found by running what it made."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: E402
from torch import nn  # noqa: E402

from indexer.errors import SubjectFault  # noqa: E402
from indexer.subjects import python  # noqa: E402
from indexer.subjects.own_tokenizer import OwnTokenizer  # noqa: E402
from indexer.subjects.python_text import text_subject  # noqa: E402
from indexer.subjects.text_layers import resolve_text_layers  # noqa: E402
from indexer.subjects.text_nets.network import Decoder  # noqa: E402
from indexer.subjects.token_runs import TokenRuns  # noqa: E402

DATA = Path(os.environ.get("LENS_DATA", Path(__file__).resolve().parents[5] / "shared/data"))


class Words:
    """A tokenizer of anybody's: 1 begins a text, 2 ends it, a blank is put before it."""

    tokens = ("<unk>", "<s>", "</s>", " ", " a", " b", "c", "\u2581the", "d", "<0x0A>", b"\xc3", b"\xa9")

    def encode(self, text):
        return [1, *self._own(" " + text if text else ""), 2]

    def _own(self, text):
        content, ids = text.encode(), []
        written = {self._bytes(number): number for number in range(3, len(self.tokens))}
        while content:
            known = max((each for each in written if content.startswith(each)), key=len, default=b"")
            ids.append(written[known] if known else 0)
            content = content[len(known) or 1 :]
        return ids

    def _bytes(self, number):
        token = self.tokens[number]
        raw = token if isinstance(token, bytes) else token.replace("\u2581", " ").encode()
        return b"\n" if raw == b"<0x0A>" else raw

    def decode(self, ids):
        text = b"".join(self._bytes(each) for each in ids if each > 2).decode("utf-8", "replace")
        return text[1:] if text.startswith(" ") else text


class Silent(Words):
    """It does not say what its tokens are."""

    tokens, vocab_size = None, len(Words.tokens)

    def _bytes(self, number):
        self.tokens = Words.tokens
        try:
            return super()._bytes(number)
        finally:
            self.tokens = None

    def _own(self, text):
        self_tokens = Words()
        return self_tokens._own(text)


class Both(nn.Module):
    """Each token sees all."""

    def __init__(self, sizes=12):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.mix, self.head = nn.Embedding(sizes, 8), nn.Linear(8, 8), nn.Linear(8, sizes)
        self.positions = nn.Parameter(torch.randn(20, 8))

    def forward(self, ids):
        stream = self.embedding(ids) + self.positions[torch.arange(ids.shape[1])]
        return self.head(self.mix(stream + stream.mean(1, keepdim=True)))


class Masked(Both):
    """As models of transformers take texts, minding the mask or not."""

    minds = True

    def forward(self, input_ids, attention_mask=None):
        stream = self.embedding(input_ids)
        seen = attention_mask[:, :, None].float() if self.minds else torch.ones_like(stream)
        return {"logits": self.head(stream + (stream * seen).sum(1, keepdim=True) / seen.sum(1, keepdim=True))}


class Heedless(Masked):
    minds = False


def decoder(vocabulary=12):
    torch.manual_seed(0)
    return Decoder(vocabulary, width=8, blocks=1, heads=2, neurons=6)


def test_a_tokenizer_of_anybodys():
    tokenizer = OwnTokenizer(Words(), "mine")
    assert (tokenizer.prefix, tokenizer.suffix, tokenizer.mask) == ((1,), (2,), 0)
    assert tokenizer.special == {0, 1, 2} and tokenizer.stored() is None
    assert tokenizer.pieces == [b"", b"", b"", b" ", b" a", b" b", b"c", b" the", b"d", b"\n", b"\xc3", b"\xa9"]
    assert tokenizer.encode("the\n\u00e9") == [7, 9, 10, 11]
    assert tokenizer.encode("") == []
    assert tokenizer.encode("\ud800") == [3, 0], "a surrogate alone is a question mark, which is unknown"


def test_pieces_are_decoded_where_no_list_of_them_is_given():
    tokenizer = OwnTokenizer(Silent(), "mine")
    assert tokenizer.pieces[3:10] == [b" ", b" a", b" b", b"c", b" the", b"d", b"\n"], "with the blank before a word"


def test_the_same_tokenizer_reads_the_same_in_its_name():
    first, second = OwnTokenizer(Words(), "mine"), OwnTokenizer(Words(), "yours")
    assert repr(first) == repr(second)
    other = Words()
    other.tokens = (*Words.tokens[:-1], b"\xaa")
    assert repr(OwnTokenizer(other, "mine")) != repr(first)


def test_a_causal_module():
    subject = text_subject("m:f", decoder(), Words())
    assert subject.causal and not subject.by_name and subject.name == "python:m:f"
    assert "those before them only" in subject.notes[0] and "1024 tokens and perhaps more" in subject.notes[0]
    assert "before a text stands 1, after it 2" in subject.notes[0]


def test_a_module_whose_tokens_see_all():
    subject = text_subject("m:f", Both(), Words())
    assert not subject.causal and subject.context == 20, "as many as it has positions"
    assert "20 tokens at most; tokens see those behind them too" in subject.notes[0]
    layer = resolve_text_layers(subject, ["mix"])
    prompts = [[4, 5], [6], [7, 8]]
    for shown in TokenRuns(subject, layer).run(prompts):
        assert len(set(shown.lengths)) == 1, "padding would be seen"


def test_modules_that_take_ids_by_name():
    subject = text_subject("m:f", Masked(), Words(), 30)
    assert subject.by_name and not subject.causal and subject.context == 30
    heedless = text_subject("m:f", Heedless(), Words(), 30)
    assert not heedless.by_name, "it does not mind the mask: texts of one length go together"


def test_the_context_may_be_given():
    assert text_subject("m:f", decoder(), Words(), 16).context == 16
    with pytest.raises(SubjectFault, match=r"The third part that the factory 'm:f' returned is \('a',\)"):
        text_subject("m:f", decoder(), Words(), ("a",))


def test_tokenizers_of_the_libraries():
    made = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1, "the": 2, "cat": 3, "a": 4}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    for given in (made, transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")):
        subject = text_subject("m:f", decoder(5), given)
        assert subject.tokenizer.encode("the cat") == [2, 3]
        assert (subject.tokenizer.prefix, subject.tokenizer.mask) == ((1,), 0)
        assert subject.tokenizer.stored() is not None


def test_a_module_that_knows_fewer_tokens_than_its_tokenizer():
    with pytest.raises(SubjectFault, match="Shown token 11, python:m:f cannot be run on texts of 3 tokens"):
        text_subject("m:f", decoder(11), Words())


class Refusing(Words):
    def encode(self, text):
        raise ValueError("no such text")


class Foreign(Words):
    def encode(self, text):
        return [1, 99]


class Wordy(Words):
    def encode(self, text):
        return ["a", "b"]


class Moody(Words):
    def encode(self, text):
        return super().encode(text) if text else [1, 1, 2]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Refusing(), r"encode\('a'\) of the tokenizer of mine failed: ValueError: no such text"),
        (Foreign(), "has 12 tokens, but encode.* gave number 99"),
        (Wordy(), "returned list, no ids"),
        (Moody(), r"puts \[1, 1, 2\] around a text of nothing, but other tokens around 'a'"),
        (SimpleNamespace(encode=lambda text: [1], decode=lambda ids: ""), "does not say how many tokens it has"),
        (SimpleNamespace(encode=lambda text: [1], decode=lambda ids: 5, vocab_size=3), "returned int, no text"),
    ],
)
def test_tokenizers_that_break_the_contract(given, said):
    with pytest.raises(SubjectFault, match=said) as fault:
        OwnTokenizer(given, "mine")
    assert fault.value.hint


def test_a_tokenizer_that_puts_other_tokens_around_some_text():
    class Later(Words):
        def encode(self, text):
            return super().encode(text)[: -1 if "ccc" in text else None]

    with pytest.raises(SubjectFault, match="not around 'ccc'"):
        OwnTokenizer(Later(), "mine").encode("ccc")


def test_encode_without_decode():
    with pytest.raises(SubjectFault, match="has encode, but no decode"):
        text_subject("m:f", decoder(), SimpleNamespace(encode=list))


def test_a_factory_of_a_text_model(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent))
    name = Path(__file__).stem
    sys.modules.setdefault(name, sys.modules[__name__])
    monkeypatch.setattr(sys.modules[name], "factory", lambda: (decoder(), Words()), raising=False)
    assert python.load(f"{name}:factory").causal


@pytest.mark.skipif(not (DATA / "text_subjects.py").is_file(), reason="needs the shared models")
def test_a_real_small_model(monkeypatch):
    monkeypatch.syspath_prepend(str(DATA))
    subject = python.load("text_subjects:stories260k")
    assert (subject.context, subject.causal, subject.by_name) == (512, True, False)
    tokenizer = subject.tokenizer
    assert tokenizer.prefix == (1,) and tokenizer.suffix == () and tokenizer.mask == 0
    assert [tokenizer.pieces[number] for number in range(3, 259)] == [bytes([byte]) for byte in range(256)]
    text = "Once upon a time, Lily \u00e9\n\nsmiled."
    assert b"".join(tokenizer.pieces[token] for token in tokenizer.encode(text)).decode() == f" {text}"
    assert resolve_text_layers(subject, ["blocks.*.act"]) == tuple(f"blocks.{number}.act" for number in range(5))
    story = tokenizer.encode("Once upon a time, there was a")
    best = int(TokenRuns(subject, []).logits([story], [len(story) - 1])[0].argmax())
    assert tokenizer.pieces[best] == b" little"
