"""`sentence:` folders: how token vectors become one, what is cut, and how each failure reads."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from PIL import Image  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: E402

from indexer.errors import InvalidInput  # noqa: E402
from indexer.foundation_models.sentence import load  # noqa: E402
from indexer.foundation_models.snippets import Snippet, embed_snippets  # noqa: E402

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "one", "two", "three", "four", "five")
TEXTS = ("", "one", "one two", "three four five one two three", "犬 one")
MODES = ("mean_tokens", "cls_token", "max_tokens", "lasttoken")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BERT of one layer as sentence-transformers leaves it."""
    return write(tmp_path / "model")


def write(folder: Path, *, pooling: str | None = "mean_tokens", modules: tuple[str, ...] = ("Transformer", "Pooling")):
    library = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    library.pre_tokenizer = pre_tokenizers.Whitespace()
    library.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=library, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    tokenizer.save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 24}
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=12, **sizes)
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(folder)
    places = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize", "Dense": "2_Dense"}
    listed = [{"path": places[each], "type": f"sentence_transformers.models.{each}"} for each in modules]
    (folder / "modules.json").write_text(json.dumps(listed))
    if pooling is not None:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{pooling}": True}))
    return folder


def by_hand(folder: Path, text: str, mode: str) -> np.ndarray:
    """One text at a time, without padding."""
    encoder = transformers.BertModel.from_pretrained(folder).eval()
    ids = [2, *(WORDS.index(word) if word in WORDS else 1 for word in text.split()), 3]
    with torch.inference_mode():
        states = encoder(torch.tensor([ids])).last_hidden_state[0].numpy()
    pooled = {
        "mean_tokens": states.mean(0), "cls_token": states[0], "max_tokens": states.max(0), "lasttoken": states[-1],
    }[mode]  # fmt: skip
    return pooled / np.linalg.norm(pooled)


@pytest.mark.parametrize("mode", MODES)
def test_pooling_is_what_the_folder_says(tmp_path: Path, mode: str) -> None:
    folder = write(tmp_path / "model", pooling=mode)
    found = load(str(folder)).embed_texts(TEXTS)
    np.testing.assert_allclose(found, np.stack([by_hand(folder, text, mode) for text in TEXTS]), atol=1e-5)


def test_without_a_word_on_pooling_tokens_are_averaged(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", pooling=None, modules=())
    (folder / "modules.json").unlink()
    np.testing.assert_allclose(load(str(folder)).embed_texts(["one"])[0], by_hand(folder, "one", MODES[0]), atol=1e-5)


def test_pooling_is_part_of_the_space(tmp_path: Path) -> None:
    folders = [write(tmp_path / mode, pooling=mode) for mode in MODES]
    assert len({load(str(each)).space.digest for each in folders}) == len(MODES)


def test_the_space_is_the_folders_content(folder: Path) -> None:
    torch.manual_seed(7)
    first, second = load(str(folder)).space, load(str(folder)).space
    assert first == second
    assert first.name == f"sentence:{folder}"
    assert first.dimension == 16


def test_a_snippet_keeps_its_pivot(folder: Path) -> None:
    model = load(str(folder))
    long = Snippet("one " * 40, "five", " two" * 40)
    found = embed_snippets(model, [long, Snippet("one ", "two", "")])
    # Twelve places, two of them the ends: five words before the pivot and four after it come into the window of twenty
    # characters on either side, which is the widest that fits.
    widths = [reach for reach in range(200) if 2 + len(_window(long, reach).split()) <= 12]
    np.testing.assert_allclose(found[0], by_hand(folder, _window(long, max(widths)), MODES[0]), atol=1e-5)
    np.testing.assert_allclose(found[1], by_hand(folder, "one two", MODES[0]), atol=1e-5)


def _window(snippet: Snippet, reach: int) -> str:
    return snippet.before[len(snippet.before) - reach :] + snippet.token + snippet.after[:reach]


def test_images_are_refused_with_a_cure(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="embeds texts, not images") as caught:
        load(str(folder)).embed_images([Image.new("RGB", (4, 4))])
    assert "tiny-clip" in caught.value.hint


def test_layers_that_would_be_left_out_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", modules=("Transformer", "Pooling", "Dense"))
    with pytest.raises(InvalidInput, match="ends in a layer 'Dense'"):
        load(str(folder))


def test_a_normalised_model_is_understood(tmp_path: Path) -> None:
    write(tmp_path / "model", modules=("Transformer", "Pooling", "Normalize"))
    assert load(str(tmp_path / "model")).embed_texts(["one"]).shape == (1, 16)


@pytest.mark.parametrize("pooling", ["mean_sqrt_len_tokens", "weightedmean_tokens"])
def test_other_poolings_are_refused(tmp_path: Path, pooling: str) -> None:
    with pytest.raises(InvalidInput, match=f"pools its tokens by pooling_mode_{pooling}"):
        load(str(write(tmp_path / "model", pooling=pooling)))


def test_weights_that_do_not_fill_the_model_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2}))
    with pytest.raises(InvalidInput, match="do not fill the model"):
        load(str(folder))


def test_pickles_are_refused_unless_trusted(folder: Path) -> None:
    state = transformers.BertModel.from_pretrained(folder).state_dict()
    wanted = load(str(folder)).embed_texts(["one"])
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(InvalidInput, match="is a pickle"):
        load(str(folder))
    np.testing.assert_allclose(load(str(folder), trust_pickle=True).embed_texts(["one"]), wanted, atol=1e-6)


def test_code_of_a_model_is_not_run(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('was run')")
    with pytest.raises(InvalidInput, match="cannot be read"):
        load(str(folder))


@pytest.mark.parametrize(
    ("argument", "told"),
    [("", "needs a model"), ("/nowhere/at/all", "No folder at"), ("{file}", "is a file"), ("{empty}", "has no config")],
)
def test_what_is_no_model_is_told(tmp_path: Path, argument: str, told: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match=told):
        load(argument.format(file=tmp_path / "file", empty=tmp_path / "empty"))


@pytest.mark.parametrize("file", ["modules.json", "1_Pooling/config.json", "model.safetensors", "tokenizer.json"])
def test_a_broken_file_is_a_fault_with_a_reason(folder: Path, file: str) -> None:
    (folder / file).write_text("{broken")
    with pytest.raises(InvalidInput):
        load(str(folder))
