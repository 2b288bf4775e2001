"""Files of sparse autoencoders: weights under the names of common releases, and settings beside them.

Read are .safetensors whose names are those of SAELens and Gemma Scope (`W_enc`, `b_enc`, `W_dec`, `b_dec`,
`threshold`), of OpenAI (`encoder.weight`, `latent_bias`, `decoder.weight`, `pre_bias`), of dictionary_learning
(`encoder.weight`, `encoder.bias`, `decoder.weight`, `bias`) and of sparsify (`encoder.weight`, `encoder.bias`,
`W_dec`, `b_dec`). Form and k are in the file's metadata, or in a cfg.json or config.json beside it. What is not
understood is refused: an autoencoder read in the wrong form gives latents that look right and are not.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from indexer.errors import InvalidInput, SubjectFault, nearest_hint
from indexer.weights import PICKLES

RELU, TOP_K, JUMP_RELU = "relu", "topk", "jumprelu"
FORMS = (RELU, TOP_K, JUMP_RELU)
ENDING = ".safetensors"
SETTINGS = ("cfg.json", "config.json")
HOW_TO_SAY = (
    'Put a cfg.json beside the file, e.g. {"architecture": "topk", "k": 32, "apply_b_dec_to_input": true}; '
    "architecture is standard, topk or jumprelu."
)

ENCODERS = {"W_enc": True, "encoder.weight": False}
"""Name → whether it is stored as [dimensions, latents]."""
DECODERS = {"W_dec": False, "decoder.weight": True}
"""Name → whether it is stored as [dimensions, latents]."""
ENCODER_BIASES = ("b_enc", "encoder.bias", "latent_bias")
DECODER_BIASES = ("b_dec", "decoder.bias", "pre_bias", "bias")
THRESHOLDS = ("threshold", "log_threshold")
BOOKKEEPING = ("stats_last_nonzero", "num_batches_not_active", "num_tokens_since_fired", "k")
"""Counters of training that no latent depends on, and k, which is read as a setting."""
NAMES = {*ENCODERS, *DECODERS, *ENCODER_BIASES, *DECODER_BIASES, *THRESHOLDS, *BOOKKEEPING}

_FORM_NAMES = {
    RELU: RELU, "standard": RELU, "vanilla": RELU, "autoencoder": RELU,
    TOP_K: TOP_K, "autoencodertopk": TOP_K,
    JUMP_RELU: JUMP_RELU, "jumpreluautoencoder": JUMP_RELU,
}  # fmt: skip
_FORM_SETTINGS = ("architecture", "dict_class", "sae_type", "activation", "activation_fn", "activation_fn_str")
_K_SETTINGS = ("k", "top_k", "topk")
_MUST_BE_OFF = (
    "normalize_activations", "normalize", "rescale_acts_by_decoder_norm", "transcode", "skip_connection", "signed",
    "use_error_term", "input_unit_norm", "reshape_activations", "hook_z_reshape",
)  # fmt: skip
"""Settings that change latents in ways not read here."""


@dataclass(frozen=True)
class Weights:
    """One autoencoder, in float32."""

    form: str
    """One of `FORMS`."""
    k: int
    """Latents kept of a position; 0 unless the form is topk."""
    encoder: torch.Tensor
    """[latents, dimensions]"""
    encoder_bias: torch.Tensor
    """[latents]"""
    decoder: torch.Tensor
    """[latents, dimensions]"""
    pre_bias: torch.Tensor | None
    """[dimensions] subtracted from what is read, where the settings say so."""
    threshold: torch.Tensor | None
    """[latents] of jumprelu."""


def read_weights(path: Path) -> Weights:
    """Read a file, or the only one of a folder; raises InvalidInput where there is none, SubjectFault."""
    file = _file(path.expanduser())
    tensors, metadata = _read(file)
    settings = {**_settings_beside(file), **metadata}
    fault = _Fault(file.name)
    unknown = sorted(set(tensors) - NAMES)
    if unknown:
        raise fault(f"it holds {', '.join(unknown[:4])}, which no known form has", HOW_TO_SAY)
    for name in _MUST_BE_OFF:
        if _text(settings.get(name)) not in ("", "none", "false", "0"):
            raise fault(f"its setting {name} is {settings[name]!r}, which is not understood")
    encoder, turned = _one(tensors, ENCODERS, fault)
    encoder = encoder.T if turned else encoder
    decoder, turned = _one(tensors, DECODERS, fault)
    decoder = decoder.T if turned else decoder
    _check_shapes(tensors, encoder, decoder, fault)
    form, k = _form(tensors, settings, fault)
    bias = _any(tensors, ENCODER_BIASES)
    return Weights(
        form,
        k,
        encoder=encoder.contiguous(),
        encoder_bias=torch.zeros(len(encoder)) if bias is None else bias,
        decoder=decoder.contiguous(),
        pre_bias=_pre_bias(tensors, settings, fault),
        threshold=_threshold(tensors, len(encoder)) if form == JUMP_RELU else None,
    )


class _Fault:
    """Makes the faults of one file."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, why: str, hint: str = "") -> SubjectFault:
        return SubjectFault(f"The autoencoder '{self._name}' cannot be read: {why}.", hint=hint)


