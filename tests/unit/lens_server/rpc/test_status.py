"""Every error class arrives with its code, its hint and its details, and nothing that was not meant for the caller."""

import json
import logging

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from indexer import errors
from lens_server.audit.reading import Fault, RulebookFault
from lens_server.rpc.status import CODES
from lens_server.v1 import lens_service_pb2 as service
from lens_server.v1.lens_service_pb2_grpc import LensServiceStub
from tests.unit.lens_server.rpc.fake_lens import FakeLens

CASES = {
    errors.InvalidInput("bad", hint="cure"): ("INVALID_ARGUMENT", "INVALID_INPUT"),
    errors.UnknownName("layer", "convv", ["conv", "head"]): ("INVALID_ARGUMENT", "UNKNOWN_NAME"),
    errors.NotFound("gone", hint="cure"): ("NOT_FOUND", "NOT_FOUND"),
    errors.MissingExtra("needs torch", hint="cure"): ("FAILED_PRECONDITION", "MISSING_EXTRA"),
    errors.SubjectFault("no", hint="cure"): ("FAILED_PRECONDITION", "SUBJECT_FAULT"),
    errors.DatasetFault("no", hint="cure"): ("FAILED_PRECONDITION", "DATASET_FAULT"),
    errors.IndexUnusable("torn", hint="cure"): ("FAILED_PRECONDITION", "INDEX_UNUSABLE"),
    errors.Untrustworthy("foreign", hint="cure"): ("FAILED_PRECONDITION", "UNTRUSTWORTHY"),
    errors.SampleLost("gone", hint="cure"): ("FAILED_PRECONDITION", "SAMPLE_LOST"),
    errors.OutOfMemory("large", hint="cure"): ("RESOURCE_EXHAUSTED", "OUT_OF_MEMORY"),
    errors.DiskFull("full", hint="cure"): ("RESOURCE_EXHAUSTED", "DISK_FULL"),
    errors.Unavailable("later", hint="cure"): ("UNAVAILABLE", "UNAVAILABLE"),
    errors.Interrupted("stopped", hint="cure"): ("ABORTED", "INTERRUPTED"),
    errors.LensError("odd", hint="cure"): ("UNKNOWN", "LENS_ERROR"),
}


def told(failure: grpc.RpcError) -> tuple[Status, ErrorInfo, BadRequest | None]:
    """What a failed call says: status, ErrorInfo, BadRequest where there is one."""
    status = rpc_status.from_call(failure)
    info, bad = ErrorInfo(), BadRequest()
    assert status.details[0].Unpack(info)
    return status, info, bad if len(status.details) > 1 and status.details[1].Unpack(bad) else None


@pytest.mark.parametrize("error", CASES, ids=lambda error: type(error).__name__)
def test_error_class_to_code(stub: LensServiceStub, lens: FakeLens, error: errors.LensError) -> None:
    """The message is the status's, the hint is in ErrorInfo, unary and streamed alike."""
    lens.error = error
    code, reason = CASES[error]
    with pytest.raises(grpc.RpcError) as unary:
        stub.CompareNeurons(service.CompareNeuronsRequest(a="conv/1", b="conv/2"))
    with pytest.raises(grpc.RpcError) as streamed:
        list(stub.LabelNeurons(service.LabelNeuronsRequest()))
    for failure in (unary.value, streamed.value):
        assert failure.code().name == code
        status, info, _ = told(failure)
        assert status.message == error.message
        assert (info.reason, info.domain, info.metadata["hint"]) == (reason, "lens", error.hint)


def test_the_table_names_every_error() -> None:
    """A class added to the tree gets a row here, or its parent's on purpose."""
    tree = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.LensError)}
    assert tree - set(CODES) == {errors.UnknownName}
    assert tree == {type(each) for each in CASES}


