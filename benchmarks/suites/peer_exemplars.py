"""Exemplars and probes of Lens and of semanticlens 0.2.1 against a brute force in float64, trap by trap."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.cases import (
    CASES,
    OVERFLOW,
    REAL,
    Case,
    Chosen,
    brute_force,
    chosen_by_lens,
    draw_pictures,
    importable,
    right,
)
from benchmarks.peers.inputs import photographs
from benchmarks.peers.installed import environment, peer_folder
from benchmarks.peers.probing import QUESTIONS, Question, alignments_by_lens, asked_of_peer, truth
from benchmarks.peers.processes import run
from benchmarks.real_data import real_data
from benchmarks.reporting import Report
from indexer.errors import SubjectFault

CLOSE = 1e-4
PHOTOGRAPHS = 500


def measure(report: Report) -> None:
    """Lens is to be right for every neuron and every probe; the peer's share stands beside."""
    work = report.work or Path(tempfile.gettempdir()) / "lens-benchmarks" / "peer"
    data = None if report.quick else real_data()
    importable(data)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for case in (*CASES, OVERFLOW):
            draw_pictures(folder / "pictures", case.pictures)
        real = photographs(data, work, PHOTOGRAPHS) if data else None
        command = [sys.executable, "-m", "benchmarks.peers.choosing", "--pictures", str(folder / "pictures")]
        command += ["--photographs", str(real), "--data", str(data)] if real else []
        shell = environment(peer_folder(work))
        theirs = run(command, shell).said
        for case in CASES:
            _row(report, case, folder / "pictures" / case.pictures, folder, theirs[case.name])
        _refused(report, folder, theirs[OVERFLOW.name])
        for case in REAL if real else ():
            _row(report, case, real, folder, theirs[case.name])
        for question in QUESTIONS:
            _probes(report, question, folder, shell)
    _notes(report)


def _row(report: Report, case: Case, pictures: Path, folder: Path, theirs: Chosen) -> None:
    activations, originals = brute_force(case, pictures)
    found = chosen_by_lens(case, pictures, folder)
    ours = np.concatenate([right(end * activations, originals, found[end], case.exemplars) for end in sorted(found)])
    peer = right(activations, originals, theirs, case.exemplars)
    report.row(
        f"exemplars: {case.says}",
        f"Lens {_share(ours)}, peer {_share(peer)}",
        "Lens 100 %",
        bool(ours.all()),
        lens=float(ours.mean()),
        peer=float(peer.mean()),
    )


def _refused(report: Report, folder: Path, theirs: Chosen) -> None:
    try:
        chosen_by_lens(OVERFLOW, folder / "pictures" / OVERFLOW.pictures, folder)
        told = ""
    except SubjectFault as fault:
        told = fault.message
    report.row(
        f"exemplars: {OVERFLOW.says}",
        f"Lens refuses: {told!r}; peer: exemplars of {len(theirs)} neurons, no word of it",
        "refused",
        "not finite" in told,
    )


def _probes(report: Report, question: Question, folder: Path, shell: dict[str, str]) -> None:
    index, vectors = question.built(folder)
    expected = truth(question, vectors)
    ours = np.abs(alignments_by_lens(question, index) - expected) < CLOSE
    said = run(asked_of_peer(question, vectors, folder), shell).said["alignments"][0]
    given = np.array(said)
    theirs = np.abs(given - expected) < CLOSE if given.shape == expected.shape else np.zeros(expected.shape, dtype=bool)
    report.row(
        f"alignments: {question.says}",
        f"Lens {_share(ours)}, peer {_share(theirs)}"
        + ("" if given.shape == expected.shape else f" (of shape {given.shape} instead of {expected.shape})"),
        "Lens 100 %",
        bool(ours.all()),
        lens=float(ours.mean()),
        peer=float(theirs.mean()),
    )


def _share(right_ones: NDArray[np.bool_]) -> str:
    share = 100 * right_ones.mean()
    text = f"{share:.1f}" if 0 < share < 100 else f"{share:.0f}"
    return f"**{text} %** of {right_ones.size:,}"


def _notes(report: Report) -> None:
    report.note(
        "The brute force runs each subject in float64, in eval mode, an image at a time, and ranks every distinct "
        "image. A neuron counts as right when its exemplars are distinct images of the dataset whose activations are "
        "the k highest, up to 1e-5 of its greatest activation (float32's rounding); where fewer than k samples are "
        "active, these alone are right too. Of Lens both ends of signed layers are judged, of the peer its only one."
    )
    report.note(
        "The peer is called as its documentation shows, with its defaults; models have no names and pictures have "
        "equal ones where the case is about its cache (without a name it warns that its cache is unreliable). An "
        f"alignment counts as right within {CLOSE:g} of the formula in float64; both get the same vectors and words."
    )
