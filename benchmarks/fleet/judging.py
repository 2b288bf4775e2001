"""Audit every net of a fleet on every probe set, some at a time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.fleet.auditing import Answered, Asked, audited
from benchmarks.fleet.making import make
from benchmarks.fleet.metrics import Claim
from benchmarks.fleet.recipes import PROBES, Fleet, Member
from benchmarks.fleet.subject import named, offer
from benchmarks.fleet.training import weights_of
from benchmarks.fleet.truth import Truth
from indexer.datasets.lesions import ARTEFACTS

IMAGES = 2000
"""Of a probe set: two photographs each of a thousand lesions."""


@dataclass(frozen=True)
class Judged:
    """A net, what is true of it, and what the audit said of it on each probe set."""

    member: Member
    truth: Truth
    answers: dict[str, Answered]

    def claims(self, probe: str) -> list[Claim]:
        """One for each artefact."""
        member, answer = self.member, self.answers[probe]
        return [
            Claim(
                member.name,
                member.kind,
                artefact,
                artefact in member.planted,
                self.truth.flips[artefact],
                {score: values[artefact] for score, values in answer.scores.items()},
            )
            for artefact in ARTEFACTS
        ]


def judge(fleet: Fleet, folder: Path, images: int = IMAGES, processes: int = 2) -> Iterator[Judged]:
    """Make what is not made, then index and audit; members in their order."""
    made = list(make(fleet, folder, processes))
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=offer, initargs=(fleet, folder)
    ) as workers:
        waiting = {
            (member.name, probe): workers.submit(
                audited, asked_of(fleet, member, probe, folder, images), truth.neurons, folder
            )
            for member, truth in made
            for probe in PROBES
        }
        for member, truth in made:
            yield Judged(member, truth, {probe: waiting[member.name, probe].result() for probe in PROBES})


def asked_of(fleet: Fleet, member: Member, probe: str, folder: Path, images: int) -> Asked:
    """What the audit of a member takes."""
    return Asked(named(fleet, member), weights_of(fleet, member, folder), member.probe(probe, images))


def each_claim(judged: Iterable[Judged], probe: str, wanted: Callable[[Claim], bool] = lambda _: True) -> list[Claim]:
    """Every claim about every net that is wanted."""
    return [claim for each in judged for claim in each.claims(probe) if wanted(claim)]
