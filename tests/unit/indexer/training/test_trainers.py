"""The same command gives the same weights."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open_clip")

from indexer.training import subjects, tiny_clip  # noqa: E402


def test_training_a_subject_twice_gives_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    small = subjects.Recipe(encoded="patch", epochs=1, count=128)
    monkeypatch.setitem(subjects.RECIPES, "encode-only", small)
    one, two = (subjects.train("encode-only").state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["head.weight"], subjects.LesionNet().state_dict()["head.weight"])


def test_training_tiny_clip_twice_gives_the_same_files(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, two = (tiny_clip.train(256, 1, folder).state_dict() for folder in folders)
    assert all(torch.equal(one[name], two[name]) for name in one)
    for name in ("tokenizer.json", tiny_clip.CONFIG):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_trimmed_texts_give_open_clips_own_vectors(tmp_path: Path) -> None:
    tiny_clip.train_tokenizer(["a ruler", "hair on a mole", "dark corners"] * 20, tmp_path / "tokenizer.json")
    model = tiny_clip.create(tmp_path).eval()
    tokens = tiny_clip.words.Tokenizer(tmp_path / "tokenizer.json")(["a ruler", "hair", ""])
    with torch.inference_mode():
        assert torch.allclose(tiny_clip.text_features(model, tokens), model.encode_text(tokens), atol=1e-5)
