"""What a build is asked to do: one frozen model per stage; all faults of a configuration are reported at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from indexer.errors import InvalidInput, nearest_hint

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["float32", "bfloat16", "float16"]
Described = TypeVar("Described", bound=BaseModel)


class _Stage(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SubjectConfig(_Stage):
    """The model under inspection."""

    name: str = Field(min_length=1)
    """`adapter:argument`."""
    trust_pickle: bool = False
    """Load pickled weights, which can run code."""
    device: Device = "auto"
    precision: Precision = "float32"
    """Of the forward pass; activations are reduced and ranked in float32 always."""
    saes: dict[str, Path] = {}
    """Layer → file of a sparse autoencoder; its latents are the layer `LAYER.sae`."""


class DatasetConfig(_Stage):
    """What the subject is shown."""

    name: str = Field(min_length=1)
    """`adapter:argument`."""
    strict: bool = False
    """Fail on the first unreadable sample instead of skipping and counting it."""


class CollectConfig(_Stage):
    """How exemplars are found."""

    layers: tuple[str, ...] = Field(min_length=1)
    """Names of modules; `*` stands for anything inside one part of a name, `**` across parts."""
    collector: str = "activation"
    """What ranks samples: `activation`, or `relevance` to the class that the subject predicts."""
    exemplars: int = Field(default=30, ge=1, le=10_000)
    """Per neuron and polarity."""
    aggregation: Literal["mean", "max", "absmean", "absmax", "special"] = "mean"
    """Over the positions of a map or the tokens of a sequence."""
    polarity: Literal["auto", "positive", "both"] = "auto"
    """auto: both ends for layers with any activation below zero."""
    crop: Literal["none", "activation", "gradient", "lrp"] = "none"
    """What of an exemplar is embedded: all, or the square where its activation map or its attribution is."""
    percentiles: tuple[float, ...] = ()
    """Besides the exemplars, a sample at each of these percentiles of the neuron's activation."""
    survey: int = Field(default=1000, ge=10, le=100_000)
    """Samples, drawn uniformly, that percentiles and contrasts are taken from; fewer for very wide layers."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    threads: int = Field(default=2, ge=1, le=256)
    """That read images ahead."""

    @field_validator("percentiles")
    @classmethod
    def _in_range(cls, percentiles: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 <= each <= 100 for each in percentiles):
            raise ValueError("percentiles lie between 0 and 100")
        return tuple(sorted(set(percentiles), reverse=True))

    @field_validator("layers")
    @classmethod
    def _distinct(cls, layers: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({layer for layer in layers if layers.count(layer) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        return layers


class ConceptConfig(_Stage):
    """How a neuron's place in the space is formed of its exemplars."""

    vector: Literal["mean", "contrastive"] = "mean"
    """Their mean, or the contrastive semantic projection (arXiv 2604.22477)."""
    gamma: float = Field(default=0.5, ge=0, le=1)
    """How much of the similar sample that does not excite the neuron is taken away (contrastive only)."""

    def described(self) -> str:
        """In one word, for the manifest."""
        return self.vector if self.vector == "mean" else f"contrastive, gamma {self.gamma:g}"


class FoundationConfig(_Stage):
    """The space of exemplars and words."""

    name: str = Field(min_length=1)
    """`adapter:argument`."""
    trust_pickle: bool = False


class RelevanceConfig(_Stage):
    """What neurons contribute to classes."""

    classes: bool = False
    """Measure it: a second pass with gradients."""
    samples_per_class: int = Field(default=200, ge=1)
    """At most so many samples of each class are measured, drawn at random."""


class BuildConfig(_Stage):
    """A whole build."""

    subject: SubjectConfig
    dataset: DatasetConfig
    collect: CollectConfig
    foundation: FoundationConfig
    relevance: RelevanceConfig = RelevanceConfig()
    concept: ConceptConfig = ConceptConfig()
    out: Path
    engine: str = "auto"
    """`exact`, `faiss[:FACTORY]`, or auto: exact up to 200,000 neurons."""
    thumbnail: int = Field(default=128, ge=16, le=1024)
    """Longest side of the stored pictures, in pixels."""

    def with_layers(self, layers: tuple[str, ...]) -> "BuildConfig":
        """The same with these layers, instead of the patterns that were given."""
        return self.model_copy(update={"collect": self.collect.model_copy(update={"layers": layers})})


def read_config(
    path: Path | None,
    overrides: dict[str, dict[str, Any] | Any],
    held: Callable[[Path], dict[str, Any]] | None = None,
) -> BuildConfig:
    """A YAML file (or none) with what the command line says on top; raises InvalidInput naming every fault.

    `held` gives the settings of the index at `out`, for what neither says.
    """
    stages = _merged(path, overrides)
    if held is not None and stages.get("out"):
        stages = _beneath(held(Path(stages["out"])), stages)
    return _checked(BuildConfig, stages, path)


def read_subject(path: Path | None, given: dict[str, Any]) -> SubjectConfig:
    """The subject alone, likewise."""
    stage = _merged(path, {"subject": given}).get("subject")
    return _checked(SubjectConfig, stage, path, ("subject",))


def _merged(path: Path | None, overrides: dict[str, dict[str, Any] | Any]) -> dict[str, Any]:
    stages = _load(path) if path else {}
    for stage, given in overrides.items():
        if isinstance(given, dict):
            inside = stages.get(stage)
            stages[stage] = {
                **(inside if isinstance(inside, dict) else {}),
                **{k: v for k, v in given.items() if v is not None},
            }
        elif given is not None:
            stages[stage] = given
    return stages


def _beneath(held: dict[str, Any], stages: dict[str, Any]) -> dict[str, Any]:
    """What an index holds, under what is asked for."""
    merged = {**held, **stages}
    for stage, inside in held.items():
        if isinstance(inside, dict) and isinstance(stages.get(stage), dict):
            merged[stage] = {**inside, **stages[stage]}
    return merged


def _checked(model: type[Described], given: object, path: Path | None, at: tuple[str, ...] = ()) -> Described:
    try:
        return model.model_validate(given)
    except ValidationError as faults:
        where = f" in {path}" if path else ""
        lines = [_explain({**fault, "loc": (*at, *fault["loc"])}) for fault in faults.errors()]
        raise InvalidInput(
            f"The build is not well described{where}: " + "; ".join(lines) + ".",
            hint="lens build --help lists every setting.",
        ) from None


_ASKED_AS = {
    "subject": "--subject",
    "dataset": "--dataset",
    "collect.layers": "--layers",
    "foundation": "--foundation",
    "out": "--out",
}


def _explain(fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        asked = next((option for name, option in _ASKED_AS.items() if place.startswith(name)), place)
        return f"{asked} is missing"
    if fault["type"] == "extra_forbidden":
        stage = BuildConfig.model_fields.get(str(fault["loc"][0])) if len(fault["loc"]) > 1 else None
        fields = (
            stage.annotation.model_fields
            if stage and stage.annotation and hasattr(stage.annotation, "model_fields")
            else BuildConfig.model_fields
        )
        return f"{place} is unknown ({nearest_hint(str(fault['loc'][-1]), fields).rstrip('.')})"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')} (given: {fault['input']!r})"


def _load(path: Path) -> dict[str, Any]:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidInput(f"{path} cannot be read: {fault}.") from fault
    except YAMLError as fault:
        raise InvalidInput(f"{path} is not YAML: {fault}.") from fault
    if not isinstance(content, dict):
        raise InvalidInput(
            f"{path} must hold a mapping of stages.", hint="subject, dataset, collect, foundation, relevance, out."
        )
    return content
