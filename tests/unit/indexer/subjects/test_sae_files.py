"""Autoencoders as releases store them, and what is refused rather than read wrongly."""

import json

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from indexer.errors import InvalidInput, SubjectFault  # noqa: E402
from indexer.subjects.sae_files import read_weights  # noqa: E402

D, N = 4, 6


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


ENCODER, DECODER, BIAS, OWN_BIAS, THRESHOLD = drawn(N, D), drawn(N, D, seed=1), drawn(N), drawn(D), drawn(N).abs()
SAE_LENS = {"W_enc": ENCODER.T, "b_enc": BIAS, "W_dec": DECODER, "b_dec": OWN_BIAS}
OPENAI = {"encoder.weight": ENCODER, "latent_bias": BIAS, "decoder.weight": DECODER.T, "pre_bias": OWN_BIAS}
DICTIONARY = {"encoder.weight": ENCODER, "encoder.bias": BIAS, "decoder.weight": DECODER.T, "bias": OWN_BIAS}
SPARSIFY = {"encoder.weight": ENCODER, "encoder.bias": BIAS, "W_dec": DECODER, "b_dec": OWN_BIAS}


def stored(folder, tensors, settings=None, metadata=None, name="cfg.json"):
    folder.mkdir(exist_ok=True)
    path = folder / "sae.safetensors"
    save_file({key: each.contiguous() for key, each in tensors.items()}, path, metadata)
    if settings is not None:
        (folder / name).write_text(json.dumps(settings))
    return path


RELEASES = {
    "SAELens": (
        SAE_LENS,
        {
            "architecture": "standard",
            "activation_fn_str": "relu",
            "apply_b_dec_to_input": True,
            "normalize_activations": "none",
        },
        ("relu", 0, True),
    ),
    "SAELens, input as it is": (
        SAE_LENS,
        {"architecture": "standard", "apply_b_dec_to_input": False},
        ("relu", 0, False),
    ),
    "SAELens with topk": (
        SAE_LENS,
        {
            "architecture": "standard",
            "activation_fn_str": "topk",
            "activation_fn_kwargs": {"k": 3},
            "apply_b_dec_to_input": True,
        },
        ("topk", 3, True),
    ),
    "Gemma Scope": (
        {**SAE_LENS, "threshold": THRESHOLD},
        {"architecture": "jumprelu", "activation_fn_str": "relu", "apply_b_dec_to_input": False},
        ("jumprelu", 0, False),
    ),
    "logarithm of the threshold": (
        {**SAE_LENS, "log_threshold": THRESHOLD.log()},
        {"apply_b_dec_to_input": False},
        ("jumprelu", 0, False),
    ),
    "OpenAI": (
        {**OPENAI, "stats_last_nonzero": torch.zeros(N, dtype=torch.int64)},
        {"activation": "TopK", "k": 2},
        ("topk", 2, True),
    ),
    "OpenAI with ReLU": (OPENAI, {"activation": "ReLU"}, ("relu", 0, True)),
    "dictionary_learning": (
        DICTIONARY,
        {"trainer": {"dict_class": "AutoEncoder", "activation_dim": D}},
        ("relu", 0, True),
    ),
    "dictionary_learning, k as tensor": (
        {**SPARSIFY, "k": torch.tensor(5)},
        {"trainer": {"dict_class": "AutoEncoderTopK"}},
        ("topk", 5, True),
    ),
    "sparsify": (
        SPARSIFY,
        {"expansion_factor": 32, "normalize_decoder": True, "k": 4, "multi_topk": False},
        ("topk", 4, True),
    ),
    "BatchTopK": (
        {**SAE_LENS, "threshold": THRESHOLD[:1]},
        {"sae_type": "batchtopk", "top_k": 2, "apply_b_dec_to_input": True},
        ("jumprelu", 0, True),
    ),
}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["cfg.json", "config.json", "sae.json"])
def test_releases(tmp_path, release, name):
    tensors, settings, (form, k, pre_bias) = RELEASES[release]
    found = read_weights(stored(tmp_path, tensors, settings, name=name))
    assert (found.form, found.k) == (form, k)
    assert torch.equal(found.encoder, ENCODER) and torch.equal(found.encoder_bias, BIAS)
    assert torch.equal(found.decoder, DECODER)
    assert torch.equal(found.pre_bias, OWN_BIAS) if pre_bias else found.pre_bias is None
    if form == "jumprelu":
        expected = THRESHOLD[:1].expand(N) if release == "BatchTopK" else THRESHOLD
        torch.testing.assert_close(found.threshold, expected)
    else:
        assert found.threshold is None


def test_settings_in_the_file_itself(tmp_path):
    path = stored(tmp_path, SAE_LENS, metadata={"architecture": "topk", "k": "3", "apply_b_dec_to_input": "false"})
    assert (read_weights(path).form, read_weights(path).k, read_weights(path).pre_bias) == ("topk", 3, None)


