"""A server's progress on a progress of this side: the same stages, opened and closed once."""

from contextlib import contextmanager

import pytest

from lens_client import AuditProgress
from lens_server.cli.retold import Retold


class Heard:
    """A progress that remembers."""

    def __init__(self):
        self.said = []

    @contextmanager
    def stage(self, title, total, done=0):
        self.said.append(f"{title} {done}/{total}")
        yield self
        self.said.append(f"{title} ends")

    def advance(self, steps):
        self.said.append(f"+{steps}")

    def note(self, text):
        self.said.append(text)


def step(stage, done, total):
    return AuditProgress(stage, done, total, "")


@pytest.mark.parametrize("fault", [None, KeyError])
def test_stages_are_opened_and_closed_once(fault):
    heard = Heard()
    events = [
        AuditProgress("", 0, 0, "Waiting."),
        *(step("Looking", done, 64) for done in (0, 32, 64)),
        *(step("Looking", done, 32) for done in (0, 32)),
        step("Measuring", 0, 3),
        AuditProgress("", 0, 0, "Odd."),
        step("Measuring", 2, 3),
    ]
    try:
        with Retold(heard) as retold:
            for each in events:
                retold(each)
            if fault:
                raise fault
    except KeyError:
        pass
    steps = [each for each in heard.said if each != "+0"]
    assert steps == [
        "Waiting.", "Looking 0/64", "+32", "+32", "Looking ends", "Looking 0/32", "+32", "Looking ends",
        "Measuring 0/3", "Odd.", "+2", "Measuring ends",
    ]  # fmt: skip
