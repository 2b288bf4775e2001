"""A request beyond a limit is refused with the field and the limit."""

from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from lens_server.rpc import limits
from lens_server.v1 import lens_service_pb2 as service
from lens_server.v1.audit_service_pb2 import DiffIndexesRequest
from lens_server.v1.comparison_pb2 import LayerPair
from lens_server.v1.label_pb2 import Vocabulary
from lens_server.v1.lens_service_pb2_grpc import LensServiceStub
from lens_server.v1.neuron_pb2 import Where
from lens_server.v1.query_pb2 import Query, Templates
from tests.unit.lens_server.rpc.fake_lens import FakeLens
from tests.unit.lens_server.rpc.test_status import told

RULER = Query(text="ruler")
BROKEN: list[tuple[str, Message, str, str]] = [
    ("SearchNeurons", service.SearchNeuronsRequest(), "queries", "1 to 64"),
    ("SearchNeurons", service.SearchNeuronsRequest(queries=[RULER] * 65), "queries", "1 to 64"),
    ("SearchNeurons", service.SearchNeuronsRequest(queries=[RULER, Query()]), "queries[1].probe", "text, image"),
    ("SearchNeurons", service.SearchNeuronsRequest(queries=[Query(text="x" * 2001)]), "queries[0].text", "2,000"),
    ("SearchNeurons", service.SearchNeuronsRequest(queries=[Query(text=" ")]), "queries[0].text", "empty"),
    (
        "SearchNeurons",
        service.SearchNeuronsRequest(queries=[Query(image=b"x" * (8 * 2**20 + 1))]),
        "queries[0].image",
        "8 MiB",
    ),
    ("SearchNeurons", service.SearchNeuronsRequest(queries=[RULER], limit=0), "limit", "1 to 1,000"),
    ("SearchNeurons", service.SearchNeuronsRequest(queries=[RULER], limit=1001), "limit", "1 to 1,000"),
    (
        "SearchNeurons",
        service.SearchNeuronsRequest(queries=[RULER], templates=Templates(texts=["{}"] * 129)),
        "templates.texts",
        "0 to 128",
    ),
    ("ListNeurons", service.ListNeuronsRequest(page_size=1001), "page_size", "1 to 1,000"),
    ("ListNeurons", service.ListNeuronsRequest(page_size=-1), "page_size", "1 to 1,000"),
    ("ListNeurons", service.ListNeuronsRequest(where=Where(layers=["x"] * 1001)), "where.layers", "0 to 1,000"),
    ("GetNeuron", service.GetNeuronRequest(), "neuron", "empty"),
    ("GetNeuron", service.GetNeuronRequest(neuron="conv/1", exemplars=1001), "exemplars", "0 to 1,000"),
    ("ListExemplars", service.ListExemplarsRequest(neuron="conv/1", page_token="x"), "page_token", "no token"),
    (
        "ListUnexpectedNeurons",
        service.ListUnexpectedNeuronsRequest(vocabulary=Vocabulary(name="/etc/hostname")),
        "vocabulary.name",
        "general",
    ),
    (
        "ListUnexpectedNeurons",
        service.ListUnexpectedNeuronsRequest(vocabulary=Vocabulary(name="general", entries=["x"])),
        "vocabulary",
        "not both",
    ),
    ("GetConceptCoverage", service.GetConceptCoverageRequest(other_indexes=["x"] * 64), "other_indexes", "0 to 63"),
    ("GetConceptCoverage", service.GetConceptCoverageRequest(other_indexes=[" "]), "other_indexes[0]", "empty"),
    ("GetConceptSeries", service.GetConceptSeriesRequest(), "later_indexes", "1 to 63"),
    ("GetConceptMap", service.GetConceptMapRequest(points=4), "points", "5 to 5,000"),
    ("GetConceptMap", service.GetConceptMapRequest(points=5001), "points", "5 to 5,000"),
    ("CompareSets", service.CompareSetsRequest(), "sets", "layers, other_index"),
    ("CompareSets", service.CompareSetsRequest(layers=LayerPair(a="conv")), "layers.b", "empty"),
    (
        "ListUnexpectedNeurons",
        service.ListUnexpectedNeuronsRequest(vocabulary=Vocabulary(entries=["x"] * 50_001)),
        "vocabulary.entries",
        "1 to 50,000",
    ),
    (
        "ListUnexpectedNeurons",
        service.ListUnexpectedNeuronsRequest(vocabulary=Vocabulary(entries=["x", ""])),
        "vocabulary.entries[1]",
        "empty",
    ),
]