def test_a_folder_with_both(tmp_path):
    stored(tmp_path, SAE_LENS, RELEASES["SAELens"][1])
    assert read_weights(tmp_path).form == "relu"
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InvalidInput, match="it holds 2 of them"):
        read_weights(tmp_path)


def test_a_bias_of_zeros_needs_no_setting(tmp_path):
    path = stored(tmp_path, {**SAE_LENS, "b_dec": torch.zeros(D)}, {"architecture": "standard"})
    assert read_weights(path).pre_bias is None


def test_half_precision_is_read_in_full(tmp_path):
    half = {name: each.half() for name, each in SAE_LENS.items()}
    assert read_weights(stored(tmp_path, half, RELEASES["SAELens"][1])).encoder.dtype == torch.float32


WRONG = {
    "no form": (SAE_LENS, None, "nothing says of which form"),
    "gated": (
        {**SAE_LENS, "b_gate": drawn(N, seed=3), "r_mag": drawn(N, seed=2)},
        {"architecture": "gated"},
        "b_gate, r_mag",
    ),
    "gated by name alone": (SAE_LENS, {"architecture": "gated"}, "'gated', which is not understood"),
    "normalised": (
        SAE_LENS,
        {"architecture": "standard", "normalize_activations": "layer_norm"},
        "normalize_activations",
    ),
    "normalised input": (SAE_LENS, {"architecture": "standard", "input_unit_norm": True}, "input_unit_norm"),
    "rescaled": (SAE_LENS, {"architecture": "topk", "k": 2, "rescale_acts_by_decoder_norm": True}, "rescale_acts"),
    "transcoder": (SPARSIFY, {"k": 2, "transcode": True}, "transcode"),
    "another width out": ({**SAE_LENS, "W_dec": drawn(N, D + 1)}, {"architecture": "standard"}, "do not go together"),
    "no k": (SAE_LENS, {"architecture": "topk", "apply_b_dec_to_input": True}, "k is None"),
    "k too large": (SAE_LENS, {"architecture": "topk", "k": 7}, "k is 7, not a number from 1 to 6"),
    "a threshold too many": ({**SAE_LENS, "threshold": THRESHOLD}, {"architecture": "standard"}, "has a threshold"),
    "no threshold": (SAE_LENS, {"architecture": "jumprelu"}, "lacks a threshold"),
    "batch topk without threshold": (SAE_LENS, {"architecture": "batchtopk", "k": 2}, "lacks a threshold"),
    "two forms": (
        {**SAE_LENS, "threshold": THRESHOLD},
        {"architecture": "jumprelu", "activation_fn": "topk"},
        "jumprelu and topk",
    ),
    "pre-bias unsaid": (SAE_LENS, {"architecture": "standard"}, "nothing says whether"),
    "no encoder": ({"W_dec": DECODER}, {"architecture": "standard"}, "none of W_enc, encoder.weight"),
    "two encoders": ({**SAE_LENS, "encoder.weight": ENCODER}, {"architecture": "standard"}, "W_enc and encoder.weight"),
    "bias of another length": ({**SAE_LENS, "b_enc": drawn(N + 1)}, {"architecture": "standard"}, "b_enc is"),
    "not finite": ({**SAE_LENS, "b_enc": BIAS / 0}, {"architecture": "standard"}, "not finite"),
    "scaled": ({**SAE_LENS, "scaling_factor": drawn(N)}, {"architecture": "standard"}, "scaling_factor"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_understood_is_refused(tmp_path, case):
    tensors, settings, said = WRONG[case]
    with pytest.raises(SubjectFault, match=said):
        read_weights(stored(tmp_path, tensors, settings))


def test_settings_that_cannot_be_read(tmp_path):
    path = stored(tmp_path, SAE_LENS, {})
    for text in ("{", "[1]"):
        (tmp_path / "cfg.json").write_text(text)
        with pytest.raises(SubjectFault, match=r"cannot be read|holds no settings"):
            read_weights(path)


def test_files_that_are_none(tmp_path):
    stored(tmp_path, SAE_LENS)
    with pytest.raises(InvalidInput, match="No autoencoder at") as fault:
        read_weights(tmp_path / "sea.safetensors")
    assert "'sae.safetensors'" in fault.value.hint
    (tmp_path / "short.safetensors").write_bytes(b"\0" * 12)
    with pytest.raises(SubjectFault, match="cannot be read as safetensors"):
        read_weights(tmp_path / "short.safetensors")
    torch.save(SAE_LENS, tmp_path / "sae.pt")
    with pytest.raises(SubjectFault, match="is a pickle") as fault:
        read_weights(tmp_path / "sae.pt")
    assert "safetensors" in fault.value.hint
