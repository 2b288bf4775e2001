"""Waivers as values, and their reading: who accepts which broken claim, how bad it may get, and until when."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lens_server.audit.model_faults import typed, whole
from lens_server.audit.rulebook import Finite, Id, MeasureName
from lens_server.audit.strict_yaml import Document, DocumentFault, Fault, parse, read_bytes

LONGEST = timedelta(days=180)
ANY = "any"


def _iso(value: object) -> object:
    """A date as YYYY-MM-DD; anything else stays what it is and is refused as no date."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-11-01") else value
    except ValueError:
        return value


Day = Annotated[date, BeforeValidator(_iso)]
Said = Annotated[str, Field(min_length=1)]


class WaiversFault(DocumentFault):
    """Waivers that cannot be taken as they stand."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Accepted(_Model):
    """The worst value that is accepted."""

    measure: Literal[MeasureName, "unexplained"]
    upper_bound: Finite | None = None
    """Void when the measured upper bound is above it."""
    lower_bound: Finite | None = None
    """For `require` rules: void when the measured lower bound is below it."""


class Waiver(_Model):
    """One acceptance. It covers a claim when it names all its concepts and its class."""

    id: Id
    rule: Id
    concepts: tuple[Id, ...] = ()
    classes: tuple[str, ...] = ()
    accepted: Accepted | None = None
    model: Annotated[str, Field(pattern=r"^(any|sha256:[0-9a-f]{64})$")]
    """The subject it is for, by digest; `any` needs an accepted bound."""
    reason: Said
    approved_by: Said
    ticket: Said
    created: Day
    expires: Day
    """Its last day; at most 180 days after `created`."""
    rule_fingerprint: str = ""
    """Fingerprint of the rule as it was when it was waived; void when it has changed."""


class Waivers(_Model):
    """All of a file."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Annotated[Literal["concept-waivers/v1"], Field(alias="schema")]
    waivers: tuple[Waiver, ...]


def read_waivers(path: str | Path) -> Waivers:
    """The waivers of a file; raises WaiversFault naming every fault."""
    return parse_waivers(read_bytes(Path(path)), str(path))


def parse_waivers(text: bytes, name: str) -> Waivers:
    """The same from bytes; `name` is what the faults call them."""
    document = parse(text)
    waivers, content, faults = typed(document, Waivers)
    found = dict(enumerate(waivers.waivers)) if waivers else whole(Waiver, content.get("waivers"))
    linted = tuple(_lint(found, document))
    if waivers is None or faults or linted:
        raise WaiversFault(name, (*faults, *linted))
    return waivers


def _lint(waivers: dict[int, Waiver], document: Document) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, waiver in waivers.items():
        place = ("waivers", number)
        if waiver.id in seen:
            yield Fault(document.line(place), f"The waiver {waiver.id!r} stands twice.", "Rename one.")
        seen.add(waiver.id)
        for key, message, hint in _dates(waiver):
            yield Fault(document.line((*place, key)), message, hint)
        bounds = [waiver.accepted.upper_bound, waiver.accepted.lower_bound] if waiver.accepted else []
        if all(each is None for each in bounds) and (waiver.accepted or waiver.model == ANY):
            what = "is for any model" if waiver.model == ANY else "accepts no bound"
            hint = "Add `accepted: {measure: …, upper_bound: …}`, lower_bound for a `require` rule."
            yield Fault(document.line(place), f"{waiver.id} {what} and does not say how bad it may get.", hint)


def _dates(waiver: Waiver) -> Iterator[tuple[str, str, str]]:
    latest = waiver.created + LONGEST
    if waiver.expires < waiver.created:
        yield "expires", f"{waiver.id} expires before it is created.", f"{latest} is the latest day."
    elif waiver.expires > latest:
        days = (waiver.expires - waiver.created).days
        yield (
            "expires",
            f"{waiver.id} expires {days} days after it is created, more than 180.",
            f"{latest} is the latest.",
        )