def _file(path: Path) -> Path:
    if path.is_dir():
        files = sorted(path.glob(f"*{ENDING}"))
        if len(files) != 1:
            held = f"{len(files)} of them" if files else "none"
            raise InvalidInput(f"'{path}' must hold one {ENDING} file; it holds {held}.", hint="Name the file itself.")
        return files[0]
    if not path.is_file():
        parent = path.absolute().parent
        beside = (
            [each.name for each in parent.iterdir() if each.suffix == ENDING or each.is_dir()]
            if parent.is_dir()
            else []
        )
        hint = nearest_hint(path.name, beside) if beside else f"Looked in '{parent}', which holds no {ENDING}."
        raise InvalidInput(f"No autoencoder at '{path}'.", hint=hint)
    if path.suffix.lower() in PICKLES:
        raise SubjectFault(
            f"'{path.name}' is a pickle, and unpickling runs code that came with the file.",
            hint="Convert it: safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'sae.safetensors').",
        )
    return path


def _read(file: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is no mapping
            metadata = dict(stored.metadata() or {})
    except (SafetensorError, OSError) as fault:
        raise SubjectFault(
            f"'{file.name}' cannot be read as safetensors: {fault}.", hint="Fetch it again: it may be cut short."
        ) from fault
    return {name: each.float() if each.is_floating_point() else each for name, each in tensors.items()}, metadata


def _settings_beside(file: Path) -> dict[str, Any]:
    """What the first settings file says, the settings of its trainer and activation on one level with its own."""
    for name in (f"{file.stem}.json", *SETTINGS):
        beside = file.with_name(name)
        if beside.is_file():
            try:
                stored = json.loads(beside.read_text(encoding="utf-8"))
            except (OSError, ValueError) as fault:
                raise SubjectFault(f"'{beside}' cannot be read: {fault}.", hint=HOW_TO_SAY) from fault
            if not isinstance(stored, dict):
                raise SubjectFault(f"'{beside}' holds no settings.", hint=HOW_TO_SAY)
            inner = [stored.get(each) for each in ("trainer", "activation_fn_kwargs")]
            return {key: value for each in (*inner, stored) if isinstance(each, dict) for key, value in each.items()}
    return {}


def _form(tensors: Mapping[str, torch.Tensor], settings: Mapping[str, Any], fault: _Fault) -> tuple[str, int]:
    """Form and k; the more special one where architecture and activation are told apart, as in "standard" with topk."""
    said = {_text(settings.get(name)) for name in _FORM_SETTINGS} - {"", "none"}
    batch_top_k = {each for each in said if each.startswith("batchtopk")}
    strange = sorted(said - set(_FORM_NAMES) - batch_top_k)
    if strange:
        raise fault(f"its form is {strange[0]!r}, which is not understood", HOW_TO_SAY)
    # Trained with the k strongest of a batch, such an autoencoder is used with a threshold that does not ask the batch.
    forms = {_FORM_NAMES[each] for each in said - batch_top_k} | ({JUMP_RELU} if batch_top_k else set())
    told = next((settings[name] for name in _K_SETTINGS if settings.get(name) is not None), tensors.get("k"))
    has_threshold = _any(tensors, THRESHOLDS) is not None
    if not forms:
        forms = ({TOP_K} if told is not None else set()) | ({JUMP_RELU} if has_threshold else set())
    special = forms - {RELU}
    if len(special) > 1 or not forms:
        why = f"it is said to be {' and '.join(sorted(special))}" if forms else "nothing says of which form it is"
        raise fault(why, HOW_TO_SAY)
    form = special.pop() if special else RELU
    if has_threshold != (form == JUMP_RELU):
        raise fault(f"it {'has' if has_threshold else 'lacks'} a threshold, but its form is {form}", HOW_TO_SAY)
    latents = next(
        len(tensors[name]) if not turned else tensors[name].shape[1]
        for name, turned in ENCODERS.items()
        if name in tensors
    )
    return form, _k(told, latents, fault) if form == TOP_K else 0


def _k(told: object, latents: int, fault: _Fault) -> int:
    text = str(int(told)) if isinstance(told, torch.Tensor) and told.numel() == 1 else str(told)
    if not text.isdigit() or not 1 <= int(text) <= latents:
        raise fault(f"its k is {text}, not a number from 1 to {latents}", HOW_TO_SAY)
    return int(text)


def _pre_bias(tensors: Mapping[str, torch.Tensor], settings: Mapping[str, Any], fault: _Fault) -> torch.Tensor | None:
    """The bias to subtract first, by what the settings say, else by what releases of these names do."""
    bias = _any(tensors, DECODER_BIASES)
    said = _text(settings.get("apply_b_dec_to_input"))
    if bias is None or said in ("false", "0") or not bias.any():
        return None
    by_name = {"pre_bias", "bias"} & set(tensors) or ("encoder.weight" in tensors and "b_dec" in tensors)
    if said in ("true", "1") or by_name:
        return bias
    raise fault(
        "nothing says whether its decoder's bias is subtracted from what it reads", 'Say so: "apply_b_dec_to_input".'
    )


def _threshold(tensors: Mapping[str, torch.Tensor], latents: int) -> torch.Tensor:
    threshold = tensors["threshold"] if "threshold" in tensors else tensors["log_threshold"].exp()
    return threshold.expand(latents).contiguous()


def _check_shapes(
    tensors: Mapping[str, torch.Tensor], encoder: torch.Tensor, decoder: torch.Tensor, fault: _Fault
) -> None:
    if encoder.ndim != 2 or decoder.shape != encoder.shape:
        shown = [f"{name} {list(tensors[name].shape)}" for name in (*ENCODERS, *DECODERS) if name in tensors]
        raise fault(f"{' and '.join(shown)} do not go together")
    latents, dimensions = encoder.shape
    wanted = {ENCODER_BIASES: (latents,), DECODER_BIASES: (dimensions,), THRESHOLDS: (latents,)}
    for names, shape in wanted.items():
        found = _any(tensors, names)
        single = names == THRESHOLDS and found is not None and found.numel() == 1
        if found is not None and tuple(found.shape) != shape and not single:
            name = next(name for name in names if name in tensors)
            raise fault(f"{name} is {list(found.shape)}, but there are {latents} latents of {dimensions} dimensions")
    strange = [name for name, each in tensors.items() if each.is_floating_point() and not torch.isfinite(each).all()]
    if strange:
        raise fault(f"{strange[0]} holds values that are not finite")


def _one(tensors: Mapping[str, torch.Tensor], names: Mapping[str, bool], fault: _Fault) -> tuple[torch.Tensor, bool]:
    found = [name for name in names if name in tensors]
    if len(found) != 1:
        raise fault(
            f"it holds {' and '.join(found) or 'none of ' + ', '.join(names)}", f"Tensors: {', '.join(tensors)}."
        )
    return tensors[found[0]], names[found[0]]


def _any(tensors: Mapping[str, torch.Tensor], names: tuple[str, ...]) -> torch.Tensor | None:
    return next((tensors[name] for name in names if name in tensors), None)


def _text(value: object) -> str:
    """A setting in small letters and digits alone, so that Top-K and top_k are one."""
    return re.sub(r"[^a-z0-9]", "", str(value).lower()) if value is not None else ""