def test_an_unmeant_error_leaks_nothing(
    stub: LensServiceStub, lens: FakeLens, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets a request id, the log gets the traceback."""
    lens.error = RuntimeError("secret of the house")
    with pytest.raises(grpc.RpcError) as failed:
        stub.CompareNeurons(service.CompareNeuronsRequest(a="a", b="b"), metadata=[("x-request-id", "id-7")])
    status, info, _ = told(failed.value)
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(status)
    assert "id-7" in status.message
    assert info.reason == "INTERNAL"
    assert "secret of the house" in caplog.text


def test_an_answer_that_cannot_be_sent_is_our_fault(stub: LensServiceStub, lens: FakeLens) -> None:
    """Not the caller's: INTERNAL."""
    lens.compare = lambda a, b: "no comparison"  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(grpc.RpcError) as failed:
        stub.CompareNeurons(service.CompareNeuronsRequest(a="a", b="b"))
    assert failed.value.code() is grpc.StatusCode.INTERNAL


def test_long_words_still_fit_a_status(stub: LensServiceStub) -> None:
    """Statuses travel in headers of 8 KiB: a long name is clipped, the error still arrives."""
    with pytest.raises(grpc.RpcError) as failed:
        stub.CompareNeurons(service.CompareNeuronsRequest(a="語" * 2000, b="conv/1"))
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    assert told(failed.value)[0].message.endswith("…")


def test_many_violations_still_fit_a_status(stub: LensServiceStub) -> None:
    """The first few are told."""
    queries = [service.SearchNeuronsRequest().queries.add() for _ in range(64)]
    with pytest.raises(grpc.RpcError) as failed:
        stub.SearchNeurons(service.SearchNeuronsRequest(index="語" * 2001, queries=queries))
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert 8 <= len(told(failed.value)[2].field_violations) < 65


def test_every_fault_of_a_rulebook_is_a_violation(stub: LensServiceStub, lens: FakeLens) -> None:
    """The lines of the message, as many as fit; each fault by its line."""
    faults = tuple(Fault(line, f"Unknown key 'key-{line}'.", "Known: id, type, severity.") for line in range(1, 15))
    lens.error = RulebookFault("own.yaml", faults)
    with pytest.raises(grpc.RpcError) as failed:
        stub.CompareNeurons(service.CompareNeuronsRequest(a="a", b="b"))
    status, info, bad = told(failed.value)
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert info.reason == "RULEBOOK_FAULT"
    assert status.message.splitlines()[0] == "own.yaml has 14 faults:"
    assert status.message in lens.error.message
    assert [each.field for each in bad.field_violations] == [f"own.yaml:{line}" for line in range(1, 15)]
    assert bad.field_violations[2].description == "Unknown key 'key-3'. Known: id, type, severity."


def test_a_rulebook_of_many_faults_still_fits_a_status(stub: LensServiceStub, lens: FakeLens) -> None:
    """Whatever it is called and says."""
    lens.error = RulebookFault("語" * 700, tuple(Fault(line, "語" * 300, "語" * 300) for line in range(200)))
    with pytest.raises(grpc.RpcError) as failed:
        stub.CompareNeurons(service.CompareNeuronsRequest(a="a", b="b"))
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert told(failed.value)[2].field_violations


def test_request_id_is_echoed_or_made(stub: LensServiceStub, lens: FakeLens) -> None:
    """In the trailing metadata, of errors too; one that is no id is replaced."""

    def id_of(sent: str | None) -> str:
        metadata = [] if sent is None else [("x-request-id", sent)]
        _, call = stub.ListIndexes.with_call(service.ListIndexesRequest(), metadata=metadata)
        return dict(call.trailing_metadata())["x-request-id"]

    assert id_of("mine-1") == "mine-1"
    assert len(id_of(None)) == 32
    assert len(id_of('"}forged {"')) == 32
    lens.error = errors.NotFound("gone")
    with pytest.raises(grpc.RpcError) as failed:
        stub.ListNeurons(service.ListNeuronsRequest(), metadata=[("x-request-id", "mine-2")])
    assert dict(failed.value.trailing_metadata())["x-request-id"] == "mine-2"


def test_one_line_per_call(stub: LensServiceStub, caplog: pytest.LogCaptureFixture) -> None:
    """JSON, at INFO, with code and time."""
    with caplog.at_level(logging.INFO, "lens_server.rpc"):
        stub.GetIndex(service.GetIndexRequest(index="fake"), metadata=[("x-request-id", "id-1")])
        with pytest.raises(grpc.RpcError):
            stub.GetIndex(service.GetIndexRequest(index="nowhere"))
        list(stub.LabelNeurons(service.LabelNeuronsRequest()))
    lines = [json.loads(each.message) for each in caplog.records]
    assert [each["code"] for each in lines] == ["OK", "NOT_FOUND", "OK"]
    assert lines[0]["method"] == "lens_server.v1.LensService/GetIndex"
    assert (lines[0]["index"], lines[0]["request_id"]) == ("fake", "id-1")
    assert lines[0]["ms"] >= 0
