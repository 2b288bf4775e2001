"""Samples on their way to a model: order, bounds in number and in bytes, images beside inputs."""

import io
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.datasets import batches
from indexer.datasets.batches import Reading, chosen_batches, content_of, distinct_batches, reading_threads
from indexer.datasets.images import announcing, ask_for, read_image
from indexer.datasets.reading_ahead import Ahead, ByteBudget, bytes_of, read_ahead
from indexer.errors import DatasetFault


class Pictures:
    """Images of given widths, of one row each; notes what is being decoded, or decoded and not yet taken."""

    def __init__(self, widths: list[int], slow: float = 0.0) -> None:
        self.keys = [f"{number:04d}" for number in range(len(widths))]
        self.metadata = pd.DataFrame(index=range(len(widths)))
        self.widths, self.slow = widths, slow
        self.held, self.peak, self.started = 0, 0, 0
        self.lock = threading.Lock()

    def load(self, number: int) -> Image.Image:
        self.started += 1
        if self.widths[number] == 0:
            raise DatasetFault(f"Sample {number} is gone.")
        ask_for(8 * self.widths[number])
        with self.lock:
            self.held += 8 * self.widths[number]
            self.peak = max(self.peak, self.held)
        time.sleep(self.slow * (number % 3))
        image = Image.new("RGB", (self.widths[number], 1), (number % 256, number // 256, 0))
        with self.lock:
            self.held -= 4 * self.widths[number]
        return image

    def describe(self) -> dict[str, object]:
        return {}


def _as_is(image: Image.Image) -> Image.Image:
    return image


@pytest.mark.parametrize("threads", [1, 3])
def test_order_duplicates_and_faults(threads: int) -> None:
    dataset = Pictures([5, 0, 6, 7, 8, 9, 10], slow=0.002)
    dataset.load, real = (lambda number: real(2 if number == 4 else number)), dataset.load  # 4 looks like 2
    reading = Reading()
    found = list(distinct_batches(dataset, lambda image: image.width, reading, size=2, threads=threads))
    assert [(batch.numbers, batch.items) for batch in found] == [([0, 2], [5, 6]), ([3, 5], [7, 9]), ([6], [10])]
    assert reading.originals == [0, -1, 2, 3, 2, 5, 6]
    assert reading.faults == {1: "Sample 1 is gone."}
    assert all(batch.images == () for batch in found)


def test_chosen_samples_come_in_the_order_given() -> None:
    dataset = Pictures([5, 6, 0, 8])
    found = list(chosen_batches(dataset, _as_is, [3, 0, 3], size=2, threads=2))
    assert [batch.numbers for batch in found] == [[3, 0], [3]]
    assert [image.width for batch in found for image in batch.items] == [8, 5, 8]
    with pytest.raises(DatasetFault, match="0002 could be read before, but not now: Sample 2 is gone"):
        list(chosen_batches(dataset, _as_is, [0, 2], size=1, threads=2))


def test_images_beside_the_inputs_as_far_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Pictures([10, 20, 30, 10, 25])
    monkeypatch.setattr(batches, "PICTURES_LIMIT", 4 * 41)
    found = list(distinct_batches(dataset, np.asarray, Reading(), size=4, threads=2, images=True))
    widths = [[image and image.width for image in batch.images] for batch in found]
    assert widths == [[10, 20, None, 10], [25]]
    assert [len(batch.items) for batch in found] == [4, 1]
    assert found[0].images[1].tobytes() == dataset.load(1).tobytes()


def test_a_batch_made_of_images_ends_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PICTURES_LIMIT", 4 * 40)
    found = list(chosen_batches(Pictures([10, 20, 30, 10, 25]), _as_is, range(5), size=3, threads=2))
    assert [batch.numbers for batch in found] == [[0, 1, 2], [3, 4]]
    found = list(chosen_batches(Pictures([10, 60, 30, 10, 25]), _as_is, range(5), size=3, threads=2))
    assert [batch.numbers for batch in found] == [[0, 1], [2, 3], [4]]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=40), st.integers(1, 6), st.integers(0, 30), st.integers(1, 400)
)
def test_bytes_read_ahead_are_bounded_and_nothing_waits_forever(
    widths: list[int], threads: int, samples: int, limit: int
) -> None:
    dataset = Pictures(widths)
    for number, read in enumerate(
        read_ahead(dataset, _as_is, range(len(widths)), Ahead(threads, samples, limit=limit))
    ):
        assert (read.item.width if read.item else 0) == widths[number]
        with dataset.lock:
            dataset.held -= 4 * widths[number]
    assert dataset.peak <= limit + 8 * max(widths)


def test_reading_goes_on_while_a_batch_is_looked_at_but_not_without_end() -> None:
    dataset = Pictures([4] * 500)
    found = distinct_batches(dataset, np.asarray, Reading(), size=50, threads=1)
    next(found)
    waited = time.monotonic()
    while dataset.started < 150 and time.monotonic() - waited < 5:
        time.sleep(0.01)
    time.sleep(0.05)
    assert 150 <= dataset.started <= 152


def test_stopping_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    found = read_ahead(Pictures([50] * 40), _as_is, range(40), Ahead(4, 20, limit=600))
    next(found)
    found.close()
    assert threading.active_count() == before


def test_a_fault_of_the_preprocessing_is_not_swallowed() -> None:
    def refuse(image: Image.Image) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(distinct_batches(Pictures([5] * 9), refuse, Reading(), size=2, threads=2))


def test_a_budget_lets_the_next_turn_through_and_others_wait() -> None:
    budget = ByteBudget(100)
    budget.hold(0, 500)
    waiting = threading.Thread(target=budget.hold, args=(1, 60))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    budget.hold(0, 40)
    waiting.join(5)
    assert not waiting.is_alive()
    budget.take(0)
    budget.hold(2, 40)
    budget.close()
    with pytest.raises(CancelledError):
        budget.hold(3, 1)


def test_what_an_image_needs_is_told_before_it_is_decoded(tmp_path: Path) -> None:
    asked: list[int] = []
    for mode in ("RGB", "L", "RGBA", "I;16"):
        Image.new(mode, (20, 10)).save(tmp_path / "x.png")
        with announcing(asked.append):
            read_image(tmp_path / "x.png", "x")
    assert asked == [1600, 1600, 3200, 6400]

    def refuse(size: int) -> None:
        raise MemoryError

    content = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(content, "jpeg")
    with announcing(refuse), pytest.raises(DatasetFault, match="MemoryError"):
        read_image(content.getvalue()[:700], "x")  # cut off: decoding it would say so


def test_bytes_of_what_a_preprocessing_gives() -> None:
    import torch

    image = Image.new("RGB", (5, 2))
    assert bytes_of(image) == 40
    assert bytes_of([np.zeros(3), {"x": torch.zeros(2, 2)}, image]) == 24 + 16 + 40
    assert bytes_of("text") == bytes_of(None) == 0


@pytest.mark.parametrize("size", [(3, 5), (1, 3_000_000), (1500, 1400), (2_000_000, 2)])
def test_the_digest_is_that_of_all_pixels_at_once(size: tuple[int, int]) -> None:
    import hashlib

    image = Image.linear_gradient("L").resize(size).convert("RGB")
    whole = hashlib.blake2b(f"{image.mode}{image.size}".encode() + image.tobytes(), digest_size=16).hexdigest()
    assert content_of(image) == whole


def test_threads_where_nobody_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    assert reading_threads(3) == 3
    for cores, threads in ((1, 1), (4, 4), (64, 8)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _process, cores=cores: set(range(cores)))
        assert reading_threads() == threads
