"""The judge of exemplars can say no; whole processes are measured with what they start; a missing peer is told."""

import sys

import numpy as np
import pytest

from benchmarks.peers import installed
from benchmarks.peers.cases import CASES as PEER_CASES
from benchmarks.peers.cases import brute_force, draw_pictures, right
from benchmarks.peers.processes import run

ACTIVATIONS = np.array([[5.0], [4.0], [4.0], [3.0], [0.0], [-1.0]])
ORIGINALS = [0, 1, 1, 3, 4, 5]


@pytest.mark.parametrize(
    ("chosen", "k", "expected"),
    [
        ([0, 1, 3], 3, True),
        ([3, 0, 1], 3, True),  # their order is not what is asked
        ([0, 2, 3], 3, True),  # either copy
        ([0, 1, 2], 3, False),  # both copies
        ([0, 1], 3, False),  # one too few
        ([0, 1, 4], 3, False),  # a weaker one
        ([0, 1, -1], 3, False),  # none
        ([0, 1, 9], 3, False),  # beyond the dataset
        ([0, 1, 3], 4, True),  # all that are active
        ([0, 1, 3, 4], 4, True),
        ([0, 1, 3, 5], 4, False),
    ],
)
def test_a_neuron_is_right_with_the_strongest_distinct_samples(chosen, k, expected):
    assert right(ACTIVATIONS, ORIGINALS, [chosen], k).tolist() == [expected]


def test_float32_may_round_and_bfloat16_may_not():
    close = np.array([[1.0], [1.0 - 1e-7], [1.0 - 3e-3], [0.5]])
    assert right(close, [0, 1, 2, 3], [[1]], 1).tolist() == [True]
    assert right(close, [0, 1, 2, 3], [[2]], 1).tolist() == [False]


def test_a_constant_neuron_needs_none():
    assert right(np.ones((3, 1)), [0, 1, 2], [[]], 2).tolist() == [True]
    assert right(np.arange(3.0)[:, None], [0, 1, 2], [[]], 2).tolist() == [False]


def test_the_brute_force_sees_copies_and_counts_in_float64(tmp_path):
    case = next(case for case in PEER_CASES if case.pictures == "twice")
    activations, originals = brute_force(case, draw_pictures(tmp_path, "twice"))
    assert activations.dtype == np.float64 and len(activations) == len(originals) == 80
    assert len(set(originals)) == 40 and all(originals[number] == number - number % 2 for number in range(80))
    assert np.array_equal(activations[::2], activations[1::2])


def test_a_process_costs_what_its_children_cost():
    burn = "import time\nwhile time.process_time() < 0.4: pass"
    alone = run([sys.executable, "-c", "print(1)"], {})
    parent = (
        f"import subprocess, sys, json; subprocess.run([sys.executable, '-c', {burn!r}]); print(json.dumps(dict(a=2)))"
    )
    family = run([sys.executable, "-c", parent], {})
    assert alone.said == {} and family.said == {"a": 2}
    assert family.cpu > alone.cpu + 0.3 and family.wall > 0.3


def test_a_process_that_fails_is_told():
    with pytest.raises(RuntimeError, match="ended with 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"], {})


def test_a_named_folder_without_the_peer_is_told_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv(installed.VARIABLE, str(tmp_path))
    with pytest.raises(SystemExit, match=r"pip install .*requirements\.txt"):
        installed.peer_folder(tmp_path)
    (tmp_path / "semanticlens").mkdir()
    assert installed.peer_folder(tmp_path / "elsewhere") == tmp_path
