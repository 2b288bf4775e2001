"""Ctrl-C reaches every process of a terminal: the workers leave it to the one that started them."""

import signal
import subprocess
import sys
import threading

from indexer.graphs.workers import uninterrupted

ASKED = [sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"]


def _ignores():
    return subprocess.run(ASKED, capture_output=True, text=True, check=True).stdout.strip() == "True"


def test_what_is_started_within_ignores_it_from_its_first_moment():
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted():
        assert _ignores()
    assert signal.getsignal(signal.SIGINT) is before and not _ignores()


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
