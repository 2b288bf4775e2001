"""The lesion world: what there is to see on each numbered picture, before anything is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from indexer.errors import InvalidInput, UnknownName

COLOURS = ("light_brown", "dark_brown", "black", "red", "white", "blue_grey")
"""The six colours a lesion may hold; every lesion holds one brown at least."""

STRUCTURES = ("dots", "network", "streaks")
"""Structures inside a lesion."""

ARTEFACTS = ("red_skin", "ink", "ruler", "patch", "gel_bubbles", "hair", "vignette")
"""Things that are no part of the lesion, in the order in which they are laid over the picture."""

BENIGN, MALIGNANT = "benign", "malignant"
CLASSES = (BENIGN, MALIGNANT)
"""Class names by class number."""

THRESHOLD = 2.75
"""Lesions of a higher score are malignant."""

CONDITIONS = (MALIGNANT, "asymmetric", "irregular_border", *COLOURS, *STRUCTURES)
"""What an artefact's rate may depend on."""


@dataclass(frozen=True)
class Rate:
    """How often an artefact is seen, by a condition that holds or not."""

    present: float
    """P(artefact | condition)."""
    absent: float
    """P(artefact | not condition)."""
    condition: str = MALIGNANT
    """One of CONDITIONS."""

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise UnknownName("condition of an artefact rate", self.condition, CONDITIONS)
        if not (0 <= self.present <= 1 and 0 <= self.absent <= 1):
            raise InvalidInput("An artefact rate lies outside 0 to 1.", hint=f"Given: {self.present}/{self.absent}.")


DEFAULT_RATE = Rate(0.2, 0.2)


@dataclass(frozen=True)
class Lesion:
    """One picture's truth: a lesion, the photograph's number and the artefacts on it."""

    seed: int
    """Seed of the world it comes from."""
    number: int
    """Which photograph; decides position, light and the place of each artefact."""
    group: int
    """Which lesion; decides its shape. Several photographs may show the same one."""
    asymmetric: bool
    irregular_border: bool
    colours: tuple[str, ...]
    """At least one, in the order of COLOURS."""
    structures: tuple[str, ...]
    """In the order of STRUCTURES; may be empty."""
    malignant: bool
    """The class: score above THRESHOLD, unless label noise turned it."""
    artefacts: tuple[str, ...] = ()
    """In the order of ARTEFACTS."""

    @property
    def score(self) -> float:
        """ABCD-like score of the valid attributes."""
        return score(self.asymmetric, self.irregular_border, len(self.colours), len(self.structures))

    @property
    def label(self) -> str:
        """Class by name."""
        return CLASSES[self.malignant]


@dataclass(frozen=True)
class World:
    """An endless numbered series of lesions; a pure function of its fields."""

    size: int = 64
    """Side of a rendered picture in pixels."""
    seed: int = 0
    """Another seed, other lesions. Seeds below are free; the trainers draw from TRAINING_SEEDS."""
    artefact_rates: Mapping[str, Rate] = field(default_factory=dict)
    """Artefact -> rate; DEFAULT_RATE for those not named."""
    label_noise: float = 0.0
    """Share of lesions whose class is turned round."""
    photos: int = 2
    """Consecutive samples that show the same lesion."""

    def __post_init__(self) -> None:
        for name in self.artefact_rates:
            if name not in ARTEFACTS:
                raise UnknownName("artefact", name, ARTEFACTS)
        if self.size < 16 or self.photos < 1 or self.seed < 0 or not 0 <= self.label_noise <= 0.5:
            raise InvalidInput(
                "A lesion world needs size >= 16, photos >= 1, seed >= 0 and label noise from 0 to 0.5.",
                hint=f"Given: size {self.size}, photos {self.photos}, seed {self.seed}, noise {self.label_noise}.",
            )
        object.__setattr__(self, "artefact_rates", MappingProxyType(dict(self.artefact_rates)))

    def sample(self, number: int) -> Lesion:
        """The lesion on photograph `number` (from 0) with its artefacts."""
        if number < 0:
            raise InvalidInput(f"Sample numbers start at 0, not {number}.")
        lesion = self._lesion(number)
        draws = generator(self.seed, Stream.ARTEFACTS, number).random(len(ARTEFACTS))
        holds = {name: float(value) for name, value in columns(lesion).items() if name in CONDITIONS}
        seen = []
        for name, draw in zip(ARTEFACTS, draws, strict=True):
            rate = self.artefact_rates.get(name, DEFAULT_RATE)
            if draw < (rate.present if holds[rate.condition] else rate.absent):
                seen.append(name)
        return replace(lesion, artefacts=tuple(seen))

    def _lesion(self, number: int) -> Lesion:
        group = number // self.photos
        rng = generator(self.seed, Stream.LESION, group)
        asymmetric, irregular = (rng.random(2) < 0.5).tolist()
        colours = _draw_colours(rng)
        draws = rng.random(len(STRUCTURES))
        structures = tuple(name for name, draw in zip(STRUCTURES, draws, strict=True) if draw < 0.35)
        turned = rng.random() < self.label_noise
        malignant = (score(asymmetric, irregular, len(colours), len(structures)) > THRESHOLD) != turned
        return Lesion(self.seed, number, group, asymmetric, irregular, colours, structures, malignant)