@pytest.mark.parametrize(("method", "request_", "field", "limit"), BROKEN, ids=lambda part: str(part)[:24])
def test_a_limit_broken(
    stub: LensServiceStub, lens: FakeLens, method: str, request_: Any, field: str, limit: str
) -> None:
    """INVALID_ARGUMENT with a field violation; the lens is not asked."""
    with pytest.raises(grpc.RpcError) as failed:
        getattr(stub, method)(request_)
    status, _, bad = told(failed.value)
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [each.field for each in bad.field_violations] == [field]
    assert limit in bad.field_violations[0].description
    assert field in status.message
    assert lens.asked == []


def test_a_stream_has_limits_too(stub: LensServiceStub) -> None:
    """Refused before the first label."""
    with pytest.raises(grpc.RpcError) as failed:
        list(stub.LabelNeurons(service.LabelNeuronsRequest(alternatives=-1)))
    assert told(failed.value)[2].field_violations[0].field == "alternatives"


def test_all_faults_of_a_request_at_once(stub: LensServiceStub) -> None:
    """One round trip instead of three."""
    request = service.SearchNeuronsRequest(queries=[Query(text=""), Query()], limit=0)
    with pytest.raises(grpc.RpcError) as failed:
        stub.SearchNeurons(request)
    fields = {each.field for each in told(failed.value)[2].field_violations}
    assert fields == {"queries[0].text", "queries[1].probe", "limit"}


def test_at_the_limit_is_fine(stub: LensServiceStub) -> None:
    """64 queries of 2,000 characters, 1,000 hits each."""
    queries = [Query(text=f"{at:02}" * 1000) for at in range(64)]
    assert len(stub.SearchNeurons(service.SearchNeuronsRequest(queries=queries, limit=1000)).answers) == 64


def test_an_unknown_state_is_refused(stub: LensServiceStub) -> None:
    """The zero of the enum, and numbers nobody knows."""
    for number in (0, 99):
        with pytest.raises(grpc.RpcError) as failed:
            stub.ListNeurons(service.ListNeuronsRequest(where=Where(states=[number])))
        assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "STATE_ALIVE" in failed.value.details()


def test_a_request_too_large_is_refused(stub: LensServiceStub) -> None:
    """Above 32 MiB gRPC itself says no."""
    queries = [Query(image=b"x" * (8 * 2**20))] * 5
    with pytest.raises(grpc.RpcError) as failed:
        stub.SearchNeurons(service.SearchNeuronsRequest(queries=queries))
    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_ambiguous_or_unknown_index(two_indexes: SimpleNamespace) -> None:
    """The error lists what is served."""
    with pytest.raises(grpc.RpcError) as ambiguous:
        two_indexes.stub.GetIndex(service.GetIndexRequest())
    _, info, bad = told(ambiguous.value)
    assert bad.field_violations[0].field == "index"
    assert info.metadata["hint"] == "Known: after, before."
    with pytest.raises(grpc.RpcError) as unknown:
        two_indexes.audit.DiffIndexes(DiffIndexesRequest(index="before", other_index="aftr"))
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
    assert told(unknown.value)[1].metadata["hint"] == "Did you mean 'after'?"


def test_comments_tell_the_limits() -> None:
    """The .proto is the reference manual: its comments name the limits the server holds to."""
    from pathlib import Path

    folder = Path(__file__).parents[4] / "proto" / "lens_server" / "v1"
    comments = "".join(path.read_text() for path in folder.glob("*.proto"))
    for limit in (
        limits.QUERIES,
        limits.CHARACTERS,
        limits.RESULTS,
        limits.VOCABULARY,
        limits.TEMPLATES,
        limits.LAYERS,
    ):
        assert f"{limit:,}" in comments
    assert f"{limits.IMAGE_BYTES // 2**20} MiB" in comments
    assert f"{limits.REQUEST_BYTES // 2**20} MiB" in comments
    assert f"YAML of at most {limits.YAML_BYTES:,} bytes" in comments
    assert f"of at most {limits.STORED_BYTES // 2**20} MiB" in comments
    assert "{:,} to {:,}. Unset: 400".format(*limits.AUDIT_IMAGES) in comments
