"""`open_clip:MODEL/PRETRAINED`, or `tiny-clip`, the model of the embedded lesion world.

The argument may be `ViT-B-32/laion2b_s34b_b79k` (a published tag), `ViT-B-32/FILE.safetensors`, `ViT-B-32/random`,
`hf-hub:ORG/NAME` or `local-dir:FOLDER`.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image

from indexer.errors import InvalidInput, Unavailable, UnknownName, nearest_hint
from indexer.foundation_models.foundation_model import EmbeddingSpace, FoundationModel
from indexer.foundation_models.snippets import Snippet, fitted
from indexer.foundation_models.spaces import Tokenizer, space_digest
from indexer.foundation_models.text_towers import encode_texts, needed_lengths
from indexer.weights import PICKLES, hub_without_waiting, refuse_pickle

HUB, FOLDER = "hf-hub:", "local-dir:"
RANDOM = "random"
CONFIG, WEIGHTS, OWN_TOKENIZER = "open_clip_config.json", "open_clip_model.safetensors", "tokenizer.json"
BATCH = 32
REMEMBERED = 8192
"""Texts whose tokens are kept."""
IMAGE_SETTINGS = ("mean", "std", "interpolation", "resize_mode")
USAGE = (
    "Write open_clip:MODEL/TAG, open_clip:MODEL/FILE.safetensors, open_clip:local-dir:FOLDER "
    "or open_clip:hf-hub:ORG/NAME."
)


class OpenClipModel:
    """A model of open_clip in eval mode; it works on the device its module lies on."""

    def __init__(self, name: str, module: Any, tokenizer: Tokenizer) -> None:  # noqa: ANN401 - open_clip's
        self.module = module.float().eval().requires_grad_(requires_grad=False)
        settings = open_clip.transform.PreprocessCfg(**module.visual.preprocess_cfg)
        self.preprocess = open_clip.transform.image_transform_v2(settings, is_train=False)
        self.tokenizer = _remembering(tokenizer)
        digest = space_digest(self.module, self.preprocess, tokenizer)
        self.space = EmbeddingSpace(name, digest, dimension=self._texts([""]).shape[1])

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """[images, dimension], unit rows."""
        rows = [self._images(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return np.concatenate(rows) if rows else self._none()

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[texts, dimension], unit rows; texts of like length are run together, cut to the longest among them."""
        return self._texts(texts) if texts else self._none()

    def embed_snippets(self, snippets: Sequence[Snippet]) -> NDArray[np.float32]:
        """[snippets, dimension], unit rows; of each the text around its pivot that the context holds."""
        return self.embed_texts(fitted(snippets, self._fit)) if snippets else self._none()

    def _fit(self, texts: list[str]) -> list[bool]:
        """A text is cut where a longer context would have gone on."""
        length = self.tokenizer([""]).shape[1]
        longer = self.tokenizer(texts, context_length=4 * length)
        return [bool(same) for same in (self.tokenizer(texts) == longer[:, :length]).all(dim=1)]

    @torch.inference_mode()
    def _images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        pixels = torch.stack([self.preprocess(image) for image in images])
        return _unit(self.module.encode_image(pixels.to(self._device)))

    @torch.inference_mode()
    def _texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        tokens = self.tokenizer(list(texts))
        lengths = needed_lengths(self.module, tokens)
        if len(texts) <= BATCH:
            return _unit(encode_texts(self.module, tokens[:, : int(lengths.max())].to(self._device)))
        rows = np.empty((len(texts), self.space.dimension), dtype=np.float32)
        for chosen in torch.split(lengths.argsort(stable=True), BATCH):
            trimmed = tokens[chosen, : int(lengths[chosen].max())]
            rows[chosen.numpy()] = _unit(encode_texts(self.module, trimmed.to(self._device)))
        return rows

    @property
    def _device(self) -> torch.device:
        device: torch.device = next(self.module.parameters()).device
        return device

    def _none(self) -> NDArray[np.float32]:
        return np.empty((0, self.space.dimension), dtype=np.float32)


