"""What one audit shows by itself: the same answer twice, and nothing found where there is nothing."""

from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.fleet.asking import whole_rulebook
from benchmarks.fleet.auditing import Asked, index_of
from benchmarks.fleet.judging import asked_of
from benchmarks.fleet.recipes import BESIDE_VALID, Fleet
from benchmarks.fleet.subject import offer
from indexer.subjects.lesion_nets import CLASS_NAMES
from indexer.subjects.lesion_nets.network import SIZE, preprocess
from lens_server.audit.check import run_audit
from lens_server.audit.renderers.audit_json import to_json
from lens_server.lens import Lens
from lens_server.report import Report

NEURONS = 96


def repeats(fleet: Fleet, folder: Path, images: int) -> bool:
    """Whether two audits of a net, each opening the index anew, give the same audit.json but for the times."""
    offer(fleet, folder)
    member = fleet.members[-1]
    index = index_of(asked_of(fleet, member, BESIDE_VALID, folder, images), folder)
    first, second = (to_json(_timeless(run_audit(Lens.open(index), whole_rulebook()))) for _ in range(2))
    return first == second


def flagged_at_random(folder: Path, images: int) -> tuple[int, int]:
    """Neurons flagged for the concepts of the rulebook, and how many were asked, when exemplars are drawn at random."""
    asked = Asked("python:benchmarks.fleet.checks:at_random", Path(__file__), f"{images},seed={RANDOM_SEED}")
    report = run_audit(Lens.open(index_of(asked, folder)), whole_rulebook())
    seen = [each for each in report.concepts if each.assessable]
    return sum(each.flagged for each in seen), NEURONS * len(seen)


RANDOM_SEED = 29_000
"""World of the pictures that the random subject is shown."""


class AtRandom(torch.nn.Module):
    """Activations that depend on a picture's last bits and on nothing to be seen."""

    def __init__(self) -> None:
        super().__init__()
        drawn = torch.Generator().manual_seed(0)
        self.block4 = _Scrambled(torch.randn(3 * SIZE * SIZE, NEURONS, generator=drawn, dtype=torch.float64))
        self.head = torch.nn.Linear(NEURONS, 2)
        torch.nn.init.normal_(self.head.weight, generator=drawn)
        torch.nn.init.zeros_(self.head.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits [n, 2]."""
        logits: torch.Tensor = self.head(self.block4(images) - 0.5)
        return logits


class _Scrambled(torch.nn.Module):
    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", weights)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        mixed = images.flatten(1).double() @ self.get_buffer("weights")
        scrambled: torch.Tensor = ((1e4 * mixed).sin() / 2 + 0.5).float()
        return scrambled


def at_random() -> tuple[torch.nn.Module, object, tuple[str, ...]]:
    """The random subject, for `python:benchmarks.fleet.checks:at_random`."""
    return AtRandom().eval(), preprocess, CLASS_NAMES


def _timeless(report: Report) -> Report:
    return replace(report, provenance=replace(report.provenance, started="", finished=""))
