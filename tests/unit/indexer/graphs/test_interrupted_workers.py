"""Ctrl-C reaches every process of a terminal: the workers leave it to the one that started them."""

import signal
import subprocess
import sys
import threading

import pytest

from indexer.graphs.workers import uninterrupted

ASKED = [sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"]


def _ignores():
    return subprocess.run(ASKED, capture_output=True, text=True, check=True).stdout.strip() == "True"


@pytest.fixture
def heeding():
    """The tests themselves may have been started so that Ctrl-C does not reach them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_what_is_started_within_ignores_it_from_its_first_moment(heeding):
    with uninterrupted():
        assert _ignores()
    assert signal.getsignal(signal.SIGINT) is heeding and not _ignores()


def test_in_another_thread_it_leaves_signals_alone():
    faults = []

    def start():
        try:
            with uninterrupted():
                pass
        except ValueError as fault:
            faults.append(fault)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert not faults
