"""The answer cache keeps what was used last, within its size."""

import pytest

from lens_server.rpc.cache import AnswerCache
from lens_server.v1.lens_service_pb2 import (
    GetConceptCoverageRequest,
    GetConceptCoverageResponse,
    GetConceptSeriesRequest,
    GetConceptSeriesResponse,
    SearchNeuronsRequest,
    SearchNeuronsResponse,
)
from lens_server.v1.query_pb2 import Query, SearchAnswer


class Asked:
    """Counts how often it is asked."""

    def __init__(self, size: int = 100) -> None:
        self.count = 0
        self.size = size

    def __call__(self) -> SearchNeuronsResponse:
        """An answer of about `size` bytes."""
        self.count += 1
        return SearchNeuronsResponse(answers=[SearchAnswer(query="x" * self.size)])


def request(text: str) -> SearchNeuronsRequest:
    """A search for one text."""
    return SearchNeuronsRequest(queries=[Query(text=text)])


def test_the_least_used_goes_first() -> None:
    """Ten answers of 100 bytes do not fit 1,000; the one just used stays."""
    cache, asked = AnswerCache(1000), Asked()
    for at in range(9):
        cache.answer("d", request(str(at)), asked)
        cache.answer("d", request("0"), asked)
    assert asked.count == 9
    for at in range(9, 14):
        cache.answer("d", request(str(at)), asked)
        cache.answer("d", request("0"), asked)
    assert asked.count == 14
    cache.answer("d", request("1"), asked)
    assert asked.count == 15


def test_another_index_is_another_question() -> None:
    """The digest is part of the key."""
    cache, asked = AnswerCache(1000), Asked()
    cache.answer("d1", request("x"), asked)
    cache.answer("d2", request("x"), asked)
    assert asked.count == 2


def test_an_answer_too_large_is_not_kept() -> None:
    """One answer may not push out all others."""
    cache, asked = AnswerCache(1000), Asked(size=500)
    cache.answer("d", request("x"), asked)
    cache.answer("d", request("x"), asked)
    assert asked.count == 2


def test_an_error_is_not_kept() -> None:
    """The next equal request is asked again."""
    cache = AnswerCache(1000)

    def fail() -> SearchNeuronsResponse:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.answer("d", request("x"), fail)
    assert cache.answer("d", request("x"), Asked()).answers


def test_requests_of_two_kinds_with_the_same_bytes_are_two() -> None:
    """Coverage and series ask with the same field numbers; one's answer is none of the other's."""
    cache = AnswerCache(1000)
    coverage = GetConceptCoverageRequest(index="a", other_indexes=["b"])
    series = GetConceptSeriesRequest(index="a", later_indexes=["b"])
    assert coverage.SerializeToString() == series.SerializeToString()
    assert isinstance(cache.answer("d", coverage, GetConceptCoverageResponse), GetConceptCoverageResponse)
    assert isinstance(cache.answer("d", series, GetConceptSeriesResponse), GetConceptSeriesResponse)
