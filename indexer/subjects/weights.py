"""Weights from files and hubs: nothing is unpickled unasked, nothing is loaded in part."""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from indexer.errors import InvalidInput, SubjectFault, nearest_hint
from indexer.weights import PICKLES, hub_without_waiting, refuse_pickle

ENDINGS = PICKLES | {".safetensors"}
NESTED = ("state_dict", "model_state_dict", "model")
"""Where training scripts keep the weights inside a checkpoint."""
WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""

RANDOM = "random"
RANDOM_NOTE = "The weights are random (seed 0): activations and outputs mean nothing."
FILE_NOTE = "Images are prepared as for the library's own weights; what those in the file expect is not recorded there."


def is_file_name(weights: str) -> bool:
    """Whether WEIGHTS is written like a file rather than like a name."""
    return Path(weights).suffix.lower() in ENDINGS


@contextmanager
def seeded() -> Iterator[None]:
    """Draws inside are those of seed 0, and the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def load_file(module: torch.nn.Module, file: str, *, owner: str, trust_pickle: bool) -> None:
    """Load a file's weights into a module; raises SubjectFault unless every tensor finds its place."""
    path = Path(file).expanduser()
    state = _read(path, trust_pickle=trust_pickle)
    _check_fit(module, state, f"The weights in '{path.name}' do not fit {owner}")
    module.load_state_dict(state, strict=False)


OFFLINE_HINT = (
    "Offline, put /FILE.safetensors after the model's name for weights you have, /random for none, "
    "or write python:MODULE:FACTORY for a model of your own."
)


@contextmanager
def download(owner: str, hint: str = OFFLINE_HINT) -> Iterator[None]:
    """Turns any failure to fetch weights into a SubjectFault that lists the ways to do without the hub."""
    try:
        with hub_without_waiting():
            yield
    except Exception as fault:  # each hub client has errors of its own
        reason = (str(fault).strip() or type(fault).__name__).splitlines()[0].rstrip(".")
        raise SubjectFault(f"The pretrained weights of {owner} could not be fetched: {reason}.", hint=hint) from fault


def _read(path: Path, *, trust_pickle: bool) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise _missing(path)
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    refuse_pickle(path, SubjectFault, trust_pickle=trust_pickle)
    return _unpickle(path)


def _missing(path: Path) -> InvalidInput:
    folder = path.absolute().parent
    beside = [each.name for each in folder.iterdir() if is_file_name(each.name)] if folder.is_dir() else []
    hint = nearest_hint(path.name, beside) if beside else f"Looked in '{folder}', which holds no weights."
    return InvalidInput(f"No weights at '{path}'.", hint=hint)


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file as read

    try:
        return _unwrapped(read(path))
    except (SafetensorError, OSError) as fault:
        raise SubjectFault(
            f"'{path.name}' cannot be read as safetensors: {fault}.", hint="Fetch it again: it may be cut short."
        ) from fault


def _unpickle(path: Path) -> dict[str, torch.Tensor]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError) as fault:
        reason = str(fault).strip().splitlines()[0].rstrip(".")
        raise SubjectFault(
            f"'{path.name}' cannot be read as weights: {reason}.",
            hint="It must hold a state_dict, not a whole module: torch.save(module.state_dict(), …).",
        ) from fault
    for name in NESTED:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping):
            loaded = loaded[name]
    if not isinstance(loaded, Mapping) or not all(isinstance(each, torch.Tensor) for each in loaded.values()):
        raise SubjectFault(f"'{path.name}' holds no state_dict.", hint="Save module.state_dict() as .safetensors.")
    return _unwrapped(dict(loaded))


def _unwrapped(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for wrapper in WRAPPERS:
        if state and all(name.startswith(wrapper) for name in state):
            state = {name.removeprefix(wrapper): tensor for name, tensor in state.items()}
    return state


def _check_fit(module: torch.nn.Module, state: dict[str, torch.Tensor], complaint: str) -> None:
    own = {name: each for name, each in module.state_dict(keep_vars=True).items() if isinstance(each, torch.Tensor)}
    given = {id(own[name]) for name in state if name in own}  # one tensor under two names is saved once
    missing = [
        name for name, each in own.items()
        if name not in state and id(each) not in given and not name.endswith("num_batches_tracked")
    ]  # fmt: skip
    misshapen = [
        f"{name} (file {list(state[name].shape)}, model {list(each.shape)})"
        for name, each in own.items()
        if name in state and state[name].shape != each.shape
    ]
    unexpected = [name for name in state if name not in own]
    faults = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen}
    listed = [f"{len(names)} {kind}: {_first(names)}" for kind, names in faults.items() if names]
    if listed:
        raise SubjectFault(
            f"{complaint}: {'; '.join(listed)}.",
            hint="Check the model's name. For a head of another size write a factory and use python:MODULE:FACTORY.",
        )


def _first(names: list[str], limit: int = 3) -> str:
    return ", ".join(names[:limit]) + (", …" if len(names) > limit else "")
