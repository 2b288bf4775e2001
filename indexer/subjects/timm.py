"""`timm:NAME[/WEIGHTS]`: a model of timm, or `timm:hf-hub:ORG/NAME[/WEIGHTS]`. WEIGHTS is a file or `random`."""

from typing import Any

import timm
import torch
from timm.data.config import resolve_model_data_config
from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from timm.data.transforms_factory import create_transform

from indexer.errors import InvalidInput, SubjectFault, UnknownName
from indexer.subjects.subject import Subject
from indexer.subjects.weights import FILE_NOTE, RANDOM, RANDOM_NOTE, download, is_file_name, load_file, seeded

HUB = "hf-hub:"


def load(argument: str, *, trust_pickle: bool = False) -> Subject:
    """Load a model; raises UnknownName, or SubjectFault when its weights cannot be had or do not fit."""
    name, weights = _split(argument)
    _check_known(name)
    if weights and weights != RANDOM and not is_file_name(weights):
        hint = f"Write timm:{name}.TAG for other published ones, timm:{name}/{RANDOM} or timm:{name}/FILE.safetensors."
        raise InvalidInput(f"{weights!r} names no weights of timm:{name}.", hint=hint)
    module = _create(name, pretrained=not weights)
    notes: list[str] = []
    classes: tuple[str, ...] = ()
    if weights == RANDOM:
        notes.append(RANDOM_NOTE)
    elif weights:
        load_file(module, weights, owner=f"timm:{name}", trust_pickle=trust_pickle)
        notes.append(FILE_NOTE)
    else:
        classes = _classes(module)
    preprocess = create_transform(**resolve_model_data_config(module), is_training=False)
    return Subject(f"timm:{argument}", module, preprocess, classes, tuple(notes))


def _split(argument: str) -> tuple[str, str]:
    """Model and weights; the one slash inside a hub's name belongs to the name."""
    prefix = HUB if argument.startswith(HUB) else ""
    parts = argument.removeprefix(prefix).split("/", 2 if prefix else 1)
    inside = 2 if prefix else 1
    name, weights = "/".join(parts[:inside]), "".join(parts[inside:])
    if not name or (prefix and len(parts) < inside):
        hint = "Write e.g. timm:resnet50 or timm:hf-hub:ORG/NAME."
        raise InvalidInput(f"'timm:{argument}' names no model.", hint=hint)
    return prefix + name, weights


def _check_known(name: str) -> None:
    if name.startswith(HUB):
        return
    family, _, tag = name.partition(".")
    if not timm.is_model(family):
        raise UnknownName("timm model", name, timm.list_models())
    if tag and name not in timm.list_pretrained(f"{family}.*"):
        raise UnknownName(f"published weights of timm:{family}", name, timm.list_pretrained(f"{family}.*"))


def _create(name: str, *, pretrained: bool) -> torch.nn.Module:
    owner = f"timm:{name}"
    if pretrained and not name.startswith(HUB) and not timm.is_model_pretrained(name):
        raise SubjectFault(
            f"timm publishes no weights for {name!r}.", hint=f"Write {owner}/{RANDOM} or {owner}/FILE.safetensors."
        )
    with seeded():
        if not pretrained and not name.startswith(HUB):
            return timm.create_model(name, pretrained=False)
        with download(owner):
            return timm.create_model(name, pretrained=pretrained)


def _classes(module: torch.nn.Module) -> tuple[str, ...]:
    """Names of the outputs, from the weights' own list or because they were trained on a known part of ImageNet."""
    config: dict[str, Any] = getattr(module, "pretrained_cfg", {})
    if config.get("label_names"):
        return tuple(config["label_names"])
    subset = infer_imagenet_subset(module)
    if subset is None:
        return ()
    names = ImageNetInfo(subset)
    return tuple(names.index_to_description(number) for number in range(names.num_classes()))
