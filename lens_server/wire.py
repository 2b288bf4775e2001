"""Answers ↔ protobuf messages by field name: what server and client share.

A field of a dataclass and the field of the same name in its message are one thing; `None` is an unset optional, a
tuple is a repeated field (or, where it may be `None`, a message with one repeated field), `State.ALIVE` is
`STATE_ALIVE`, and of a oneof at most one field is not `None`. What to do with each field is worked out once per type.
"""

import types
import typing
from collections.abc import Callable
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)
A = TypeVar("A")
Convert = Callable[[Any], Any]


class Unsendable(ValueError):
    """A value that its message cannot hold."""


class Unreadable(ValueError):
    """A message that says nothing an answer could."""


def to_message(value: object, message_type: type[M]) -> M:
    """The message that says the same as `value`."""
    try:
        kind: Any = type(value)
        return message_type(**_packer(kind, message_type.DESCRIPTOR)(value))
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise Unsendable(f"{type(value).__name__} cannot be sent: {fault}") from fault


def from_message(message: Message, answer_type: type[A]) -> A:
    """The value that says the same as `message`."""
    kind: Any = answer_type
    value: A = _reader(kind, message.DESCRIPTOR)(message)
    return value


@cache
def _packer(answer_type: type, descriptor: Descriptor) -> Convert:
    """A function from a value to its message's keyword arguments; nested dicts are what protobuf builds fastest."""
    plan = [(name, _pack_field(hint, field)) for name, hint, field in _paired(answer_type, descriptor)]
    groups = [[each.name for each in oneof.fields] for oneof in descriptor.oneofs if len(oneof.fields) > 1]

    def pack(value: Any) -> dict[str, Any]:
        packed = {}
        for name, convert in plan:
            part = getattr(value, name)
            if part is not None:
                packed[name] = part if convert is None else convert(part)
        for group in groups:
            if len(chosen := [name for name in group if name in packed]) > 1:
                raise Unsendable(f"at most one of {', '.join(group)} may be set, not {' and '.join(chosen)}")
        return packed

    return pack


@cache
def _reader(answer_type: type, descriptor: Descriptor) -> Convert:
    """A function from a message to a value of `answer_type`."""
    plan = [
        (name, field.has_presence and _optional(hint), _read_field(hint, field))
        for name, hint, field in _paired(answer_type, descriptor)
    ]

    def read(message: Message) -> Any:
        found: dict[str, Any] = {}
        for name, may_be_unset, convert in plan:
            if may_be_unset and not message.HasField(name):
                found[name] = None
            else:
                part = getattr(message, name)
                found[name] = part if convert is None else convert(part)
        return answer_type(**found)

    return read


def _paired(answer_type: type, descriptor: Descriptor) -> list[tuple[str, Any, FieldDescriptor]]:
    """Each field of the dataclass with its type and its counterpart in the message."""
    hints = typing.get_type_hints(answer_type)
    names = [each.name for each in fields(answer_type)]
    if set(names) != set(descriptor.fields_by_name):
        different = ", ".join(sorted(set(names) ^ set(descriptor.fields_by_name)))
        raise TypeError(f"{answer_type.__name__} and {descriptor.full_name} differ in {different}")
    return [(name, hints[name], descriptor.fields_by_name[name]) for name in names]


def _pack_field(hint: Any, field: FieldDescriptor) -> Convert | None:
    """How one field is packed; None where it goes as it is."""
    inner = _required(hint)
    if field.is_repeated:
        each = _pack_one(_element(inner), field)
        return None if each is None else lambda parts: [each(part) for part in parts]
    if typing.get_origin(inner) is tuple:
        holder = _holder(field)
        pack = _pack_field(inner, holder)
        return lambda parts: {holder.name: parts if pack is None else pack(parts)}
    return _pack_one(inner, field)


def _pack_one(kind: Any, field: FieldDescriptor) -> Convert | None:
    if field.message_type is not None:
        return _packer(kind, field.message_type)
    if field.enum_type is not None:
        return {member: number for number, member in _members(kind, field.enum_type).items()}.__getitem__
    return None


def _read_field(hint: Any, field: FieldDescriptor) -> Any:
    """How one field is read; None where it comes as it is."""
    inner = _required(hint)
    if field.is_repeated:
        each = _read_one(_element(inner), field)
        return tuple if each is None else lambda parts: tuple([each(part) for part in parts])
    if typing.get_origin(inner) is tuple:
        holder = _holder(field)
        read = _read_field(inner, holder)
        return lambda message: read(getattr(message, holder.name))
    return _read_one(inner, field)


def _read_one(kind: Any, field: FieldDescriptor) -> Convert | None:
    if field.message_type is not None:
        return _reader(kind, field.message_type)
    if field.enum_type is not None:
        return _member_reader(kind, field.enum_type)
    return None


def _member_reader(kind: type[Enum], enum_type: EnumDescriptor) -> Convert:
    members = _members(kind, enum_type)
    known = ", ".join(enum_type.values_by_number[number].name for number in members)

    def read(number: int) -> Enum:
        if number not in members:
            raise Unreadable(f"a {enum_type.name} is one of {known}, not number {number}")
        return members[number]

    return read


def _holder(field: FieldDescriptor) -> FieldDescriptor:
    """The one repeated field of a message that stands for a tuple."""
    (holder,) = field.message_type.fields  # type: ignore[union-attr]
    return holder


def _members(kind: type[Enum], enum_type: EnumDescriptor) -> dict[int, Enum]:
    """Number on the wire → member of the Python enum; the zero, `…_UNSPECIFIED`, has none."""
    prefix = enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return {enum_type.values_by_name[prefix + member.name].number: member for member in kind}


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _required(hint: Any) -> Any:
    """`T` of `T | None`, else the type itself."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (inner,) = [each for each in typing.get_args(hint) if each is not type(None)]
        return inner
    return hint


def _element(hint: Any) -> Any:
    """`T` of `tuple[T, ...]`."""
    return typing.get_args(hint)[0]
