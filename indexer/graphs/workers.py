"""Blocks of neurons made by several processes, each with one thread and a subject of its own."""

import signal
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from indexer.errors import LensError, OutOfMemory, SubjectFault
from indexer.graphs.asking import asked_of
from indexer.graphs.blocks import Block, Tables, tables_of
from indexer.graphs.making import GraphMaker
from indexer.graphs.settings import GraphSettings
from indexer.graphs.substitutes import MaskedSubstitutes, Substitutes
from indexer.index.reader import Index
from indexer.index.texts import Texts
from indexer.subjects.opening import open_text_subject
from indexer.subjects.text_subject import TextSubject

_BATCH_BYTES, _FEWEST_TOKENS = 32 << 20, 128
"""Of a layer's activations in one batch."""


@dataclass(frozen=True)
class Task:
    """What every worker begins with."""

    folder: Path
    settings: GraphSettings
    device: str = "cpu"
    trust_pickle: bool = False


class Maker:
    """Makes the graphs of blocks of an index."""

    def __init__(self, task: Task, subject: TextSubject | None = None) -> None:
        self._task, self._texts = task, Texts(Index.open(task.folder))
        origin = self._texts.index.manifest.subject
        self._subject = subject or open_text_subject(origin.name, origin.saes, trust_pickle=task.trust_pickle)
        self._makers: dict[str, GraphMaker] = {}

    def make(self, block: Block) -> Tables:
        """Raises SubjectFault."""
        task = self._task
        if block.layer not in self._makers:
            settings = replace(task.settings, batch_tokens=self._batch_tokens(block.layer))
            self._makers = {
                block.layer: GraphMaker(self._subject, block.layer, settings, task.device, self._proposed())
            }
        asked = asked_of(self._texts, range(block.first, block.stop), self._subject.room)
        return tables_of(self._makers[block.layer].make(list(asked)))

    def _proposed(self) -> Substitutes | None:
        """Substitutes from the masked language model that is asked for."""
        task, name = self._task, self._task.settings.masked_model
        if not name:
            return None
        model = open_text_subject(name, trust_pickle=task.trust_pickle)
        return MaskedSubstitutes(self._subject, model, task.device)

    def _batch_tokens(self, layer: str) -> int:
        width = next(each.units for each in self._texts.index.manifest.layers if each.name == layer)
        return max(_FEWEST_TOKENS, min(self._task.settings.batch_tokens, _BATCH_BYTES // (4 * width)))


def made(task: Task, subject: TextSubject, blocks: Sequence[Block], workers: int) -> Iterator[tuple[Block, Tables]]:
    """Blocks as they are finished, in whatever order.

    Every process runs torch with one thread, this one too while it works: the same block gives the same bytes,
    whoever makes it. Raises what a worker raised; OutOfMemory where one was killed.
    """
    if workers > 1 and len(blocks) > 1:
        yield from _made_beside(task, blocks, min(workers, len(blocks)))
        return
    with one_thread():
        maker = Maker(task, subject)
        for block in blocks:
            yield block, maker.make(block)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch with one thread; afterwards as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _made_beside(task: Task, blocks: Sequence[Block], workers: int) -> Iterator[tuple[Block, Tables]]:
    processes, left = get_context("spawn"), deque(blocks)
    started: dict[Connection, BaseProcess] = {}
    try:
        for _ in range(workers):
            here, there = processes.Pipe()
            process = processes.Process(target=_work, args=(there, task), daemon=True)
            with uninterrupted():
                process.start()
            there.close()
            here.send(left.popleft())
            started[here] = process
        while started:
            ready = wait(list(started))
            for here in [each for each in started if each in ready]:
                yield _received(here)
                if left:
                    here.send(left.popleft())
                else:
                    here.close()
                    started.pop(here).join()
    finally:
        for each in started.values():
            each.terminate()
            each.join()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Processes started here ignore Ctrl-C from their first moment on: who started them ends them."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # signals are the main thread's
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _received(here: Connection) -> tuple[Block, Tables]:
    try:
        answer = here.recv()
    except (EOFError, OSError) as gone:
        raise OutOfMemory(
            "A process that made graphs has ended before its work was done.",
            hint="Often memory ran out: repeat the command with fewer --workers; it goes on where it was.",
        ) from gone
    if isinstance(answer, LensError):
        raise answer
    block, tables = answer
    return block, tables


def _work(there: Connection, task: Task) -> None:
    """A worker: it answers every block with its tables, and ends with the process that asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where its starter could not see to it
    try:
        with one_thread():
            maker = Maker(task)
            while True:
                block = there.recv()
                there.send((block, maker.make(block)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except LensError as fault:
        # Of its own class, only what pickles alike everywhere: message and cure.
        there.send(SubjectFault(fault.message, hint=fault.hint))
    except Exception as fault:  # a model may raise anything
        there.send(SubjectFault(f"Making graphs failed: {type(fault).__name__}: {fault}"))
