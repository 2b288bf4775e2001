"""A rulebook as far as it could be read, and what the linter says of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lens_server.audit.rulebook import Concept, Rule, Rulebook
from lens_server.audit.strict_yaml import Place


@dataclass(frozen=True)
class Complaint:
    """Something wrong, or unwise, at a place of the rulebook."""

    place: Place
    message: str
    hint: str

    def under(self, section: str, number: int) -> "Complaint":
        """The same, its place counted from the top."""
        return replace(self, place=(section, number, *self.place))


@dataclass(frozen=True)
class Draft:
    """The well-typed parts: the linter speaks of all faults at once, even beside mistyped ones."""

    classes: tuple[str, ...] | None
    """Class names; unset when they could not be read."""
    concepts: Mapping[int, Concept]
    """By position."""
    rules: Mapping[int, Rule]
    named: tuple[str, ...]
    """Ids of all concepts, the mistyped ones too."""
    rulebook: Rulebook | None
    """Unset when anything is mistyped."""

    @classmethod
    def of(cls, rulebook: Rulebook) -> "Draft":
        """All of a whole rulebook."""
        return cls(
            classes=tuple(rulebook.target.classes),
            concepts=dict(enumerate(rulebook.concepts)),
            rules=dict(enumerate(rulebook.rules)),
            named=tuple(each.id for each in rulebook.concepts),
            rulebook=rulebook,
        )

    def by_id(self, name: str) -> Iterator[Concept]:
        """The concept of this id, if it is well typed."""
        yield from [each for each in self.concepts.values() if each.id == name][:1]
