"""Answers given before: an index does not change, so an equal request has an equal answer."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from threading import Lock
from typing import TypeVar, cast

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


class AnswerCache:
    """The answers used last, up to a total size. Thread-safe; an error is never kept."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[bytes, tuple[Message, int]] = OrderedDict()
        self._lock = Lock()

    def answer(self, index_digest: str, request: Message, ask: Callable[[], M]) -> M:
        """The kept answer to this request of this index, or what `ask` says."""
        # The digest of a request is its key, so that images asked with are not kept; requests of two kinds may have
        # the same bytes.
        asked = request.DESCRIPTOR.full_name.encode() + b"\0" + request.SerializeToString()
        key = blake2b(asked, key=index_digest.encode()[:64], digest_size=32).digest()
        with self._lock:
            if (kept := self._answers.get(key)) is not None:
                self._answers.move_to_end(key)
                return cast(M, kept[0])
        made = ask()
        self._keep(key, made)
        return made

    def _keep(self, key: bytes, answer: Message) -> None:
        size = answer.ByteSize()
        if size > self._max_bytes // 8:
            return
        with self._lock:
            if key not in self._answers:
                self._bytes += size
                self._answers[key] = answer, size
            while self._bytes > self._max_bytes:
                _, (_, dropped) = self._answers.popitem(last=False)
                self._bytes -= dropped
