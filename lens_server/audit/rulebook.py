"""The rulebook as values: what YAML says, typed. Reading and linting are `reading.py` and `lint.py`."""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = "concept-rules/v1"

Id = Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9_.-]{1,63}$")]
Template = Annotated[str, Field(pattern=r"\{\}")]
Words = Annotated[str, Field(min_length=2)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

Kind = Literal["valid", "spurious", "sensitive", "neutral"]
RuleType = Literal["require", "forbid", "limit", "compare", "unexplained", "declare"]
MeasureName = Literal[
    "encoded", "relevance_share", "contrast_effect", "ablation_effect", "intervention_effect", "flip_rate"
]
TIERS: dict[str, int] = {
    "encoded": 1,
    "relevance_share": 2,
    "contrast_effect": 2,
    "ablation_effect": 3,
    "intervention_effect": 3,
    "flip_rate": 3,
}
"""Tier of evidence of each measure; `unexplained` rests on relevance, tier 2."""
MOST_DRAWS = 100_000
OVERLAYS = (
    "colour_patch",
    "ruler",
    "ink",
    "hair",
    "bubbles",
    "vignette",
    "red_tint",
    "text_watermark",
    "frame",
    "plain",
)
"""Artefacts that can be laid over a picture; `indexer/interventions/overlays.py` draws them."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Ruleset(_Model):
    """What the rulebook is."""

    id: Id
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    title: str
    owner: str = ""
    intended_use: str = ""
    references: tuple[str, ...] = ()


class Target(_Model):
    """What is judged."""

    classes: Annotated[dict[str, Annotated[int, Field(ge=0)]], Field(min_length=1)]
    """Name in the rules → number of the subject's output."""
    model: str = ""
    layers: tuple[str, ...] = ()
    """Empty: every layer of the index."""
    probe_set: str = ""
    group_by: str = ""
    """Column whose values must not be split; empty: the dataset's own `group`, else every image by itself."""


class FoundationModelChoice(_Model):
    """Which eyes are meant, and how they are asked."""

    name: str
    """As in a build, e.g. `open_clip:MODEL/PRETRAINED`; `index` means the one that the index was made with."""
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    templates: Annotated[tuple[Template, ...], Field(min_length=1)] = ("{}",)
    null_prompt: str = ""
    min_concept_auc: Annotated[Finite, Field(ge=0.5, le=1)] = 0.8


class Statistics(_Model):
    """Levels and sizes."""

    alpha: Annotated[Finite, Field(gt=0, le=0.2)] = 0.05
    correction: Literal["holm", "bh", "none"] = "holm"
    null_draws: Annotated[int, Field(ge=200)] = 2000
    """At most MOST_DRAWS, which the linter sees to; so with `bootstrap`."""
    bootstrap: Annotated[int, Field(ge=200)] = 1000
    confidence: Annotated[Finite, Field(ge=0.8, le=0.999)] = 0.95
    seed: int = 0
    min_exemplars: Annotated[int, Field(ge=5)] = 20
    min_clarity_percentile: Annotated[Finite, Field(ge=0, le=100)] = 20
    min_present: Annotated[int, Field(ge=5)] = 50
    min_absent: Annotated[int, Field(ge=5)] = 50


class PositiveControl(_Model):
    """A planted overlay that must be detected."""

    overlay: str
    must_detect_at: Annotated[Finite, Field(gt=0, le=1)]


class Controls(_Model):
    """Checks of the audit itself."""

    placebo_prompts: tuple[str, ...] = ()
    """Words for what no picture shows; no neuron may be flagged for them."""
    placebo_max_flagged: Annotated[int, Field(ge=0)] = 0
    positive_control: PositiveControl | None = None


class Concept(_Model):
    """Something sayable that a rule may name."""

    id: Id
    kind: Kind
    prompts: tuple[Words, ...] = ()
    against: tuple[Words, ...] = ()
    """Words for its opposite, subtracted."""
    image_probes: tuple[str, ...] = ()
    """Folders or files of pictures that show it; a folder `without` beside shows pictures that lack it."""
    overlay: str = ""
    label_column: str = ""
    """Metadata column that says whether an image shows it."""
    label_value: str = ""
    """Value of the column that means yes; empty: any true value (true, yes, a number above zero)."""
    assessable: Literal["yes", "never"] = "yes"
    because: str = ""
    needs: str = ""


class Rule(_Model):
    """One requirement. Which fields a type needs, `lint.py` and the published schema say."""

    id: Id
    type: RuleType
    severity: Literal["critical", "high", "medium", "low", "info"]
    blocking: bool = False
    title: str = ""
    rationale: str = ""
    remediation: str = ""
    references: tuple[str, ...] = ()
    concepts: tuple[Id, ...] = ()
    classes: tuple[str, ...] = ()
    """Empty: every class of the target."""
    measure: MeasureName | None = None
    min: Annotated[Finite, Field(ge=0)] | None = None
    max: Annotated[Finite, Field(ge=0)] | None = None
    max_increase: Annotated[Finite, Field(ge=0)] | None = None
    max_ratio: Annotated[Finite, Field(ge=1)] | None = None
    aggregate: Literal["any", "all", "sum", "max"] | None = None
    direction: Literal["for", "against", "either"] | None = None
    on_inconclusive: Literal["fail", "warn", "ignore"] = "fail"
    baseline: str = ""
    adjust_for: tuple[Id, ...] = ()
    confirm_by: Literal["flip_rate", "intervention_effect"] | None = None

    @property
    def bound(self) -> tuple[str, float | None]:
        """Name and value of its limit; ("", None) for a declaration."""
        for name in ("min", "max", "max_increase", "max_ratio"):
            value = getattr(self, name)
            if value is not None:
                return name, value
        return "", None

    @property
    def tier(self) -> int | None:
        """Tier of evidence, 1 to 3; unset for a declaration."""
        if self.type == "unexplained":
            return 2
        return TIERS[self.measure] if self.measure else None


class Rulebook(_Model):
    """All of it."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Annotated[Literal["concept-rules/v1"], Field(alias="schema")]
    ruleset: Ruleset
    target: Target
    foundation_model: FoundationModelChoice
    statistics: Statistics = Statistics()
    controls: Controls = Controls()
    concepts: Annotated[tuple[Concept, ...], Field(min_length=1)]
    rules: tuple[Rule, ...]

    @property
    def digest(self) -> str:
        """sha256 of what it says, however it is laid out."""
        return _digest(self.model_dump(mode="json", by_alias=True))

    def concept(self, name: str) -> Concept:
        """The concept of this id, which the linter has made sure of."""
        return next(each for each in self.concepts if each.id == name)

    def fingerprint(self, rule: Rule) -> str:
        """sha256 of a rule, the concepts it names and how they are measured."""
        named = [self.concept(name).model_dump(mode="json") for name in (*rule.concepts, *rule.adjust_for)]
        return _digest([rule.model_dump(mode="json"), named, self.foundation_model.model_dump(mode="json")])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
