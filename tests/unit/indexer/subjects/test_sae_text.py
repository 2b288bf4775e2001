"""Latents of sparse autoencoders on layers of text subjects, whole and in slices."""

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

import indexer.subjects.sae as module_under_test  # noqa: E402
from indexer.catalogue import SUBJECTS  # noqa: E402
from indexer.errors import SubjectFault, UnknownName  # noqa: E402
from indexer.subjects.digests import module_digest  # noqa: E402
from indexer.subjects.opening import open_text_subject  # noqa: E402
from indexer.subjects.sae import attach  # noqa: E402
from indexer.subjects.text_layers import resolve_text_layers, text_layers  # noqa: E402
from indexer.subjects.text_nets.network import Decoder  # noqa: E402
from indexer.subjects.text_subject import TextSubject  # noqa: E402
from indexer.subjects.token_runs import TokenRuns  # noqa: E402
from tests.nets import text_subject  # noqa: E402

LAYER, WIDTH, LATENTS = "blocks.1", 16, 50
PROMPTS = [[1, 2, 3], [4, 5, 6, 7, 8], [9], [10, 11, 12]]


def decoder():
    torch.manual_seed(0)
    # As wide as a prompt is long: the axis of the neurons must not be mistaken.
    return text_subject(Decoder(40, width=WIDTH, blocks=2, heads=2, neurons=24), prefix=(0,), context=64)


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(1)
    tensors = {
        "W_enc": torch.randn(WIDTH, LATENTS),
        "b_enc": torch.randn(LATENTS),
        "W_dec": torch.randn(LATENTS, WIDTH),
        "b_dec": torch.randn(WIDTH),
    }
    save_file(tensors, tmp_path / "sae.safetensors", {"architecture": "standard", "apply_b_dec_to_input": "true"})
    return tmp_path / "sae.safetensors"


def expected(subject, file, prompt):
    from safetensors.torch import load_file

    weights = load_file(file)
    (shown,) = TokenRuns(subject, [LAYER]).run([prompt])
    residual = shown.activations[LAYER][0]
    return F.relu((residual - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"])


@pytest.mark.parametrize("slice_bytes", [1, 4 * 6 * LATENTS * 2, 64 * 2**20])
@pytest.mark.parametrize("layers", [[f"{LAYER}.sae"], [f"{LAYER}.sae", LAYER, "blocks.0"]])
def test_latents_of_every_token(file, monkeypatch, slice_bytes, layers):
    monkeypatch.setattr(module_under_test, "SLICE_BYTES", slice_bytes)
    plain, subject = decoder(), attach(decoder(), {LAYER: file})
    assert isinstance(subject, TextSubject) and "50 latents" in subject.notes[-1]
    seen = 0
    for shown in TokenRuns(subject, layers).run(PROMPTS):
        for row, number in enumerate(shown.prompts):
            latents = shown.activations[f"{LAYER}.sae"][row, : len(PROMPTS[number])]
            torch.testing.assert_close(latents, expected(plain, file, PROMPTS[number]), rtol=1e-4, atol=1e-5)
            seen += 1
    assert seen == len(PROMPTS)


def test_prompts_as_long_as_the_layer_is_wide(file):
    prompt = list(range(1, WIDTH))
    plain, subject = decoder(), attach(decoder(), {LAYER: file})
    (shown,) = TokenRuns(subject, [f"{LAYER}.sae"]).run([prompt])
    torch.testing.assert_close(
        shown.activations[f"{LAYER}.sae"][0], expected(plain, file, prompt), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("slice_bytes", [1, 64 * 2**20])
def test_latents_are_listed_as_a_layer(file, monkeypatch, slice_bytes):
    monkeypatch.setattr(module_under_test, "SLICE_BYTES", slice_bytes)
    subject = attach(decoder(), {LAYER: file})
    found = {each.name: each.units for each in text_layers(subject)}
    assert found[f"{LAYER}.sae"] == LATENTS and f"{LAYER}.sae.in" not in found
    assert resolve_text_layers(subject, ["**.sae"]) == (f"{LAYER}.sae",)


def test_what_the_subject_says_stays_the_same(file):
    plain, subject = decoder(), attach(decoder(), {LAYER: file})
    places = [2, 4, 0, 1]
    assert torch.equal(TokenRuns(plain, []).logits(PROMPTS, places), TokenRuns(subject, []).logits(PROMPTS, places))
    assert module_digest(plain.module) != module_digest(subject.module), "what latents are is part of what was indexed"


def test_opened_by_name(file, monkeypatch):
    monkeypatch.setattr(SUBJECTS, "load", lambda _name, **_options: decoder())
    subject = open_text_subject("tests:letters", {LAYER: file})
    assert f"{LAYER}.sae" in dict(subject.module.named_modules())
    with pytest.raises(UnknownName):
        open_text_subject("tests:letters", {"blocks.9": file})


def test_an_autoencoder_of_another_width(file):
    subject = attach(decoder(), {"blocks.1.mlp.act": file})
    with pytest.raises(SubjectFault, match="reads 16 dimensions, but the layer gives 24"):
        text_layers(subject)
