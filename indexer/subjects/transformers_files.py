"""Models of Hugging Face's transformers from folders and the hub: weights that fill them, and faults in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers

from indexer.errors import InvalidInput, SubjectFault, nearest_hint
from indexer.subjects.weights import RANDOM, download, seeded
from indexer.weights import PICKLES, reason_of, refuse_pickle

LIBRARY: Any = transformers
"""Parts of it have no types."""
CONFIG, PROCESSOR, TOKENIZER = "config.json", "preprocessor_config.json", "tokenizer.json"
FATAL = ("missing_keys", "mismatched_keys", "error_msgs")
"""What of a loading report means that the weights do not fill the model."""
USAGE = "Write transformers:ORG/NAME, or transformers:FOLDER with a config.json in it."
OFFLINE_HINT = (
    "Offline, write transformers:FOLDER for a model saved by save_pretrained, or use what is in the hub's cache."
)


def source_of(argument: str) -> tuple[str, bool]:
    """The name or the folder, and whether random weights are asked for; raises InvalidInput for none."""
    source, _, last = argument.rpartition("/")
    random = bool(source) and last == RANDOM and not Path(argument).is_dir()
    source = source if random else argument
    if not source:
        raise InvalidInput("The subject 'transformers' needs a model.", hint=USAGE)
    return (str(Path(source).expanduser()) if source.startswith("~") else source), random


def check_source(source: str) -> None:
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


def random_model(kind: Any, config: Any, owner: str) -> torch.nn.Module:  # noqa: ANN401 - of transformers
    """The model that a configuration describes, its weights drawn with seed 0; raises SubjectFault."""
    try:
        with seeded():
            module: torch.nn.Module = kind.from_config(config, trust_remote_code=False)
    except (ValueError, TypeError, AttributeError, ImportError) as fault:
        raise SubjectFault(f"{owner} cannot be made: {reason_of(fault)}.", hint=f"See its {CONFIG}.") from fault
    return module.float()


def pretrained(
    kind: Any,  # noqa: ANN401 - of transformers
    source: str,
    config: Any,  # noqa: ANN401
    *,
    trust_pickle: bool,
) -> tuple[torch.nn.Module, list[str]]:
    """The model with all its weights from the source, and what to say of it; raises SubjectFault."""
    _refuse_pickled_folder(Path(source), trust_pickle=trust_pickle)
    options: dict[str, Any] = {"config": config, "trust_remote_code": False, "output_loading_info": True}
    options["ignore_mismatched_sizes"] = True  # they are refused below, by name
    if not trust_pickle:
        options["use_safetensors"] = True
    owner = f"transformers:{source}"
    with seeded(), reading(source, "weights"):
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


def _first(names: Any, limit: int = 3) -> str:  # noqa: ANN401 - names, or tuples with shapes
    told = sorted(str(each[0] if isinstance(each, tuple) else each) for each in names)
    return ", ".join(told[:limit]) + (", …" if len(told) > limit else "")


@contextmanager
def reading(source: str, what: str) -> Iterator[None]:
    """Turns whatever the library raises into a SubjectFault that names the folder, or the hub."""
    if not Path(source).is_dir():
        with download(f"transformers:{source}", OFFLINE_HINT):
            yield
        return
    try:
        yield
    except Exception as fault:  # the files may hold anything
        raise SubjectFault(
            f"The {what} in '{source}' cannot be read: {reason_of(fault)}.",
            hint=f"It must be a folder as save_pretrained leaves it: {CONFIG}, model.safetensors, {PROCESSOR} or, for "
            f"texts, {TOKENIZER}.",
        ) from fault
