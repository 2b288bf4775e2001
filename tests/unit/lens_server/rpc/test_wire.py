"""Whatever an answer holds, it is the same after the wire."""

import ast
import dataclasses
import math
import typing
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lens_server import answers, changes, overviews, report, text_answers
from lens_server.answers import Box, Exemplar, Neuron, NeuronPage, Query, Relevance, Span, State, Where
from lens_server.changes import Trend
from lens_server.report import Change, Severity, Verdict
from lens_server.v1 import (
    audit_pb2,
    comparison_pb2,
    exemplar_pb2,
    finding_pb2,
    index_pb2,
    label_pb2,
    lens_service_pb2,
    neuron_pb2,
    overview_pb2,
    query_pb2,
    text_pb2,
)
from lens_server.wire import Unreadable, Unsendable, from_message, to_message

TYPES = [
    each
    for module in (answers, changes, overviews, report, text_answers)
    for each in vars(module).values()
    if isinstance(each, type) and dataclasses.is_dataclass(each) and each.__module__.startswith(module.__name__)
]
MODULES = (
    audit_pb2,
    comparison_pb2,
    exemplar_pb2,
    finding_pb2,
    index_pb2,
    label_pb2,
    neuron_pb2,
    overview_pb2,
    query_pb2,
    text_pb2,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**31), 2**31 - 1),
    float: st.floats(allow_nan=False),
    str: st.text(max_size=8),
    bytes: st.binary(max_size=8),
    bool: st.booleans(),
    **{each: st.sampled_from(each) for each in (State, Trend, Verdict, Change, Severity)},
}


def message_of(kind: type) -> type[Message]:
    """The message of the same name; a page of neurons is the response itself."""
    if kind is NeuronPage:
        return lens_service_pb2.ListNeuronsResponse
    named = [getattr(module, kind.__name__) for module in MODULES if hasattr(module, kind.__name__)]
    (found,) = {each.DESCRIPTOR.full_name: each for each in named}.values()
    return typing.cast("type[Message]", found)


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    if hint in PLAIN:
        return PLAIN[hint]
    if dataclasses.is_dataclass(hint):
        return answers_of(typing.cast(type, hint))
    if typing.get_origin(hint) is tuple:
        return st.lists(values_of(typing.get_args(hint)[0]), max_size=3).map(tuple)
    return st.one_of(*(st.none() if each is type(None) else values_of(each) for each in typing.get_args(hint)))


def answers_of(kind: type) -> st.SearchStrategy[Any]:
    """Any value of a dataclass; of a oneof's fields at most one is set."""
    built = st.builds(kind, **{name: values_of(hint) for name, hint in typing.get_type_hints(kind).items()})
    groups = [[each.name for each in oneof.fields] for oneof in message_of(kind).DESCRIPTOR.oneofs]

    def keep_one(value: Any) -> Any:
        for group in groups:
            surplus = [name for name in group if getattr(value, name) is not None][1:]
            value = dataclasses.replace(value, **dict.fromkeys(surplus))
        return value

    return built.map(keep_one)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_round_trip(kind: type, data: st.DataObject) -> None:
    """Through the bytes, not only through the message."""
    value = data.draw(answers_of(kind))
    message_type = message_of(kind)
    received = message_type.FromString(to_message(value, message_type).SerializeToString())
    assert from_message(received, kind) == value


def test_every_enum_of_the_report_has_its_twin() -> None:
    """Each member is a number on the wire, each number but the zero a member."""
    for kind, module in (
        (Verdict, finding_pb2),
        (Change, finding_pb2),
        (Severity, finding_pb2),
        (Trend, comparison_pb2),
    ):
        prefix = f"{kind.__name__.upper()}_"
        sent = set(getattr(module, kind.__name__).keys())
        assert sent == {prefix + each.name for each in kind} | {f"{prefix}UNSPECIFIED"}


def test_unset_is_not_zero() -> None:
    """None, 0 and the empty text are three things."""
    for clarity in (None, 0.0, math.inf):
        neuron = Neuron("conv/1", "conv", 1, 1, State.ALIVE, 0.0, 0.0, 0, clarity, None, None)
        assert from_message(to_message(neuron, neuron_pb2.Neuron), Neuron).clarity == clarity
    for query in (Query(), Query(text=""), Query(vector=())):
        assert from_message(to_message(query, query_pb2.Query), Query) == query


def test_an_unset_filter_filters_nothing() -> None:
    """The message's defaults are the dataclass's."""
    assert from_message(neuron_pb2.Where(), Where) == Where()


def test_two_places_cannot_be_sent() -> None:
    """A oneof holds one thing; sending one of two in silence would lose the other."""
    both = Exemplar("s", 0, 1.0, None, Box(0, 0, 1, 1), Span(0, 1), None)
    with pytest.raises(Unsendable, match="box and span"):
        to_message(both, exemplar_pb2.Exemplar)


@pytest.mark.parametrize(
    "value",
    [Relevance(3, 0.0, 0.0), Relevance("x", "y", 0.0), Relevance(b"\xff", 0, 0)],
    ids=repr,  # type: ignore[arg-type]
)
def test_a_value_of_the_wrong_type_cannot_be_sent(value: Relevance) -> None:
    """It is refused with the type's name."""
    with pytest.raises(Unsendable, match="Relevance cannot be sent"):
        to_message(value, neuron_pb2.Relevance)


def test_a_number_too_large_cannot_be_sent() -> None:
    """Refused, not cut off."""
    with pytest.raises(Unsendable):
        to_message(Span(0, 2**40), exemplar_pb2.Span)


def test_an_unknown_state_cannot_be_read() -> None:
    """A newer server's state is no state of ours."""
    with pytest.raises(Unreadable, match="STATE_ALIVE"):
        from_message(neuron_pb2.Neuron(id="conv/1", state=77), Neuron)  # type: ignore[arg-type]


def test_fields_that_differ_are_told() -> None:
    """A type and a message that are not twins are refused when first used."""
    with pytest.raises(Unsendable, match="start, stop"):
        to_message(Span(0, 1), exemplar_pb2.Box)


def test_wire_is_light() -> None:
    """It knows no generated module and no heavy library: clients import it."""
    import lens_server.wire

    tree = ast.parse(Path(lens_server.wire.__file__).read_text())
    imported = {each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    imported |= {alias.name for each in ast.walk(tree) if isinstance(each, ast.Import) for alias in each.names}
    assert all(
        each.split(".")[0] in {"collections", "dataclasses", "enum", "functools", "google", "types", "typing"}
        for each in imported
    )
