"""`transformers:NAME_OR_FOLDER[/random]`: a model of Hugging Face's transformers, of images or of texts.

NAME is one on the hub (ORG/NAME), FOLDER one with config.json, model.safetensors and preprocessor_config.json, or
tokenizer.json for a model of texts (transformers_text.py). A classifier of images comes with its head and its class
names; of any other model of images the bare tower is taken, which gives no class logits. Code that comes with a model
is never run.
"""

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from PIL import Image

from indexer.errors import SubjectFault
from indexer.subjects.preparing import SIZE, default_note, default_preprocess
from indexer.subjects.subject import Subject
from indexer.subjects.text_subject import TextSubject
from indexer.subjects.transformers_files import (
    CONFIG,
    LIBRARY,
    PROCESSOR,
    check_source,
    pretrained,
    random_model,
    reading,
    source_of,
)
from indexer.subjects.transformers_text import load_text, reads_text
from indexer.subjects.weights import RANDOM_NOTE
from indexer.weights import quiet_transformers

if TYPE_CHECKING:
    from indexer.subjects.subject import Preprocess

HEAD = "ForImageClassification"
BARE_NOTE = "It has no head for classes of images: the bare image tower is read, which gives no class logits."


def load(argument: str, *, trust_pickle: bool = False) -> Subject | TextSubject:
    """Load a model; raises InvalidInput for a folder that is none, SubjectFault when it cannot be had or read."""
    source, random = source_of(argument)
    check_source(source)
    with quiet_transformers():
        with reading(source, CONFIG):
            config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
        classifies = any(HEAD in name for name in config.architectures or ())
        tower = getattr(config, "vision_config", None) if not classifies else None
        if not classifies and tower is None and reads_text(config):
            return load_text(argument, config, trust_pickle=trust_pickle)
        kind = transformers.AutoModelForImageClassification if classifies else transformers.AutoModel
        notes = [RANDOM_NOTE] if random else []
        if random:
            module = random_model(kind, tower or config, f"transformers:{source}")
        else:
            module, told = pretrained(kind, source, tower or config, trust_pickle=trust_pickle)
            notes += told
        _check_vision(module, f"transformers:{source}")
        preprocess, note = _preprocess(source, module)
    notes += [note] if note else []
    notes += [] if classifies else [BARE_NOTE]
    classes = _classes(config) if classifies and not random else ()
    return Subject(f"transformers:{argument}", module, preprocess, classes, tuple(notes))


def _check_vision(module: torch.nn.Module, owner: str) -> None:
    wanted = getattr(module, "main_input_name", "pixel_values")
    if wanted != "pixel_values":
        raise SubjectFault(
            f"{owner} takes {wanted!r}, neither images nor texts.", hint="Choose a model of images or of texts."
        )


def _preprocess(source: str, module: Any) -> "tuple[Preprocess, str]":  # noqa: ANN401
    """The model's own image processor, or the default transform at the model's size with a note."""
    if not Path(source).is_dir() or (Path(source) / PROCESSOR).is_file():
        with reading(source, PROCESSOR):
            processor = LIBRARY.AutoImageProcessor.from_pretrained(source, trust_remote_code=False)
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
