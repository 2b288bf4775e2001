"""Make a whole fleet, some nets at a time."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.fleet.pictures import pool
from benchmarks.fleet.recipes import COMMITTED, Fleet, Member
from benchmarks.fleet.subject import offer
from benchmarks.fleet.truth import VALID, Truth, pairs, truth_of
from indexer.datasets.lesions import ARTEFACTS

DEFAULT_WORK = Path(tempfile.gettempdir()) / "lens-fleet"
"""Where fleets lie unless another folder is named."""


def make(fleet: Fleet, folder: Path, processes: int = 2) -> Iterator[tuple[Member, Truth]]:
    """Train what is not trained, measure what is not measured; members in their order."""
    offer(fleet, folder)
    if fleet.name != COMMITTED:
        pool(fleet, folder)
    for name in (*ARTEFACTS, *VALID):
        pairs(fleet, name, folder)
    if processes == 1:
        yield from ((member, truth_of(fleet, member, folder)) for member in fleet.members)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as workers:
        waiting = [workers.submit(truth_of, fleet, member, folder) for member in fleet.members]
        yield from zip(fleet.members, (each.result() for each in waiting), strict=True)
