"""`transformers:` for models of texts: small ones with random weights, saved with tokenizers made here."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

from indexer.errors import InvalidInput, SubjectFault  # noqa: E402
from indexer.subjects.digests import module_digest  # noqa: E402
from indexer.subjects.text_layers import resolve_text_layers, text_layers  # noqa: E402
from indexer.subjects.text_subject import TextSubject  # noqa: E402
from indexer.subjects.token_runs import TokenRuns  # noqa: E402
from indexer.subjects.transformers import load  # noqa: E402

TEXTS = ["the cat sat on the mat, and the dog by the door", "cats and dogs sat down; mats and doors did not"] * 3
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
BERT_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def byte_pairs():
    """As GPT-2's: bytes, nothing put around a text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=290, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
        ),
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|endoftext|>")


def word_pieces():
    """As BERT's: lower case, [CLS] and [SEP] around a text."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.train_from_iterator(
        TEXTS, trainers.WordPieceTrainer(vocab_size=60, special_tokens=BERT_SPECIAL, show_progress=False)
    )
    around = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    named = {"unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]", "cls_token": "[CLS]"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, sep_token="[SEP]", model_max_length=40, **named)


def unigrams():
    """As SentencePiece's: blanks are letters, <s> before a text, bytes for what is unknown."""
    words = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("\u2581the", -1.0), ("\u2581cat", -1.0), ("\u2581", -3.0)]
    words += [(letter, -4.0) for letter in "abcdefghijklmnopqrstuvwxyz"] + [(f"<0x{n:02X}>", -9.0) for n in range(256)]
    made = Tokenizer(models.Unigram(words, unk_id=0, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def gpt2():
    config = transformers.GPT2Config(
        vocab_size=300, n_embd=16, n_layer=2, n_head=2, n_positions=48, bos_token_id=0, eos_token_id=0
    )
    return transformers.GPT2LMHeadModel(config)


def bert(kind, **more):
    return kind(transformers.BertConfig(vocab_size=60, max_position_embeddings=64, **SMALL, **more))


MODELS = {
    "gpt2": (gpt2, byte_pairs),
    "neox": (
        lambda: transformers.GPTNeoXForCausalLM(
            transformers.GPTNeoXConfig(vocab_size=300, max_position_embeddings=48, **SMALL)
        ),
        byte_pairs,
    ),
    "llama": (
        lambda: transformers.LlamaForCausalLM(
            transformers.LlamaConfig(vocab_size=300, max_position_embeddings=48, **SMALL)
        ),
        unigrams,
    ),
    "bert": (lambda: bert(transformers.BertForMaskedLM), word_pieces),
    "distilbert": (
        lambda: transformers.DistilBertForMaskedLM(
            transformers.DistilBertConfig(
                vocab_size=60, max_position_embeddings=64, dim=16, hidden_dim=24, n_layers=2, n_heads=2
            )
        ),
        word_pieces,
    ),
    "roberta": (
        lambda: transformers.RobertaForMaskedLM(
            transformers.RobertaConfig(vocab_size=60, max_position_embeddings=34, pad_token_id=1, **SMALL)
        ),
        word_pieces,
    ),
    "bare bert": (lambda: bert(transformers.BertModel), word_pieces),
    "classifier": (lambda: bert(transformers.BertForSequenceClassification), word_pieces),
    "fnet": (
        lambda: transformers.FNetForMaskedLM(
            transformers.FNetConfig(
                vocab_size=60, max_position_embeddings=64, hidden_size=16, num_hidden_layers=1, intermediate_size=24
            )
        ),
        word_pieces,
    ),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(folder, module) of a model, saved by the library itself."""
    kept = {}

    def folder(name):
        if name not in kept:
            torch.manual_seed(4)
            make, tokenizer = MODELS[name]
            module, path = make().eval(), tmp_path_factory.mktemp("saved") / name.replace(" ", "-")
            module.save_pretrained(path)
            tokenizer().save_pretrained(path)
            kept[name] = (path, module)
        return kept[name]

    return folder


@pytest.mark.parametrize(
    ("name", "causal", "context", "prefix", "suffix", "mask"),
    [
        ("gpt2", True, 48, (), (), 0),
        ("neox", True, 48, (), (), 0),
        ("llama", True, 48, (1,), (), 0),
        ("bert", False, 40, (2,), (3,), 4),  # as many as its tokenizer says
        ("distilbert", False, 40, (2,), (3,), 4),
        ("roberta", False, 32, (2,), (3,), 4),  # two positions before the first
        ("bare bert", False, 40, (2,), (3,), 4),
        ("fnet", False, 40, (2,), (3,), 4),
    ],
)
def test_what_a_folder_says(saved, name, causal, context, prefix, suffix, mask):
    subject = load(str(saved(name)[0]))
    assert isinstance(subject, TextSubject)
    tokenizer = subject.tokenizer
    assert (subject.causal, subject.context) == (causal, context)
    assert (tokenizer.prefix, tokenizer.suffix, tokenizer.mask) == (prefix, suffix, mask)
    assert subject.by_name == (name != "fnet"), "it has no attention mask"
    longest = [5 + number % 20 for number in range(subject.room)]
    layer = text_layers(subject)[0].name
    (shown,) = TokenRuns(subject, [layer]).run([longest])
    assert shown.activations[layer].shape[1] == subject.room, "as long a text as it says it takes"


@pytest.mark.parametrize("name", MODELS)
def test_activations_are_those_of_each_text_alone(saved, name):
    """Padding and batches change nothing that is read."""
    path, module = saved(name)
    subject = load(str(path))
    layer = [each.name for each in text_layers(subject) if not each.name.endswith(".in")][-4]
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12, 13], [14]]
    for shown in TokenRuns(subject, [layer]).run(prompts):
        for row, number in enumerate(shown.prompts):
            alone = []
            inner = subject.module.get_submodule(layer)
            handle = inner.register_forward_hook(lambda _m, _i, output, kept=alone: kept.append(output))
            with torch.inference_mode():
                subject.module(torch.tensor([subject.prompt(prompts[number])]))
            handle.remove()
            begin, length = len(subject.tokenizer.prefix), len(prompts[number])
            expected = (alone[0] if torch.is_tensor(alone[0]) else alone[0][0])[0, begin : begin + length]
            torch.testing.assert_close(shown.activations[layer][row, :length], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert"])
def test_logits_are_the_models_own(saved, name):
    path, module = saved(name)
    subject = load(str(path))
    prompt = subject.prompt([5, 6, 7])
    with torch.inference_mode():
        expected = module(torch.tensor([prompt])).logits[0, len(subject.tokenizer.prefix) + 1]
    torch.testing.assert_close(TokenRuns(subject, []).logits([[5, 6, 7]], [1])[0], expected)


@pytest.mark.parametrize(
    ("name", "text", "pieces"),
    [
        ("gpt2", "the cat \u00e9", [b"the", b" cat", b" ", b"\xc3", b"\xa9"]),
        ("gpt2", "<|endoftext|>", None),
        ("llama", "the cat\u00e9", [b" the", b" cat", b"\xc3", b"\xa9"]),
        ("bert", "The cats", [b" the", b" cats"]),
    ],
)
def test_pieces_give_back_the_text(saved, name, text, pieces):
    tokenizer = load(str(saved(name)[0])).tokenizer
    found = [tokenizer.pieces[token] for token in tokenizer.encode(text)]
    assert found == pieces if pieces else b"".join(found) == text.encode(), "what looks like a special token is text"


@pytest.mark.parametrize(
    ("name", "pattern", "units"),
    [
        ("gpt2", "transformer.h.*.mlp.act", 64),
        ("llama", "model.layers.*.mlp.down_proj.in", 24),
        ("bert", "bert.encoder.layer.*.intermediate.intermediate_act_fn", 24),
        ("distilbert", "distilbert.transformer.layer.*.ffn.activation", 24),
        ("neox", "gpt_neox.layers.*", 16),
    ],
)
def test_neurons_and_residual_dimensions(saved, name, pattern, units):
    subject = load(str(saved(name)[0]))
    layers = resolve_text_layers(subject, [pattern])
    assert len(layers) == 2
    assert {each.units for each in text_layers(subject) if each.name in layers} == {units}


def test_models_without_a_head_say_so(saved):
    for name in ("bare bert", "classifier"):
        subject = load(str(saved(name)[0]))
        assert "no head that predicts tokens" in subject.notes[0]
        with pytest.raises(SubjectFault, match="gives no logits"):
            TokenRuns(subject, []).logits([[5, 6]], [0])


def test_random_weights_are_seeded_and_noted(saved):
    path, _ = saved("gpt2")
    first, second = load(f"{path}/random"), load(f"{path}/random")
    assert module_digest(first.module) == module_digest(second.module) != module_digest(load(str(path)).module)
    assert "random" in first.notes[0] and first.tokenizer.encode("cat") == load(str(path)).tokenizer.encode("cat")


def copied(path, target, *, but=()):
    shutil.copytree(path, target, ignore=lambda _folder, names: [name for name in names if name in but])
    return target


def test_a_folder_without_a_tokenizer(saved, tmp_path):
    """The library would make an empty one."""
    folder = copied(saved("gpt2")[0], tmp_path / "bare", but=("tokenizer.json",))
    with pytest.raises(InvalidInput, match="has no tokenizer") as fault:
        load(str(folder))
    assert "save_pretrained" in fault.value.hint


def test_a_tokenizer_of_another_model(saved, tmp_path):
    folder = copied(saved("bert")[0], tmp_path / "mixed", but=("tokenizer.json", "tokenizer_config.json"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(saved("gpt2")[0] / name, folder / name)
    with pytest.raises(SubjectFault, match="knows 60 tokens, but its tokenizer gives number"):
        load(str(folder))


def test_a_tokenizer_cut_short(saved, tmp_path):
    folder = copied(saved("gpt2")[0], tmp_path / "cut")
    (folder / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes()[:100])
    with pytest.raises(SubjectFault, match="The tokenizer in .* cannot be read"):
        load(str(folder))


def test_a_slow_tokenizer_is_refused(saved, monkeypatch):
    class Slow:
        model_max_length = 10

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda *_given, **_named: Slow())
    with pytest.raises(SubjectFault, match="of type Slow, which has no fast form") as fault:
        load(str(saved("gpt2")[0]))
    assert "tokenizer.json" in fault.value.hint


def test_a_tied_head_needs_no_weights_of_its_own(saved):
    path, module = saved("gpt2")
    assert "lm_head.weight" not in load_file(path / "model.safetensors")
    subject = load(str(path))
    assert torch.equal(subject.module.lm_head.weight, module.transformer.wte.weight)


def test_a_head_that_is_missing(saved, tmp_path):
    folder = copied(saved("llama")[0], tmp_path / "headless")
    state = load_file(folder / "model.safetensors")
    state.pop("lm_head.weight")
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(SubjectFault, match="missing: lm_head.weight"):
        load(str(folder))


def test_weights_of_another_size(saved, tmp_path):
    folder = copied(saved("gpt2")[0], tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "n_positions": 20}))
    with pytest.raises(SubjectFault, match="mismatched"):
        load(str(folder))


def test_encoders_with_decoders_are_refused(tmp_path):
    config = transformers.T5Config(vocab_size=60, d_model=16, d_ff=24, num_layers=1, num_heads=2, d_kv=8)
    transformers.T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    with pytest.raises(SubjectFault, match="an encoder and a decoder") as fault:
        load(str(tmp_path))
    assert "python:MODULE:FACTORY" in fault.value.hint
