"""Which nets a fleet holds, how each is trained, and on which pictures each is probed."""

import hashlib
from dataclasses import dataclass, field

from indexer.datasets.lesions import ARTEFACTS, Rate
from indexer.training.subjects import COMMON, RECIPES, Recipe

CLEAN, SPURIOUS, ENCODED, DIFFUSE = "clean", "spurious", "encode-only", "diffuse"
UNTRAINED, SHUFFLED, REDUNDANT = "untrained", "shuffled", "redundant"

COMMITTED = "committed"
"""The fleet of the subjects that come with the package; nothing is trained."""

STRENGTHS = {"strong": Rate(0.9, 0.05), "medium": Rate(0.45, 0.05), "weak": Rate(0.35, 0.15)}
"""P(artefact | malignant), P(artefact | benign) of a planted cue."""

EVEN = Rate(0.5, 0.5)
"""Of an artefact that is encoded and tells nothing."""

FAINT = Rate(0.45, 0.15)
"""Of each of the four cues of a diffuse net."""

CUES = (("ruler", "ink", "hair", "vignette"), ("patch", "red_skin", "gel_bubbles", "hair"))
"""The four cues of each diffuse net."""

AGREEMENT = 0.97
"""Share of a redundant net's training lesions whose shape and border are both irregular, or neither: as they nearly
always go together, each alone looks dispensable."""

VALID_FOR = {
    "patch": "asymmetric", "ruler": "asymmetric", "vignette": "asymmetric", "gel_bubbles": "asymmetric",
    "ink": "irregular_border", "hair": "irregular_border", "red_skin": "irregular_border",
}  # fmt: skip
"""In the confounded probe set, the valid attribute that each artefact goes with."""

CONFOUNDED = (0.6, 0.1)
"""P(artefact | the attribute), P(artefact | not)."""

AS_TRAINED, BESIDE_VALID = "as trained", "beside a valid attribute"
PROBES = (AS_TRAINED, BESIDE_VALID)
PROBE_SEED, PAIR_SEED = 21_000, 30_000
"""Worlds of the probe sets (one a member and probe set) and of the exact pairs (one a fleet)."""


@dataclass(frozen=True)
class Member:
    """One net of a fleet."""

    name: str
    kind: str
    seed: int
    """Of its weights, its batches and the artefacts laid over its pictures; one of TRAINING_SEEDS."""
    recipe: Recipe
    planted: tuple[str, ...] = ()
    """Artefacts planted in it or forced into it."""
    strength: str = ""
    """One of STRENGTHS."""

    @property
    def rates(self) -> dict[str, Rate]:
        """How often each artefact is seen in training."""
        return dict.fromkeys(ARTEFACTS, COMMON) | self.recipe.rates

    def probe(self, kind: str, count: int = 2000) -> str:
        """The probe set, as the dataset adapter takes it: no net of any fleet was trained on its seed."""
        beside = {name: Rate(*CONFOUNDED, VALID_FOR[name]) for name in ARTEFACTS}
        rates = self.rates if kind == AS_TRAINED else beside
        seed = PROBE_SEED + 2 * self.seed + PROBES.index(kind)
        said = (f"{name}@{rate.condition}={rate.present:g}/{rate.absent:g}" for name, rate in rates.items())
        return f"{count},seed={seed},{','.join(said)}"


@dataclass(frozen=True)
class Fleet:
    """Nets that share a pool of lesions to learn from and the exact pairs of their truth."""

    name: str
    pool_seed: int
    """World of the lesions that all members draw from; one of TRAINING_SEEDS."""
    pair_seed: int
    members: tuple[Member, ...] = field(repr=False)
    pool: int = 16_000
    """Lesions in the pool."""
    pairs: int = 800
    """Exact pairs an artefact."""

    @property
    def made_as(self) -> str:
        """Its name and, for another recipe is another net, a digest of all that decides how its nets are made."""
        parts = (self.pool_seed, self.pool, self.pair_seed, self.pairs, self.members)
        return f"{self.name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:8]}"

    def member(self, name: str) -> Member:
        """The member of this name."""
        return next(each for each in self.members if each.name == name)