def load(argument: str, *, trust_pickle: bool = False) -> FoundationModel:
    """Load a model; raises UnknownName, InvalidInput or, when a hub cannot be reached, Unavailable."""
    name = f"open_clip:{argument}"
    if argument.startswith(FOLDER):
        return _from_folder(Path(argument.removeprefix(FOLDER)).expanduser(), name, trust_pickle=trust_pickle)
    if argument.startswith(HUB):
        return _from_hub(name, argument, require_pretrained=True)
    model, _, weights = argument.partition("/")
    if not model:
        raise InvalidInput("The foundation model 'open_clip' needs a model.", hint=USAGE)
    if model not in open_clip.list_models():
        raise UnknownName("open_clip model", model, open_clip.list_models())
    if not weights:
        tags = [*open_clip.list_pretrained_tags_by_model(model), RANDOM]
        raise InvalidInput(f"'open_clip:{model}' names no weights.", hint=f"Add /TAG; known: {', '.join(tags)}.")
    if weights == RANDOM:
        return _random(name, model)
    if Path(weights).suffix.lower() in {*PICKLES, ".safetensors"}:
        return _from_file(name, model, Path(weights).expanduser(), trust_pickle=trust_pickle)
    return _published(name, model, weights)


def load_tiny(argument: str, *, trust_pickle: bool = False) -> FoundationModel:
    """The model of the embedded lesion world; it takes no argument."""
    if argument:
        raise InvalidInput(f"'tiny-clip' takes no argument, but got {argument!r}.", hint="Write tiny-clip.")
    from indexer.foundation_models.tiny_clip import FOLDER

    return _from_folder(FOLDER, "tiny-clip", trust_pickle=False)


def _published(name: str, model: str, tag: str) -> OpenClipModel:
    if not open_clip.is_pretrained_cfg(model, tag):
        known = [*open_clip.list_pretrained_tags_by_model(model), RANDOM, "FILE.safetensors"]
        raise UnknownName(f"weights of open_clip:{model}", tag, known)
    # Left to itself, open_clip only warns when the weights were trained with the other activation.
    quick = bool(open_clip.get_pretrained_cfg(model, tag).get("quick_gelu"))
    return _from_hub(name, model, pretrained=tag, force_quick_gelu=quick)


def _from_hub(name: str, model: str, **options: Any) -> OpenClipModel:  # noqa: ANN401 - open_clip's own options
    with _hub(name):
        module, tokenizer = _create(model, **options), open_clip.get_tokenizer(model)
    return OpenClipModel(name, module, tokenizer)


def _random(name: str, model: str) -> OpenClipModel:
    with _hub(name):
        module, tokenizer = _create(model, pretrained_text=False), open_clip.get_tokenizer(model)
    return OpenClipModel(name, module, tokenizer)


def _from_file(name: str, model: str, file: Path, *, trust_pickle: bool) -> OpenClipModel:
    if not file.is_file():
        raise _missing(file, "weights")
    refuse_pickle(file, InvalidInput, trust_pickle=trust_pickle)
    with _hub(name):
        settings = _image_settings(model)
        module = _create(model, pretrained_text=False, force_preprocess_cfg=settings)
        tokenizer = open_clip.get_tokenizer(model)
    _load_weights(module, file, name)
    return OpenClipModel(name, module, tokenizer)


def _from_folder(folder: Path, name: str, *, trust_pickle: bool) -> OpenClipModel:
    text = _text_settings(folder)
    file = _weights_in(folder)
    refuse_pickle(file, InvalidInput, trust_pickle=trust_pickle)
    model = f"{FOLDER}{folder}"
    try:
        module = _create(model, load_weights=False, pretrained_text=False)
        own = (folder / OWN_TOKENIZER).is_file() and not (folder / "tokenizer_config.json").exists()
        own = own and "hf_tokenizer_name" not in text
        tokenizer = _own_tokenizer(folder, text) if own else open_clip.get_tokenizer(model)
    except Exception as fault:  # the config may say anything
        message = f"'{folder}' cannot be set up as an open_clip model: {_reason(fault)}."
        raise InvalidInput(message, hint=f"See its {CONFIG}.") from fault
    _load_weights(module, file, name)
    return OpenClipModel(name, module, tokenizer)


