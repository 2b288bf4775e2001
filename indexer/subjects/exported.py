"""`exported:FILE.pt2`: a program saved by torch.export.save.

The program is unflattened, so that its layers have their names again. Loading one asks for --trust-pickle:
`torch.export.load` unpickles parts of the archive without restriction and imports what it names, so a file from
elsewhere can run any code.
"""

import hashlib
import logging
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from indexer.errors import InvalidInput, SubjectFault, nearest_hint
from indexer.subjects.fixed_batch import any_batch
from indexer.subjects.preparing import SIZE, default_note, default_preprocess
from indexer.subjects.subject import Subject
from indexer.weights import reason_of

ENDING = ".pt2"
TRAINING = ("training", "train")
"""Names of the arguments by which dropout and batch norm are told to train."""
LARGEST = 4096
"""Batches are never larger (`CollectConfig.batch_size`), so a bound above is none."""
CURE = "Export it again with this version of torch: torch.export.save(torch.export.export(module.eval(), …), FILE)."
FACTORY = "Write a factory that returns (torch.export.unflatten(program), preprocess) and use python:MODULE:FACTORY."


def load(argument: str, *, trust_pickle: bool = False) -> Subject:
    """Load a program; raises InvalidInput where there is none, SubjectFault where it cannot be read as a subject."""
    path = Path(argument).expanduser()
    _check_file(path)
    if not trust_pickle:
        raise SubjectFault(
            f"'{path.name}' is an exported program, and loading one can run code that came with the file.",
            hint="If you trust its source, allow it by --trust-pickle (trust_pickle=True).",
        )
    with _quiet():
        try:
            program = torch.export.load(path)
            module: torch.nn.Module = torch.export.unflatten(program)
        except Exception as fault:  # the archive may hold anything
            raise SubjectFault(f"'{path.name}' cannot be read: {reason_of(fault)}.", hint=CURE) from fault
    _refuse_training(program, path.name)
    # Two programs may differ in their operators alone: the digest of a subject is made of what its module prints.
    told = f"program={hashlib.sha256(str(program.graph).encode()).hexdigest()}"
    module.__dict__["extra_repr"] = lambda: told
    (batch, least), size = _input(program, path.name)
    notes = [default_note(size)]
    if batch is not None:
        module = any_batch(module, batch, fill=least > 1)
        notes.append(f"The program takes {'' if least > 1 else 'at most '}{batch} images at a time.")
    return Subject(f"exported:{argument}", module, default_preprocess(size), notes=tuple(notes), batch=batch)


def _check_file(path: Path) -> None:
    if not path.name:
        raise InvalidInput("The subject 'exported' needs a file.", hint="Write exported:FILE.pt2.")
    if not path.is_file():
        parent = path.absolute().parent
        beside = [each.name for each in parent.glob(f"*{ENDING}")] if parent.is_dir() else []
        hint = nearest_hint(path.name, beside) if beside else f"Looked in '{parent}', which holds no {ENDING}."
        raise InvalidInput(f"No exported program at '{path}'.", hint=hint)
    if not zipfile.is_zipfile(path):
        raise SubjectFault(f"'{path.name}' is no exported program, or cut short.", hint=CURE)


def _input(program: Any, name: str) -> tuple[tuple[int | None, int], tuple[int, int]]:  # noqa: ANN401
    """The most samples it takes at a time (None for any number) and the fewest; height and width of its images."""
    wanted = set(program.graph_signature.user_inputs)
    values = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder" and node.name in wanted]
    tensors = [each for each in values if isinstance(each, torch.Tensor)]
    shown = ", ".join(f"{each.dtype} {list(each.shape)}" for each in tensors)
    if len(tensors) != 1 or len(values) != 1 or tensors[0].ndim != 4:
        raise SubjectFault(f"'{name}' takes {shown or 'no tensor'}, not one batch of images.", hint=FACTORY)
    (batch, channels, height, width), dtype = tensors[0].shape, tensors[0].dtype
    if channels != 3 or dtype != torch.float32:
        raise SubjectFault(f"'{name}' takes {shown}; expected torch.float32 [batch, 3, height, width].", hint=FACTORY)
    height, width = (each if isinstance(each, int) else SIZE for each in (height, width))
    return ((batch, batch) if isinstance(batch, int) else (_most(program, batch), 1)), (height, width)


def _most(program: Any, batch: torch.SymInt) -> int | None:  # noqa: ANN401 - an ExportedProgram
    bounds = program.range_constraints.get(batch.node.expr)
    upper = str(bounds.upper) if bounds is not None else ""
    return int(upper) if upper.isdigit() and int(upper) < LARGEST else None


def _refuse_training(program: Any, name: str) -> None:  # noqa: ANN401 - an ExportedProgram
    """Raise for what was exported in training mode: it would draw dropout, and move with the batches it sees."""
    for node in program.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        for place, argument in enumerate(schema.arguments if schema else ()):
            value = node.args[place] if place < len(node.args) else node.kwargs.get(argument.name)
            if (argument.name in TRAINING and value is True) or (argument.name == "dropout_p" and value):
                raise SubjectFault(f"'{name}' was exported in training mode ({node.target}).", hint=CURE)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's warnings of formats to come; what fails is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
