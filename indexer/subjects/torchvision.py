"""`torchvision:NAME[/WEIGHTS]`: a classifier of torchvision. WEIGHTS is a name of its weights, a file, or `random`."""

import torchvision
from torchvision.models import Weights, WeightsEnum, get_model, get_model_weights, list_models

from indexer.errors import InvalidInput, UnknownName
from indexer.subjects.subject import Subject
from indexer.subjects.weights import FILE_NOTE, RANDOM, RANDOM_NOTE, download, is_file_name, load_file, seeded

RESCALING = frozenset({"googlenet", "inception_v3"})
"""Models whose published weights expect the module itself to rescale its input."""


def load(argument: str, *, trust_pickle: bool = False) -> Subject:
    """Load a model; raises UnknownName, or SubjectFault when its weights cannot be had or do not fit."""
    name, _, weights = argument.partition("/")
    known = list_models(module=torchvision.models)
    if not name:
        raise InvalidInput("The subject 'torchvision' needs a model.", hint="Write e.g. torchvision:resnet50.")
    if name not in known:
        raise UnknownName("torchvision classifier", name, known)
    if weights == RANDOM:
        return _random(name)
    if is_file_name(weights):
        return _from_file(name, weights, trust_pickle=trust_pickle)
    return _pretrained(name, weights)


def _random(name: str) -> Subject:
    with seeded():
        module = get_model(name, weights=None)
    return Subject(f"torchvision:{name}/{RANDOM}", module, _default(name).transforms(), notes=(RANDOM_NOTE,))


def _from_file(name: str, file: str, *, trust_pickle: bool) -> Subject:
    options = {"transform_input": True} if name in RESCALING else {}
    with seeded():
        module = get_model(name, weights=None, **options)
    load_file(module, file, owner=f"torchvision:{name}", trust_pickle=trust_pickle)
    return Subject(f"torchvision:{name}/{file}", module, _default(name).transforms(), notes=(FILE_NOTE,))


def _pretrained(name: str, weights: str) -> Subject:
    choice = _chosen(name, weights) if weights else _default(name)
    with seeded(), download(f"torchvision:{name}"):
        module = get_model(name, weights=choice, progress=False)
    meta: Weights = choice.value
    spec = f"torchvision:{name}/{weights}" if weights else f"torchvision:{name}"
    return Subject(spec, module, choice.transforms(), tuple(meta.meta.get("categories", ())), (f"Weights: {choice}.",))


def _chosen(name: str, weights: str) -> WeightsEnum:
    """`IMAGENET1K_V2`, or in full `ResNet50_Weights.IMAGENET1K_V2`."""
    enum = get_model_weights(name)
    family, _, member = weights.rpartition(".")
    if family not in ("", enum.__name__) or member not in enum.__members__:
        raise UnknownName(f"weights of torchvision:{name}", weights, [*enum.__members__, RANDOM, "FILE.safetensors"])
    return enum[member]


def _default(name: str) -> WeightsEnum:
    return get_model_weights(name)["DEFAULT"]
