"""`transformers:NAME_OR_FOLDER[/random]`: a vision model of Hugging Face's transformers.

NAME is one on the hub (ORG/NAME), FOLDER one with config.json, model.safetensors and preprocessor_config.json.
A classifier of images comes with its head and its class names; of any other model the bare image tower is taken,
which gives no class logits. Code that comes with a model is never run.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from PIL import Image

from indexer.errors import InvalidInput, SubjectFault, nearest_hint
from indexer.subjects.preparing import SIZE, default_note, default_preprocess
from indexer.subjects.subject import Subject
from indexer.subjects.weights import RANDOM, RANDOM_NOTE, download, seeded
from indexer.weights import PICKLES, refuse_pickle

if TYPE_CHECKING:
    from indexer.subjects.subject import Preprocess

_LIBRARY: Any = transformers  # parts of it have no types
CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
HEAD = "ForImageClassification"
BARE_NOTE = "It has no head for classes of images: the bare image tower is read, which gives no class logits."
FATAL = ("missing_keys", "mismatched_keys", "error_msgs")
"""What of a loading report means that the weights do not fill the model."""
USAGE = "Write transformers:ORG/NAME, or transformers:FOLDER with a config.json in it."
OFFLINE_HINT = (
    "Offline, write transformers:FOLDER for a model saved by save_pretrained, or use what is in the hub's cache."
)


def load(argument: str, *, trust_pickle: bool = False) -> Subject:
    """Load a model; raises InvalidInput for a folder that is none, SubjectFault when it cannot be had or read."""
    source, random = _split(argument)
    _check_source(source)
    owner = f"transformers:{source}"
    with _quiet():
        with _reading(source, CONFIG):
            config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
        classifies = any(HEAD in name for name in config.architectures or ())
        made = getattr(config, "vision_config", None) if not classifies else None
        kind = transformers.AutoModelForImageClassification if classifies else transformers.AutoModel
        notes = [RANDOM_NOTE] if random else []
        if random:
            module = _random(kind, made or config, owner)
        else:
            module, told = _pretrained(kind, source, made or config, trust_pickle=trust_pickle)
            notes += told
        _check_vision(module, owner)
        preprocess, note = _preprocess(source, module)
    notes += [note] if note else []
    notes += [] if classifies else [BARE_NOTE]
    classes = _classes(config) if classifies and not random else ()
    return Subject(f"transformers:{argument}", module, preprocess, classes, tuple(notes))


def _split(argument: str) -> tuple[str, bool]:
    source, _, last = argument.rpartition("/")
    random = bool(source) and last == RANDOM and not Path(argument).is_dir()
    source = source if random else argument
    if not source:
        raise InvalidInput("The subject 'transformers' needs a model.", hint=USAGE)
    return (str(Path(source).expanduser()) if source.startswith("~") else source), random


def _check_source(source: str) -> None:
    """A folder without a config, or a path to no folder, would otherwise be looked for on the hub."""
    path = Path(source)
    if path.is_dir():
        if not (path / CONFIG).is_file():
            raise InvalidInput(f"'{source}' is no model of transformers: it has no {CONFIG}.", hint=USAGE)
    elif path.is_file():
        raise InvalidInput(f"'{source}' is a file.", hint=USAGE)
    elif source.startswith((".", "/")) or source.count("/") > 1:
        parent = path.absolute().parent
        beside = [each.name for each in parent.iterdir() if each.is_dir()] if parent.is_dir() else []
        hint = nearest_hint(path.name, beside) if beside else USAGE
        raise InvalidInput(f"No folder at '{source}'.", hint=hint)


def _random(kind: Any, config: Any, owner: str) -> torch.nn.Module:  # noqa: ANN401 - of transformers
    try:
        with seeded():
            module: torch.nn.Module = kind.from_config(config, trust_remote_code=False)
    except (ValueError, TypeError, AttributeError, ImportError) as fault:
        raise SubjectFault(f"{owner} cannot be made: {_reason(fault)}.", hint=f"See its {CONFIG}.") from fault
    return module.float()


def _pretrained(
    kind: Any,  # noqa: ANN401 - of transformers
    source: str,
    config: Any,  # noqa: ANN401
    *,
    trust_pickle: bool,
) -> tuple[torch.nn.Module, list[str]]:
    """The model with all its weights from the source, and what to say of it."""
    _refuse_pickled_folder(Path(source), trust_pickle=trust_pickle)
    options: dict[str, Any] = {"config": config, "trust_remote_code": False, "output_loading_info": True}
    options["ignore_mismatched_sizes"] = True  # they are refused below, by name
    if not trust_pickle:
        options["use_safetensors"] = True
    owner = f"transformers:{source}"
    with seeded(), _reading(source, "weights"):
        module, told = kind.from_pretrained(source, **options)
        if told["missing_keys"] and all(name.startswith("pooler.") for name in told["missing_keys"]):
            # Towers trained without classes have no pooler, which the bare model would add with random weights.
            module, told = kind.from_pretrained(source, add_pooling_layer=False, **options)
    faults = [f"{name.replace('_keys', '')}: {_first(told[name])}" for name in FATAL if told.get(name)]
    if faults:
        raise SubjectFault(
            f"The weights of {owner} do not fill the model its {CONFIG} describes: {'; '.join(faults)}.",
            hint="Save it again by save_pretrained, or write transformers:…/random for random weights.",
        )
    unused = told["unexpected_keys"] if kind is not transformers.AutoModel else ()
    notes = [f"{len(unused)} tensors of the file have no place in the model: {_first(unused)}."] if unused else []
    return module.float(), notes


def _refuse_pickled_folder(folder: Path, *, trust_pickle: bool) -> None:
    if not folder.is_dir() or any(folder.glob("*.safetensors*")):
        return
    pickled = [each for each in sorted(folder.iterdir()) if each.suffix in PICKLES]
    if not pickled:
        raise InvalidInput(f"'{folder}' has no weights.", hint="Put model.safetensors there, or add /random.")
    refuse_pickle(pickled[0], SubjectFault, trust_pickle=trust_pickle)


def _check_vision(module: torch.nn.Module, owner: str) -> None:
    wanted = getattr(module, "main_input_name", "pixel_values")
    if wanted != "pixel_values":
        raise SubjectFault(f"{owner} takes {wanted!r}, not images.", hint="Choose a vision model.")


def _preprocess(source: str, module: Any) -> "tuple[Preprocess, str]":  # noqa: ANN401
    """The model's own image processor, or the default transform at the model's size with a note."""
    if not Path(source).is_dir() or (Path(source) / PROCESSOR).is_file():
        with _reading(source, PROCESSOR):
            processor = _LIBRARY.AutoImageProcessor.from_pretrained(source, trust_remote_code=False)
        return _Preparing(processor, frozenset(signature(module.forward).parameters)), ""
    size = getattr(module.config, "image_size", None) or SIZE
    size = tuple(size) if isinstance(size, (list, tuple)) else int(size)
    return default_preprocess(size), default_note(size)


class _Preparing:
    """One image through an image processor, without the batch axis: `pixel_values`, or all parts the model takes."""

    def __init__(self, processor: Any, taken: frozenset[str]) -> None:  # noqa: ANN401 - of transformers
        self.processor = processor
        self.taken = taken

    def __call__(self, image: Image.Image) -> torch.Tensor | dict[str, torch.Tensor]:
        parts: Mapping[str, torch.Tensor] = self.processor(images=image, return_tensors="pt")
        kept = {name: tensor[0] for name, tensor in parts.items() if name in self.taken | {"pixel_values"}}
        return kept["pixel_values"].float() if len(kept) == 1 else kept

    def __repr__(self) -> str:
        return repr(self.processor)


def _classes(config: Any) -> tuple[str, ...]:  # noqa: ANN401 - of transformers
    """Names of the outputs; none where nobody gave them any, and they are called LABEL_0, LABEL_1, …"""
    named = {int(number): str(name) for number, name in (config.id2label or {}).items()}
    placeholders = all(name == f"LABEL_{number}" for number, name in named.items())
    return () if placeholders else tuple(named[number] for number in sorted(named))


def _first(names: Any, limit: int = 3) -> str:  # noqa: ANN401 - names, or tuples with shapes
    told = sorted(str(each[0] if isinstance(each, tuple) else each) for each in names)
    return ", ".join(told[:limit]) + (", …" if len(told) > limit else "")


def _reason(fault: Exception, limit: int = 250) -> str:
    line = (str(fault).strip() or type(fault).__name__).splitlines()[0]
    return (line if len(line) <= limit else f"{line[:limit]} …").rstrip(".")


@contextmanager
def _reading(source: str, what: str) -> Iterator[None]:
    """Turns whatever the library raises into a SubjectFault that names the folder, or the hub."""
    if not Path(source).is_dir():
        with download(f"transformers:{source}", OFFLINE_HINT):
            yield
        return
    try:
        yield
    except Exception as fault:  # the files may hold anything
        raise SubjectFault(
            f"The {what} in '{source}' cannot be read: {_reason(fault)}.",
            hint=f"It must be a folder as save_pretrained leaves it: {CONFIG}, model.safetensors, {PROCESSOR}.",
        ) from fault


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's bars and reports: what matters of them is a note or an error here."""
    shown = transformers.logging.is_progress_bar_enabled()
    before = logging.root.manager.disable
    _LIBRARY.logging.disable_progress_bar()
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
        if shown:
            _LIBRARY.logging.enable_progress_bar()
