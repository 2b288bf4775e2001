"""A text run at its own length gives what the model's own `encode_text` gives at full context."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")

from open_clip.coca_model import MultimodalCfg  # noqa: E402
from open_clip.model import CLIPTextCfg, CLIPVisionCfg, CustomTextCLIP  # noqa: E402

from indexer.foundation_models.text_towers import encode_texts, needed_lengths  # noqa: E402

START, END, CONTEXT = 998, 999, 20
LENGTHS = (2, 3, 7, 5)
VISION = {"image_size": 32, "patch_size": 16, "width": 64, "head_width": 32, "layers": 1}


def _text(**options: Any) -> CLIPTextCfg:
    return CLIPTextCfg(context_length=CONTEXT, vocab_size=1000, width=64, heads=4, layers=3, **options)


def _clip(**options: Any) -> Any:
    return open_clip.CLIP(16, CLIPVisionCfg(**VISION), _text(**options))


def _custom(**options: Any) -> Any:
    return CustomTextCLIP(16, CLIPVisionCfg(**VISION), _text(**options))


def _coca() -> Any:
    vision = CLIPVisionCfg(**VISION, attentional_pool=True, attn_pooler_heads=2, output_tokens=True)
    text = _text(embed_cls=True, output_tokens=True)
    return open_clip.CoCa(16, MultimodalCfg(width=64, heads=4, layers=1, context_length=CONTEXT), text, vision)


def _roberta(folder: Path, pooler: str) -> Any:
    config = {"model_type": "roberta", "vocab_size": 1000, "hidden_size": 32, "num_hidden_layers": 2}
    config |= {"num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 40, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config))
    text = CLIPTextCfg(hf_model_name=str(folder), hf_model_pretrained=False, hf_pooler_type=pooler, hf_proj_type="mlp")
    return CustomTextCLIP(16, CLIPVisionCfg(**VISION), text)


TRIMMED = max(LENGTHS)
MODELS: dict[str, tuple[Callable[[Path], Any], int]] = {
    "clip": (lambda _: _clip(), TRIMMED),
    "clip, linear projection": (lambda _: _clip(proj_bias=True), TRIMMED),
    "clip, no projection": (lambda _: open_clip.CLIP(64, CLIPVisionCfg(**VISION), _text(proj_type="none")), TRIMMED),
    "clip, read at the end token": (lambda _: _clip(pool_type="eos", eos_id=END), TRIMMED),
    "clip, read at the last place": (lambda _: _clip(pool_type="last"), CONTEXT),
    "clip, quick gelu": (lambda _: open_clip.CLIP(16, CLIPVisionCfg(**VISION), _text(), quick_gelu=True), TRIMMED),
    "custom": (lambda _: _custom(), TRIMMED),
    "custom, read at the end token": (lambda _: _custom(pool_type="eos", eos_id=END), TRIMMED),
    "mobileclip: looks at its padding": (lambda _: _custom(no_causal_mask=True), CONTEXT),
    "siglip: reads the last place": (lambda _: _custom(no_causal_mask=True, pool_type="last", proj_bias=True), CONTEXT),
    "coca: appends a token": (lambda _: _coca(), CONTEXT),
    "roberta, mean": (lambda folder: _roberta(folder, "mean_pooler"), TRIMMED),
    "roberta, first token": (lambda folder: _roberta(folder, "cls_last_hidden_state_pooler"), TRIMMED),
}


def _tokens() -> Any:
    tokens = torch.zeros(len(LENGTHS), CONTEXT, dtype=torch.long)
    for row, length in zip(tokens, LENGTHS, strict=True):
        row[:length] = torch.tensor([START, *torch.randint(1, 990, (length - 2,)).tolist(), END])
    return tokens


@pytest.mark.parametrize(("build", "length"), MODELS.values(), ids=MODELS.keys())
def test_trimmed_equals_full(build: Callable[[Path], Any], length: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, tokens = build(tmp_path).eval(), _tokens()
    assert int(needed_lengths(model, tokens).max()) == length
    with torch.inference_mode():
        full = model.encode_text(tokens, normalize=True)
        trimmed = torch.nn.functional.normalize(encode_texts(model, tokens[:, :length]), dim=-1)
    torch.testing.assert_close(trimmed, full, atol=1e-5, rtol=0)
    assert full.std(dim=0).max() > 1e-3, "The texts should lie apart, or nothing was tested."


@pytest.mark.parametrize("build", [_clip, _custom], ids=["clip", "custom"])
def test_a_text_that_fills_the_context_is_not_cut(build: Callable[[], Any]) -> None:
    tokens = torch.full((1, CONTEXT), 5)
    tokens[0, -1] = END
    model = build().eval()
    assert needed_lengths(model, tokens).tolist() == [CONTEXT]
    with torch.inference_mode():
        torch.testing.assert_close(encode_texts(model, tokens), model.encode_text(tokens))


def test_each_text_has_its_own_length() -> None:
    assert needed_lengths(_clip(), _tokens()).tolist() == list(LENGTHS)