BATCH = 48
"""Pictures a step: fewer than the committed subjects had, so that fewer pictures suffice."""

_SCHEDULES = {
    CLEAN: (16_000, 10),
    SPURIOUS: (8_000, 8),
    ENCODED: (16_000, 9),
    DIFFUSE: (8_000, 8),
    REDUNDANT: (8_000, 10),
    UNTRAINED: (1_000, 0),
    SHUFFLED: (1_000, 0),
}
"""Kind → training pictures, epochs."""


def _plain(kind: str, number: int, seed: int) -> Member:
    return Member(f"{kind}-{number}", kind, seed, _recipe(kind, {}))


def _planted(artefact: str, strength: str, seed: int) -> Member:
    recipe = _recipe(SPURIOUS, {artefact: STRENGTHS[strength]})
    return Member(f"{SPURIOUS}-{artefact}-{strength}", SPURIOUS, seed, recipe, (artefact,), strength)


def _encoded(artefact: str, seed: int) -> Member:
    recipe = _recipe(ENCODED, {artefact: EVEN}, (artefact,))
    return Member(f"{ENCODED}-{artefact}", ENCODED, seed, recipe, (artefact,))


def _diffuse(number: int, seed: int) -> Member:
    cues = CUES[number - 1]
    return Member(f"{DIFFUSE}-{number}", DIFFUSE, seed, _recipe(DIFFUSE, dict.fromkeys(cues, FAINT)), cues)


def _recipe(kind: str, rates: dict[str, Rate], encoded: tuple[str, ...] = ()) -> Recipe:
    count, epochs = _SCHEDULES[kind]
    return Recipe(rates, encoded, epochs, count, BATCH)


def _judged() -> tuple[Member, ...]:
    grid = [(artefact, strength) for artefact in ("patch", "ruler", "ink") for strength in STRENGTHS]
    grid += [("red_skin", "strong"), ("hair", "strong")]
    return (
        *(_plain(CLEAN, number, 1500 + number) for number in range(1, 5)),
        *(_planted(*each, 1510 + number) for number, each in enumerate(grid)),
        *(_encoded(each, 1530 + number) for number, each in enumerate(("patch", "ruler", "ink", "red_skin", "hair"))),
        *(_diffuse(number, 1540 + number) for number in (1, 2)),
        *(_plain(REDUNDANT, number, 1550 + number) for number in (1, 2)),
        _plain(UNTRAINED, 1, 1561),
        _plain(SHUFFLED, 1, 1562),
    )


def _committed() -> tuple[Member, ...]:
    planted = {"shortcut-patch": "strong", "shortcut-ruler": "strong", "shortcut-ink": "strong"}
    kinds = {CLEAN: CLEAN, ENCODED: ENCODED}
    return tuple(
        Member(name, kinds.get(name, SPURIOUS), 1100 + number, recipe, tuple(recipe.rates), planted.get(name, ""))
        for number, (name, recipe) in enumerate(RECIPES.items())
    )


FLEETS = {
    COMMITTED: Fleet(COMMITTED, pool_seed=1100, pair_seed=PAIR_SEED + 2, members=_committed(), pairs=200),
    "development": Fleet(
        "development",
        pool_seed=1300,
        pair_seed=PAIR_SEED,
        members=(
            _plain(CLEAN, 1, 1301),
            _planted("patch", "strong", 1302),
            _planted("ruler", "weak", 1303),
            _encoded("ink", 1304),
        ),
    ),
    "judged": Fleet("judged", pool_seed=1500, pair_seed=PAIR_SEED + 1, members=_judged()),
}
"""`committed`: the subjects of the package, for a quick look. `development` is for building the audit; nobody looks at
`judged` until it is built."""
