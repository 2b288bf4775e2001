"""What a request may hold. Every faulty field of a request is reported at once, with its limit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from indexer.errors import InvalidInput
from lens_server import vocabularies
from lens_server.audit import strict_yaml
from lens_server.queries.concept_map import FEWEST as FEWEST_POINTS
from lens_server.queries.concept_map import MOST as MOST_POINTS
from lens_server.queries.limits import MOST
from lens_server.words import LONGEST_TEXT

QUERIES = 64
CHARACTERS = LONGEST_TEXT
IMAGE_BYTES = 8 * 2**20
RESULTS = MOST
VOCABULARY = vocabularies.MOST
TEMPLATES = 128
LAYERS = 1_000
REQUEST_BYTES = 32 * 2**20
YAML_BYTES = strict_yaml.MOST_BYTES
STORED_BYTES = 12 * 2**20
AUDIT_IMAGES = (20, 2_000)
OTHER_INDEXES = 63

Rule = Callable[[str, Any], Iterator["Violation"]]


@dataclass(frozen=True)
class Violation:
    """A field of a request and what is wrong with it."""

    field: str
    description: str


class RequestFault(InvalidInput):
    """A request with fields that cannot be answered as they stand."""

    def __init__(self, *violations: Violation, hint: str = "") -> None:
        self.violations = violations
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in violations), hint=hint)


def check(request: Message) -> None:
    """Refuse a request that breaks a limit."""
    found = list(_violations("", request))
    if found:
        raise RequestFault(*found)


def _violations(prefix: str, message: Message) -> Iterator[Violation]:
    rules, oneofs = _plan(message.DESCRIPTOR)
    for field, rule in rules:
        if not field.has_presence or message.HasField(field.name):
            yield from rule(prefix + field.name, getattr(message, field.name))
    for name, choices in oneofs:
        if message.WhichOneof(name) is None:
            yield Violation(prefix + name, f"set one of {choices}")


@cache
def _plan(kind: Descriptor) -> tuple[list[tuple[FieldDescriptor, Rule]], list[tuple[str, str]]]:
    rules = [(field, RULES[field.name]) for field in kind.fields if field.name in RULES]
    oneofs = [
        (each.name, ", ".join(field.name for field in each.fields)) for each in kind.oneofs if len(each.fields) > 1
    ]
    return rules, oneofs


def _between(low: int, high: int) -> Rule:
    def rule(field: str, value: int) -> Iterator[Violation]:
        if not low <= value <= high:
            yield Violation(field, f"must be {low:,} to {high:,}, not {value:,}")

    return rule


def _characters(low: int) -> Rule:
    def rule(field: str, value: str) -> Iterator[Violation]:
        if len(value) > CHARACTERS:
            yield Violation(field, f"may have at most {CHARACTERS:,} characters, not {len(value):,}")
        elif len(value.strip()) < low:
            yield Violation(field, "must not be empty")

    return rule


def _count(field: str, parts: Any, *, low: int, high: int) -> Iterator[Violation]:
    if not low <= len(parts) <= high:
        yield Violation(field, f"may have {low:,} to {high:,} entries, not {len(parts):,}")


def _texts(field: str, texts: Any, *, low: int, high: int) -> Iterator[Violation]:
    """A list of texts, none of them empty; only the first faulty one is told."""
    yield from _count(field, texts, low=low, high=high)
    one = _characters(1)
    faulty = (fault for at, text in enumerate(texts[:high]) for fault in one(f"{field}[{at}]", text))
    if (first := next(faulty, None)) is not None:
        yield first


def _templates(field: str, templates: Any) -> Iterator[Violation]:
    yield from _texts(f"{field}.texts", templates.texts, low=0, high=TEMPLATES)


def _vocabulary(field: str, vocabulary: Any) -> Iterator[Violation]:
    if not vocabulary.HasField("name"):
        yield from _texts(f"{field}.entries", vocabulary.entries, low=1, high=VOCABULARY)
    elif vocabulary.entries:
        yield Violation(field, "set name or entries, not both")
    elif (
        vocabulary.name not in vocabularies.SHIPPED
    ):  # the library takes a path here; a caller may not read the server's files
        yield Violation(
            f"{field}.name", f"must be one of {', '.join(vocabularies.SHIPPED)}; send other lists as entries"
        )


def _indexes(low: int) -> Rule:
    def rule(field: str, names: Any) -> Iterator[Violation]:
        yield from _texts(field, names, low=low, high=OTHER_INDEXES)

    return rule


def _image(field: str, value: bytes) -> Iterator[Violation]:
    if not value:
        yield Violation(field, "must not be empty")
    if len(value) > IMAGE_BYTES:
        yield Violation(field, f"may have at most {IMAGE_BYTES:,} bytes (8 MiB), not {len(value):,}")


def _bytes(most: int) -> Rule:
    def rule(field: str, value: bytes) -> Iterator[Violation]:
        if len(value) > most:
            yield Violation(field, f"may have at most {most:,} bytes, not {len(value):,}")

    return rule


def _queries(field: str, queries: Any) -> Iterator[Violation]:
    yield from _count(field, queries, low=1, high=QUERIES)
    for at, query in enumerate(queries[:QUERIES]):
        yield from _violations(f"{field}[{at}].", query)


def _where(field: str, where: Message) -> Iterator[Violation]:
    yield from _violations(f"{field}.", where)


def _layers(field: str, layers: Any) -> Iterator[Violation]:
    if isinstance(layers, Message):
        yield from _violations(f"{field}.", layers)
    else:
        yield from _count(field, layers, low=0, high=LAYERS)
        for at, layer in enumerate(layers[:LAYERS]):
            yield from _characters(1)(f"{field}[{at}]", layer)


RULES: dict[str, Rule] = {
    "index": _characters(0),
    "other_index": _characters(1),
    "other_indexes": _indexes(0),
    "later_indexes": _indexes(1),
    "neuron": _characters(1),
    "layer": _characters(1),
    "a": _characters(1),
    "b": _characters(1),
    "text": _characters(1),
    "image": _image,
    "queries": _queries,
    "where": _where,
    "layers": _layers,
    "relevant_to": _characters(1),
    "page_token": _characters(0),
    "limit": _between(1, RESULTS),
    "page_size": _between(1, RESULTS),
    "points": _between(FEWEST_POINTS, MOST_POINTS),
    "exemplars": _between(0, RESULTS),
    "similar": _between(0, RESULTS),
    "alternatives": _between(1, RESULTS),
    "vocabulary": _vocabulary,
    "templates": _templates,
    "shipped": _characters(1),
    "yaml": _bytes(YAML_BYTES),
    "waivers": _bytes(YAML_BYTES),
    "baseline": _bytes(STORED_BYTES),
    "lock": _bytes(STORED_BYTES),
    "images": _between(*AUDIT_IMAGES),
    "rulebook_name": _characters(0),
    "signer": _characters(0),
}
"""What holds for a field of this name, in every request."""
