import pytest

from indexer.errors import OutOfMemory
from indexer.memory import Fitting, out_of_memory


def cramped(room, seen):
    def call(piece):
        if piece.stop - piece.start > room:
            raise RuntimeError("HIP out of memory. Tried to allocate 20 MiB\nmore words")
        seen.append((piece.start, piece.stop))
        return piece.stop - piece.start

    return call


@pytest.mark.parametrize("room", range(1, 12))
@pytest.mark.parametrize("count", [1, 2, 7, 10])
def test_every_item_is_given_once_in_order(room, count):
    told, seen = [], []
    made = list(Fitting("subject", told.append).run(count, cramped(room, seen)))
    assert [place for piece, _ in made for place in range(piece.start, piece.stop)] == list(range(count))
    assert all(size <= room for _, size in made)
    assert len(told) == len({text for text in told}), "once for each halving"


def test_the_halved_size_stays():
    told, seen = [], []
    fitting = Fitting("subject", told.append)
    for _ in range(3):
        list(fitting.run(8, cramped(4, seen)))
    assert told == ["The subject ran out of memory on 8 samples at once; going on with 4."]
    assert seen == [(0, 4), (4, 8)] * 3


def test_not_even_one():
    with pytest.raises(OutOfMemory, match=r"a single sample: HIP out of memory\. Tried to allocate 20 MiB\n"):
        list(Fitting("subject", lambda _text: None).run(4, cramped(0, [])))


def test_other_faults_are_not_its():
    def call(_piece):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        list(Fitting("subject", lambda _text: None).run(4, call))


@pytest.mark.parametrize(
    ("fault", "short"),
    [
        (MemoryError(), True),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"), True),
        (RuntimeError("expected scalar type Half"), False),
        (ValueError("memory"), False),
    ],
    ids=str,
)
def test_what_says_that_memory_is_short(fault, short):
    assert out_of_memory(fault) is short


def test_a_real_allocation_that_fails():
    import torch

    with pytest.raises(RuntimeError) as fault:
        torch.empty(1 << 50)
    assert out_of_memory(fault.value)
