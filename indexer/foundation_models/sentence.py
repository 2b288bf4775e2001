"""`sentence:NAME_OR_FOLDER`: a sentence model of transformers, such as all-MiniLM-L6-v2, for texts and snippets.

NAME is one on the hub (ORG/NAME), FOLDER one with config.json, model.safetensors and a tokenizer, as
sentence-transformers or save_pretrained leave it. How its token vectors become one is read from 1_Pooling/config.json;
without that they are averaged. Code that comes with a model is never run.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image

from indexer.errors import InvalidInput, Unavailable, nearest_hint
from indexer.foundation_models.foundation_model import EmbeddingSpace
from indexer.foundation_models.pooling import POOLINGS, Pooling
from indexer.foundation_models.snippets import Snippet, fitted, no_images
from indexer.foundation_models.spaces import space_digest
from indexer.weights import PICKLES, hub_without_waiting, quiet_transformers, reason_of, refuse_pickle

_LIBRARY: Any = transformers  # parts of it have no types
CONFIG, MODULES, LIMITS = "config.json", "modules.json", "sentence_bert_config.json"
WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
"""Files fetched from the hub, besides pickles where they are trusted."""
ELSEWHERE = ("onnx/*", "openvino/*")
UNDERSTOOD = ("Transformer", "Pooling", "Normalize")
BATCH, LONGEST = 32, 512
USAGE = "Write sentence:ORG/NAME, or sentence:FOLDER with a config.json in it."


class SentenceModel:
    """Keeps the contract of FoundationModel, of texts alone; it works on the device its module lies on."""

    text_only = True

    def __init__(self, name: str, module: torch.nn.Module, tokenizer: Any, limit: int) -> None:  # noqa: ANN401
        """`module` gives one vector for each row of ids and its mask; texts are cut to `limit` tokens."""
        self.module = module.float().eval().requires_grad_(requires_grad=False)
        self._tokenizer, self._limit = tokenizer, limit
        digest = space_digest(self.module, None, lambda texts: self._padded(self._ids(list(texts)))[0])
        self.space = EmbeddingSpace(name, digest, dimension=self._run(self._ids([""])).shape[1])

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Raises InvalidInput: the space holds texts."""
        raise no_images(self.space.name)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[texts, dimension], unit rows; texts of like length are run together."""
        ids = self._ids(list(texts))
        rows = np.empty((len(ids), self.space.dimension), dtype=np.float32)
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        for chosen in (order[at : at + BATCH] for at in range(0, len(order), BATCH)):
            rows[chosen] = self._run([ids[number] for number in chosen]).cpu().numpy()
        return rows

    def embed_snippets(self, snippets: Sequence[Snippet]) -> NDArray[np.float32]:
        """[snippets, dimension], unit rows; of each the text around its pivot that the model takes."""
        return self.embed_texts(fitted(snippets, self._fit))

    def _fit(self, texts: list[str]) -> list[bool]:
        if not texts:
            return []
        whole = self._tokenizer(_clean(texts), truncation=False, padding=False, verbose=False)["input_ids"]
        return [len(ids) <= self._limit for ids in whole]

    def _ids(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        found: list[list[int]] = self._tokenizer(
            _clean(texts), truncation=True, max_length=self._limit, padding=False, return_attention_mask=False
        )["input_ids"]
        nothing = self._fill
        return [ids or [nothing] for ids in found]

    @torch.inference_mode()
    def _run(self, ids: list[list[int]]) -> torch.Tensor:
        device = next(self.module.parameters()).device
        tokens, filled = (each.to(device) for each in self._padded(ids))
        vectors: torch.Tensor = self.module(tokens, filled)
        return torch.nn.functional.normalize(vectors.float(), dim=-1)

    def _padded(self, ids: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(map(len, ids))
        tokens = torch.tensor([each + [self._fill] * (longest - len(each)) for each in ids])
        filled = torch.tensor([[1] * len(each) + [0] * (longest - len(each)) for each in ids])
        return tokens, filled

    @property
    def _fill(self) -> int:
        """Models that number positions by what pads (RoBERTa, MPNet) must be padded by their own token."""
        return int(self._tokenizer.pad_token_id or 0)


def load(argument: str, *, trust_pickle: bool = False) -> SentenceModel:
    """Load a model; raises InvalidInput for one that is none or not understood, Unavailable without its hub."""
    if not argument:
        raise InvalidInput("The foundation model 'sentence' needs a model.", hint=USAGE)
    name = f"sentence:{argument}"
    folder = _folder(argument, name, trust_pickle=trust_pickle)
    pooling = _pooling(folder, name)
    main = _main_folder(folder)
    if not (main / CONFIG).is_file():
        raise InvalidInput(f"'{argument}' is no sentence model: it has no {CONFIG}.", hint=USAGE)
    with quiet_transformers(), _reading(name):
        config = transformers.AutoConfig.from_pretrained(main, trust_remote_code=False, local_files_only=True)
        if config.is_encoder_decoder:
            raise InvalidInput(f"{name} is an encoder with a decoder.", hint="Choose an encoder, such as a BERT.")
        module = _module(main, config, name, trust_pickle=trust_pickle)
        tokenizer = _LIBRARY.AutoTokenizer.from_pretrained(main, trust_remote_code=False, local_files_only=True)
        return SentenceModel(name, Pooling(module, pooling), tokenizer, _limit(main, config, tokenizer))


def _folder(argument: str, name: str, *, trust_pickle: bool) -> Path:
    path = Path(argument).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise InvalidInput(f"'{argument}' is a file.", hint=USAGE)
    if argument.startswith((".", "/", "~")) or argument.count("/") > 1:
        parent = path.absolute().parent
        beside = [each.name for each in parent.iterdir() if each.is_dir()] if parent.is_dir() else []
        raise InvalidInput(f"No folder at '{argument}'.", hint=nearest_hint(path.name, beside) if beside else USAGE)
    return _fetched(argument, name, [*WANTED, *(["*.bin"] if trust_pickle else [])])


def _fetched(repository: str, name: str, wanted: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    try:
        with quiet_transformers(), hub_without_waiting():
            return Path(snapshot_download(repository, allow_patterns=wanted, ignore_patterns=list(ELSEWHERE)))
    except Exception as fault:  # the hub's client has errors of its own
        raise Unavailable(
            f"{name} could not be fetched: {reason_of(fault)}.",
            hint="Offline, write sentence:FOLDER for a model you have, or tiny-code.",
        ) from fault


def _pooling(folder: Path, name: str) -> str:
    """How token vectors become one; raises InvalidInput for what would be left out silently."""
    listed = _json(folder / MODULES, [])
    kinds = [str(each.get("type", "")).rpartition(".")[2] for each in listed]
    if other := [kind for kind in kinds if kind not in UNDERSTOOD]:
        raise InvalidInput(
            f"{name} ends in a layer {other[0]!r}, which is not understood.", hint=f"Understood: {UNDERSTOOD}."
        )
    path = next((str(each["path"]) for each, kind in zip(listed, kinds, strict=True) if kind == "Pooling"), "1_Pooling")
    described = _json(folder / path / CONFIG, {})
    chosen: list[str] = [key for key, value in described.items() if key.startswith("pooling_mode_") and value is True]
    chosen = chosen or ["pooling_mode_mean_tokens"]
    if len(chosen) > 1 or chosen[0] not in POOLINGS:
        raise InvalidInput(
            f"{name} pools its tokens by {' and '.join(chosen)}.", hint=f"Understood is one of {', '.join(POOLINGS)}."
        )
    return chosen[0]


def _main_folder(folder: Path) -> Path:
    for each in _json(folder / MODULES, []):
        if str(each.get("type", "")).endswith(".Transformer"):
            return folder / str(each.get("path", ""))
    return folder


def _module(folder: Path, config: Any, name: str, *, trust_pickle: bool) -> torch.nn.Module:  # noqa: ANN401
    if not any(folder.glob("*.safetensors*")):
        pickled = [each for each in sorted(folder.iterdir()) if each.suffix in PICKLES]
        if not pickled:
            raise InvalidInput(f"'{folder}' has no weights.", hint="Put model.safetensors there.")
        refuse_pickle(pickled[0], InvalidInput, trust_pickle=trust_pickle)
    options: dict[str, Any] = {"config": config, "trust_remote_code": False, "output_loading_info": True}
    options |= {"local_files_only": True, "ignore_mismatched_sizes": True}  # they are refused below, by name
    if not trust_pickle:
        options["use_safetensors"] = True
    with torch.random.fork_rng(devices=[]):
        module, told = _LIBRARY.AutoModel.from_pretrained(folder, **options)
    # A pooler, which bare models add with random weights, is not asked here.
    faults = [str(each) for each in told["missing_keys"] if "pooler." not in str(each)]
    faults += [str(each[0]) for each in told.get("mismatched_keys", ())] + list(told.get("error_msgs", ()))
    if faults:
        raise InvalidInput(
            f"The weights of {name} do not fill the model its {CONFIG} describes: {sorted(faults)[0]}.",
            hint="Save it again by save_pretrained.",
        )
    loaded: torch.nn.Module = module
    return loaded


def _limit(folder: Path, config: Any, tokenizer: Any) -> int:  # noqa: ANN401 - of transformers
    """The most tokens of a text: what the model's files say, whichever is the least."""
    told = [
        _json(folder / LIMITS, {}).get("max_seq_length"),
        tokenizer.model_max_length,
        getattr(config, "max_position_embeddings", None),
    ]
    return min([LONGEST, *(int(each) for each in told if each)])


def _json(file: Path, otherwise: Any) -> Any:  # noqa: ANN401 - what the file holds
    if not file.is_file():
        return otherwise
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise InvalidInput(f"'{file}' cannot be read: {fault}.", hint="It must be JSON.") from fault
    if not isinstance(content, type(otherwise)) or not all(isinstance(each, (dict, str)) for each in content):
        raise InvalidInput(f"'{file}' is not what sentence-transformers writes.", hint="Save the model again.")
    return content


def _clean(texts: list[str]) -> list[str]:
    """Surrogates alone are no text that could be encoded."""
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except InvalidInput:
        raise
    except Exception as fault:  # the files may hold anything
        raise InvalidInput(
            f"{name} cannot be read: {reason_of(fault)}.",
            hint=f"It must be a folder as save_pretrained leaves it: {CONFIG}, model.safetensors, tokenizer.json.",
        ) from fault