TRAINING_SEEDS = range(1_000, 2_000)
"""Seeds of the worlds that the committed weights were trained on; draw probe sets from other seeds."""


class Stream:
    """Separate random streams, so that one draw never shifts another."""

    LESION, ARTEFACTS, SHAPE, PHOTO, OVERLAY, CAPTION = range(6)


def generator(seed: int, stream: int, number: int, part: int = 0) -> np.random.Generator:
    """The random generator of one thing in the world."""
    return np.random.Generator(np.random.PCG64((seed, stream, number, part)))


def score(asymmetric: bool, irregular: bool, colours: int, structures: int) -> float:
    """ABCD-like: 2 A + 1.5 B + 0.5 (colours - 1) + 0.5 structures; grows with each, from 0 to 7.5."""
    return 2.0 * asymmetric + 1.5 * irregular + 0.5 * (colours - 1) + 0.5 * structures


def columns(lesion: Lesion) -> dict[str, int | float | str]:
    """All that is true of a sample, by metadata column: 0/1, a value, `label` and `group`."""
    row: dict[str, int | float | str] = {"label": lesion.label, "group": f"lesion-{lesion.group:06d}"}
    row |= {MALIGNANT: int(lesion.malignant), "score": lesion.score}
    row |= {"asymmetric": int(lesion.asymmetric), "irregular_border": int(lesion.irregular_border)}
    row |= {name: int(name in lesion.colours) for name in COLOURS} | {"colours": len(lesion.colours)}
    row |= {name: int(name in lesion.structures) for name in STRUCTURES} | {"structures": len(lesion.structures)}
    return row | {name: int(name in lesion.artefacts) for name in ARTEFACTS}


def with_artefact(lesion: Lesion, name: str) -> Lesion:
    """The same photograph with the artefact on it."""
    return _exchange(lesion, name, {*lesion.artefacts, name})


def without_artefact(lesion: Lesion, name: str) -> Lesion:
    """The same photograph without the artefact."""
    return _exchange(lesion, name, {*lesion.artefacts} - {name})


def clean(lesion: Lesion) -> Lesion:
    """The same photograph without any artefact."""
    return replace(lesion, artefacts=())


def _exchange(lesion: Lesion, name: str, seen: set[str]) -> Lesion:
    if name not in ARTEFACTS:
        raise UnknownName("artefact", name, ARTEFACTS)
    return replace(lesion, artefacts=tuple(each for each in ARTEFACTS if each in seen))


def _draw_colours(rng: np.random.Generator) -> tuple[str, ...]:
    brown = COLOURS[int(rng.random() < 0.5)]
    others = [name for name in COLOURS if name != brown]
    chosen = rng.permutation(len(others))[: rng.choice(5, p=(0.3, 0.3, 0.2, 0.14, 0.06))]
    seen = {brown, *(others[each] for each in chosen)}
    return tuple(name for name in COLOURS if name in seen)