def _own_tokenizer(folder: Path, text: dict[str, Any]) -> Tokenizer:
    from indexer.foundation_models.tiny_clip.tokenizer import Tokenizer as OwnTokenizer

    return OwnTokenizer(folder / OWN_TOKENIZER, text.get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH))


def _text_settings(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise _missing(folder, "folder")
    if not (folder / CONFIG).is_file():
        raise InvalidInput(f"'{folder}' is no open_clip model: it has no {CONFIG}.", hint=USAGE)
    try:
        text: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model_cfg"]["text_cfg"]
    except (ValueError, KeyError, TypeError) as fault:
        hint = "It must be JSON with 'model_cfg' holding 'embed_dim', 'vision_cfg' and 'text_cfg'."
        raise InvalidInput(f"'{folder / CONFIG}' cannot be read: {fault}.", hint=hint) from fault
    return text


def _weights_in(folder: Path) -> Path:
    if (folder / WEIGHTS).is_file():
        return folder / WEIGHTS
    for endings in ({".safetensors"}, PICKLES):
        files = sorted(each for each in folder.iterdir() if each.suffix in endings)
        if len(files) > 1:
            names = ", ".join(each.name for each in files)
            raise InvalidInput(f"'{folder}' has several weights: {names}.", hint=f"Call the right one {WEIGHTS}.")
        if files:
            return files[0]
    raise InvalidInput(f"'{folder}' has no weights.", hint=f"Put {WEIGHTS} there.")


def _load_weights(module: object, file: Path, name: str) -> None:
    try:
        open_clip.load_checkpoint(module, str(file), weights_only=True)
    except Exception as fault:  # unreadable or misfitting, each in its own way
        message = f"The weights in '{file.name}' cannot be loaded into {name}: {_reason(fault)}."
        hint = "Check that the weights belong to this architecture and that the file is whole."
        raise InvalidInput(message, hint=hint) from fault


def _image_settings(model: str) -> dict[str, Any]:
    """What all published weights of this architecture agree on; a bare file does not say how images are prepared."""
    configs = [open_clip.get_pretrained_cfg(model, tag) for tag in open_clip.list_pretrained_tags_by_model(model)]
    settings = [{key: config[key] for key in IMAGE_SETTINGS if key in config} for config in configs]
    return settings[0] if settings and all(each == settings[0] for each in settings) else {}


def _remembering(tokenizer: Tokenizer) -> Tokenizer:
    """Templates are asked for again and again, and cleaning a text costs a fifth of a small tower's time."""
    if isinstance(tokenizer, open_clip.SimpleTokenizer):
        tokenizer.encode = lru_cache(REMEMBERED)(tokenizer.encode)
    return tokenizer


def _create(model: str, **options: Any) -> Any:  # noqa: ANN401 - open_clip's own options
    """Seeded, the caller's random state untouched; without open_clip's messages, which call every model random."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return open_clip.create_model(model, **options)
    finally:
        logging.disable(before)


@contextmanager
def _hub(name: str) -> Iterator[None]:
    """Turns a failure to fetch into Unavailable."""
    try:
        with hub_without_waiting():
            yield
    except Exception as fault:  # each hub client has errors of its own
        raise Unavailable(
            f"{name} could not be fetched: {_reason(fault)}.",
            hint="Offline, use open_clip:MODEL/FILE.safetensors, open_clip:local-dir:FOLDER or tiny-clip.",
        ) from fault


def _missing(path: Path, what: str) -> InvalidInput:
    parent = path.absolute().parent
    kinds = {*PICKLES, ".safetensors"} if what == "weights" else {""}
    beside = [each.name for each in parent.iterdir() if each.suffix in kinds] if parent.is_dir() else []
    hint = nearest_hint(path.name, beside) if beside else f"Looked in '{parent}', which holds nothing like it."
    return InvalidInput(f"No {what} at '{path}'.", hint=hint)


def _reason(fault: Exception) -> str:
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()] or [type(fault).__name__]
    told = " ".join(lines[:2]).rpartition("Last error: ")[2].split(" Please check")[0]
    return told[:300].rstrip(".:")


def _unit(vectors: torch.Tensor) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = torch.nn.functional.normalize(vectors, dim=-1).float().cpu().numpy()
    return rows
