"""`python:MODULE:FACTORY`: a model of your own.

The factory takes nothing and returns a module, or (module, preprocess), or (module, preprocess, class names); for a
model of texts (module, tokenizer), or (module, tokenizer, tokens that it takes).
Modules are also found in the folder the command runs in.
"""

import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from pkgutil import iter_modules
from traceback import extract_tb
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from indexer.errors import InvalidInput, SubjectFault, UnknownName
from indexer.subjects.inputs import parts_of
from indexer.subjects.own_tokenizer import is_tokenizer
from indexer.subjects.preparing import default_note, default_preprocess
from indexer.subjects.subject import Subject
from indexer.subjects.text_subject import TextSubject

if TYPE_CHECKING:
    from indexer.subjects.subject import Preprocess

CONTRACT = (
    "A factory returns a module, or (module, preprocess), or (module, preprocess, class names); for texts "
    "(module, tokenizer)."
)
CONTRACT_OF_IMAGES = "It must turn one image into a float tensor [channels, height, width]"


def load(argument: str, *, trust_pickle: bool = False) -> Subject | TextSubject:
    """Call a factory; raises UnknownName, or SubjectFault when it fails or breaks the contract."""
    module_name, _, factory_name = argument.partition(":")
    if not module_name or not factory_name:
        raise InvalidInput(f"'python:{argument}' names no factory.", hint="Write python:MODULE:FACTORY.")
    factory = _factory(_import(module_name), factory_name)
    try:
        made = factory()
    except Exception as fault:  # whatever the user's code raises
        raise SubjectFault(
            f"The factory {argument!r} failed: {_describe(fault)}.", hint=f"Raised at {_place(fault)}."
        ) from fault
    return _subject(argument, made)


def _import(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    invalidate_caches()
    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name and (name == missing.name or name.startswith(f"{missing.name}.")):
            raise UnknownName("module", name, _modules_beside(missing.name)) from missing
        hint = f"Install what brings {missing.name!r}."
        raise SubjectFault(f"The module {name!r} needs {missing.name!r}, which is missing.", hint=hint) from missing
    except Exception as fault:  # whatever the user's code raises
        raise SubjectFault(
            f"The module {name!r} cannot be imported: {_describe(fault)}.", hint=f"Raised at {_place(fault)}."
        ) from fault


def _modules_beside(missing: str) -> Iterator[str]:
    """Modules of the missing one's package, else those on the path that were not installed."""
    package, _, _ = missing.rpartition(".")
    if package:
        prefix, folders = f"{package}.", list(getattr(sys.modules.get(package), "__path__", []))
    else:
        paths = sysconfig.get_paths()
        installed = {paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
        installed.add(str(Path(paths["platstdlib"]) / "lib-dynload"))
        prefix, folders = "", [each or str(Path.cwd()) for each in sys.path if each not in installed]
    return (prefix + each.name for each in iter_modules(folders))


def _factory(module: ModuleType, name: str) -> Callable[[], Any]:
    factory = getattr(module, name, None)
    if factory is None:
        raise UnknownName(f"factory in {module.__name__!r}", name, _factories(module))
    if isinstance(factory, torch.nn.Module) or not callable(factory):
        kind = type(factory).__name__
        message = f"'{module.__name__}:{name}' is of type {kind}, not a factory."
        raise SubjectFault(message, hint=f"Wrap it in a function. {CONTRACT}")
    made: Callable[[], Any] = factory
    return made


def _factories(module: ModuleType) -> list[str]:
    own = {name: kept for name, kept in vars(module).items() if getattr(kept, "__module__", "") == module.__name__}
    return [name for name, kept in own.items() if callable(kept) and not name.startswith("_")]


def _subject(argument: str, made: object) -> Subject | TextSubject:
    parts = made if isinstance(made, tuple) else (made,)
    if not 1 <= len(parts) <= 3 or not isinstance(parts[0], torch.nn.Module):
        found = ", ".join(type(each).__name__ for each in parts)
        shown = f"({found})" if isinstance(made, tuple) else found
        raise SubjectFault(f"The factory {argument!r} returned {shown}.", hint=CONTRACT)
    module, given, classes = (*parts, None, None)[:3]
    module = _readable(module)
    if is_tokenizer(given):
        from indexer.subjects.python_text import text_subject

        return text_subject(argument, module, given, classes)
    preprocess = default_preprocess() if given is None else given
    _check_preprocess(argument, preprocess)
    notes = (default_note(),) if given is None else ()
    return Subject(f"python:{argument}", module, preprocess, _names(argument, classes), notes)


def _readable(module: torch.nn.Module) -> torch.nn.Module:
    """Hooks reach neither into compiled modules nor into TorchScript: the former are taken as they were before."""
    from indexer.subjects.script_reading import Read

    module = getattr(module, "_orig_mod", module)
    return Read(module.eval()) if isinstance(module, torch.jit.ScriptModule) else module


def _names(argument: str, classes: object) -> tuple[str, ...]:
    if classes is None:
        return ()
    names = tuple(classes) if isinstance(classes, Iterable) and not isinstance(classes, str) else (None,)
    if not all(isinstance(name, str) for name in names):
        raise SubjectFault(f"The class names of {argument!r} are no list of texts.", hint=CONTRACT)
    return names


def _check_preprocess(argument: str, preprocess: "Preprocess") -> None:
    """Try it on a grey image: what breaks here is told by name, what breaks in the middle of a build is not."""
    if not callable(preprocess):
        raise SubjectFault(f"The preprocess of {argument!r} is of type {type(preprocess).__name__}.", hint=CONTRACT)
    try:
        prepared = preprocess(Image.new("RGB", (320, 240), "grey"))
    except Exception as fault:  # whatever the user's code raises
        raise SubjectFault(
            f"The preprocess of {argument!r} failed: {_describe(fault)}.", hint=f"Raised at {_place(fault)}."
        ) from fault
    parts = dict(parts_of(prepared))
    cure = _cure_of(parts)
    if cure:
        shown = ", ".join(f"{name} {_shown(each)}".strip() for name, each in parts.items()) or "nothing"
        raise SubjectFault(f"The preprocess of {argument!r} returned {shown}.", hint=cure)


def _cure_of(parts: dict[str, object]) -> str:
    """What a preprocess must give instead of these parts for one image; empty when nothing is wrong."""
    tensors = [each for each in parts.values() if isinstance(each, torch.Tensor)]
    images = [each for each in tensors if each.is_floating_point() and each.ndim >= 2]
    if "" in parts:
        right = len(images) == 1 and images[0].ndim == 3
        return "" if right else f"{CONTRACT_OF_IMAGES}, without a batch axis."
    if not images or len(tensors) < len(parts):
        return f"{CONTRACT_OF_IMAGES}, or a mapping or tuple of tensors with one such among them."
    batched = any(each.ndim > 3 for each in images) and all(each.ndim and len(each) == 1 for each in tensors)
    return f"{CONTRACT_OF_IMAGES}, without a batch axis: take [0] of each part." if batched else ""


def _shown(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.dtype} {list(value.shape)}"
    return f"a value of type {type(value).__name__}"


def _describe(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}".rstrip(": .")


def _place(fault: Exception) -> str:
    """File and line of the innermost frame."""
    if isinstance(fault, SyntaxError):
        return f"{fault.filename}, line {fault.lineno}"
    frame = extract_tb(fault.__traceback__)[-1]
    return "the call itself" if frame.filename == __file__ else f"{frame.filename}, line {frame.lineno}"
