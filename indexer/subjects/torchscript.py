"""`torchscript:FILE.pt[,size=PIXELS][,batch=IMAGES]`: a program saved by torch.jit.save, scripted or traced.

A TorchScript file says neither the size of its images nor, for traces, whether it takes other batches than the one it
was traced with: `size` (224 by default) and `batch` (any by default) do.

Loading one needs no --trust-pickle: `torch.jit.load` reads its data by a reader of its own that makes tensors and
TorchScript classes only, and the program can do no more than TorchScript's operators. Those of them that touch files
are looked for in its code, and a program with one is refused unless --trust-pickle is given.
"""

import hashlib
import re
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import torch

from indexer.errors import InvalidInput, SubjectFault, nearest_hint
from indexer.subjects.digests import probe_images
from indexer.subjects.fixed_batch import any_batch
from indexer.subjects.preparing import SIZE, default_note, default_preprocess
from indexer.subjects.script_reading import Read
from indexer.subjects.subject import Subject

USAGE = "Write torchscript:FILE.pt, or with ,size=PIXELS or ,batch=IMAGES behind."
TOUCHING_FILES = re.compile(r"\b(?:torch|ops\.aten)\.(?:save|from_file|load)\s*\(")
TOLERANCE = 1e-4
"""Between the program as TorchScript runs it and as it is read here; attention may take another path."""


class _Asked(NamedTuple):
    path: Path
    size: int
    batch: int | None


def load(argument: str, *, trust_pickle: bool = False) -> Subject:
    """Load a program; raises InvalidInput where there is none, SubjectFault where it cannot be read as a subject."""
    asked = _asked(argument)
    _check_file(asked.path, trust_pickle=trust_pickle)
    script = _script(asked.path)
    module: torch.nn.Module = Read(script).eval()
    told = f"program={_digest(asked.path)}"
    module.__dict__["extra_repr"] = lambda: told
    preprocess = default_preprocess(asked.size)
    hidden = [name for name, each in module.named_modules() if isinstance(each, Read) and not each.followed]
    if asked.batch:
        module = any_batch(module, asked.batch)
    pixels = torch.stack([torch.as_tensor(preprocess(image)) for image in probe_images()])
    _check_same(script, module, pixels[:1].expand(asked.batch, -1, -1, -1) if asked.batch else pixels, asked.path.name)
    notes = [default_note(asked.size)]
    notes += [f"{name or 'The whole'} is one layer: what is inside cannot be followed." for name in hidden]
    return Subject(f"torchscript:{argument}", module, preprocess, notes=tuple(notes), batch=asked.batch)


def _asked(argument: str) -> _Asked:
    settings: dict[str, int] = {}
    while found := re.fullmatch(r"(.*),(size|batch)=(\d+)", argument):
        argument, name, number = found.groups()
        settings[name] = int(number)
    if not argument or 0 in settings.values():
        raise InvalidInput("The subject 'torchscript' needs a file, and sizes of at least 1.", hint=USAGE)
    return _Asked(Path(argument).expanduser(), settings.get("size", SIZE), settings.get("batch"))


def _check_file(path: Path, *, trust_pickle: bool) -> None:
    if not path.is_file():
        parent = path.absolute().parent
        beside = [each.name for each in parent.glob("*.pt*")] if parent.is_dir() else []
        hint = nearest_hint(path.name, beside) if beside else f"Looked in '{parent}', which holds no .pt. {USAGE}"
        raise InvalidInput(f"No TorchScript program at '{path}'.", hint=hint)
    if not zipfile.is_zipfile(path):
        raise SubjectFault(f"'{path.name}' is no TorchScript program, or cut short.", hint="Save it by torch.jit.save.")
    with zipfile.ZipFile(path) as archive:
        names = [each for each in archive.namelist() if re.match(r"[^/]+/code/", each)]
        if not names:
            raise SubjectFault(
                f"'{path.name}' holds no TorchScript program.",
                hint="Save it by torch.jit.save. Weights go behind a model's name: torchvision:resnet18/FILE.",
            )
        codes = {each: archive.read(each).decode("utf-8", "replace") for each in names}
    touching = next((name for name, code in codes.items() if TOUCHING_FILES.search(code)), None)
    if touching and not trust_pickle:
        raise SubjectFault(
            f"'{path.name}' is a program that reads or writes files ({touching}).",
            hint="If you trust its source, allow it by --trust-pickle (trust_pickle=True).",
        )


def _script(path: Path) -> torch.jit.ScriptModule:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript's own end
            script: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu").eval()
            return script
    except Exception as fault:  # the archive may hold anything
        raise SubjectFault(
            f"'{path.name}' cannot be read: {_reason(fault)}.", hint="Save it again by torch.jit.save of this torch."
        ) from fault


def _digest(path: Path) -> str:
    """sha256 over code and constants; weights are digested as such."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            inside = name.partition("/")[2]
            if inside.startswith(("code/", "constants")):
                digest.update(f"\0{inside}\0".encode())
                digest.update(archive.read(name))
    return digest.hexdigest()


def _check_same(script: torch.nn.Module, module: torch.nn.Module, pixels: torch.Tensor, name: str) -> None:
    """Raise unless the program runs, and says the same read as run."""
    try:
        with torch.inference_mode():
            expected, found = _tensors(script(pixels.clone())), _tensors(module(pixels.clone()))
    except Exception as fault:  # of the program's operators
        raise SubjectFault(
            f"'{name}' cannot be run on {list(pixels.shape)}: {_reason(fault)}.",
            hint=f"{USAGE} For any other input write a factory.",
        ) from fault
    same = len(expected) == len(found) and all(
        one.shape == two.shape and torch.allclose(one, two, atol=TOLERANCE, rtol=TOLERANCE, equal_nan=True)
        for one, two in zip(expected, found, strict=True)
    )
    if not same:
        raise SubjectFault(
            f"'{name}' gives another output when its layers are read one by one.",
            hint="Trace it (torch.jit.trace) instead of scripting it, or export it: exported:FILE.pt2.",
        )


def _tensors(output: object) -> list[torch.Tensor]:
    leaves = torch.utils._pytree.tree_leaves(output)
    return [each for each in leaves if isinstance(each, torch.Tensor)]


def _reason(fault: Exception) -> str:
    """The last line of a fault: TorchScript puts its own trace before."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return (lines[-1] if lines else type(fault).__name__)[:250].rstrip(".")
