"""The `lesions:` dataset adapter."""

from collections.abc import Callable, Sequence

import pandas as pd
from PIL import Image

from indexer.datasets.lesions.render import render
from indexer.datasets.lesions.world import ARTEFACTS, Lesion, Rate, World, columns
from indexer.errors import DatasetFault, InvalidInput, nearest_hint

DEFAULT_COUNT = 2000
GENERATOR = 1
"""Version of the generator: another number means other pixels for the same seed."""

_USAGE = (
    "Write lesions:COUNT[,seed=N][,size=PIXELS][,photos=N][,noise=SHARE][,ARTEFACT[@CONDITION]=RATE], "
    "a rate being P or P_IF/P_IF_NOT the condition holds (malignant by default)."
)
_PIECE = 1024
_SETTINGS: dict[str, Callable[[str], float]] = {"seed": int, "size": int, "photos": int, "noise": float}


class LesionDataset:
    """The first `count` samples of a lesion world, rendered when they are loaded."""

    keys: Sequence[str]
    metadata: pd.DataFrame

    def __init__(self, count: int = DEFAULT_COUNT, world: World | None = None) -> None:
        if not 1 <= count <= 1_000_000:
            raise InvalidInput(f"A lesion dataset holds 1 to 1,000,000 samples, not {count}.", hint=_USAGE)
        self.world = world or World()
        self.keys = [f"lesion-{number:06d}" for number in range(count)]
        self.metadata = _metadata(self.world, count)

    @classmethod
    def from_argument(cls, argument: str) -> "LesionDataset":
        """From the text after `lesions:`, e.g. `2000,seed=7,patch=0.9/0.05` (malignant/benign)."""
        parts = [part.strip() for part in argument.split(",")] if argument.strip() else []
        count = DEFAULT_COUNT
        if parts and "=" not in parts[0]:
            count = int(_number(parts.pop(0), "COUNT", int))
        settings: dict[str, float] = {}
        rates: dict[str, Rate] = {}
        for part in parts:
            _read_setting(part, settings, rates)
        return cls(count, _world(settings, rates))

    def __len__(self) -> int:
        return len(self.keys)

    def lesion(self, number: int) -> Lesion:
        """What is to be seen on a sample."""
        if not 0 <= number < len(self.keys):
            raise DatasetFault(f"There is no sample {number} among {len(self.keys)} lesions.")
        return self.world.sample(number)

    def load(self, number: int) -> Image.Image:
        """Render one sample."""
        return Image.fromarray(render(self.lesion(number), self.world.size))

    def describe(self) -> dict[str, object]:
        """Adapter, the argument that gives the same dataset again, and the generator's version."""
        world = self.world
        argument = f"{len(self.keys)},seed={world.seed},size={world.size},photos={world.photos}"
        argument += f",noise={world.label_noise:g}"
        for name in ARTEFACTS:
            if name in world.artefact_rates:
                rate = world.artefact_rates[name]
                argument += f",{name}@{rate.condition}={rate.present:g}/{rate.absent:g}"
        return {"adapter": "lesions", "argument": argument, "generator": GENERATOR}


def _metadata(world: World, count: int) -> pd.DataFrame:
    # In pieces and small integers: a row as a dict weighs a hundred times what it says.
    pieces = []
    for start in range(0, count, _PIECE):
        rows = [columns(world.sample(number)) for number in range(start, min(start + _PIECE, count))]
        piece = pd.DataFrame(rows)
        small = {name: "int8" for name in piece.select_dtypes("int64").columns}
        pieces.append(piece.astype(small))
    return pd.concat(pieces, ignore_index=True)


def _read_setting(part: str, settings: dict[str, float], rates: dict[str, Rate]) -> None:
    key, equals, value = (each.strip() for each in part.partition("="))
    name, _, condition = key.partition("@")
    if not equals or not value:
        raise InvalidInput(f"{part!r} is no setting of a lesion dataset.", hint=_USAGE)
    if key in settings or name in rates:
        raise InvalidInput(f"{name!r} is set twice for a lesion dataset.", hint=_USAGE)
    if key in _SETTINGS:
        settings[key] = _number(value, key, _SETTINGS[key])
    elif name in ARTEFACTS:
        rates[name] = _rate(value, name, condition)
    else:
        hint = f"{nearest_hint(name, (*_SETTINGS, *ARTEFACTS))} {_USAGE}"
        raise InvalidInput(f"A lesion dataset has no setting {key!r}.", hint=hint)


def _world(settings: dict[str, float], rates: dict[str, Rate]) -> World:
    return World(
        size=int(settings.get("size", World.size)),
        seed=int(settings.get("seed", World.seed)),
        artefact_rates=rates,
        label_noise=settings.get("noise", World.label_noise),
        photos=int(settings.get("photos", World.photos)),
    )


def _rate(value: str, name: str, condition: str) -> Rate:
    present, slash, absent = value.partition("/")
    first = _number(present, name, float)
    second = _number(absent, name, float) if slash else first
    return Rate(first, second, condition) if condition else Rate(first, second)


def _number(text: str, key: str, kind: Callable[[str], float]) -> float:
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise InvalidInput(f"{key} of a lesion dataset must be {what}, not {text!r}.", hint=_USAGE) from None
