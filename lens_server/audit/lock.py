"""The lock: what the foundation model contributed, stored, so that tiers 1 and 2 need no foundation model and no torch.

It does not depend on the subject: the same lock serves every model that is indexed on the same probe set.
"""

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput, Untrustworthy
from indexer.index.manifest import Manifest, digest_of
from lens_server.audit.rulebook import Rulebook
from lens_server.audit.sight import Competence, Planted, Sight

FORMAT = "audit-lock/v1"
_CURE = "Write it anew: lens audit INDEX RULEBOOK --lock."


@dataclass(frozen=True)
class Lock:
    """A stored sight and what it was made for."""

    asked: str
    """Digest of all in the rulebook that the foundation model is asked."""
    space: str
    probe_set: str
    sight: Sight
    digest: str
    """sha256 of the file."""


def asked_of(rulebook: Rulebook) -> str:
    """Digest of the parts of a rulebook that a sight depends on; limits and severities may change under a lock."""
    said = rulebook.model_dump(mode="json", include={"concepts", "controls", "foundation_model"})
    return digest_of([said, rulebook.statistics.seed])


def lock_path(source: str) -> Path:
    """Where the lock of a rulebook lies: beside its file; for a shipped one in the current folder."""
    path = Path(source)
    return path.with_name(path.name + ".lock") if path.suffix else Path(f"{source}.lock")


def write_lock(sight: Sight, rulebook: Rulebook, manifest: Manifest, path: Path) -> None:
    """Write the lock; equal sights give equal bytes."""
    content = {
        "format": FORMAT,
        "asked": asked_of(rulebook),
        "space": manifest.foundation_model.digest,
        "foundation_model": manifest.foundation_model.name,
        "probe_set": manifest.dataset.digest,
        "names": sight.names,
        "placebos": sight.placebos,
        "directions": _packed(sight.directions),
        "scores": _packed(sight.scores),
        "competence": {name: asdict(each) for name, each in sight.competence.items()},
        "planted": {name: _packed(value) for name, value in _arrays(sight.planted).items()}
        | {"note": sight.planted.note},
    }
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(path)


def read_lock(path: Path) -> Lock:
    """Read a lock; raises InvalidInput for what is none."""
    try:
        text = path.read_bytes()
    except OSError as fault:
        raise InvalidInput(f"The lock {path} cannot be read: {fault.strerror}.", hint=_CURE) from fault
    return parse_lock(text, str(path))


def parse_lock(text: bytes, name: str) -> Lock:
    """The same from bytes; `name` is what the faults call it."""
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise InvalidInput(f"{name} is a lock of format {content['format']!r}, not {FORMAT}.", hint=_CURE)
        planted = content["planted"]
        sight = Sight(
            tuple(content["names"]),
            tuple(content["placebos"]),
            _unpacked(content["directions"]),
            _unpacked(content["scores"]),
            {concept: Competence(**each) for concept, each in content["competence"].items()},
            Planted(
                _unpacked(planted["places"]),
                _unpacked(planted["pasted"]),
                _unpacked(planted["scores"]),
                planted["note"],
            ),
        )
        digest = hashlib.sha256(text).hexdigest()
        return Lock(content["asked"], content["space"], content["probe_set"], sight, digest)
    except (KeyError, TypeError, ValueError, RecursionError) as fault:
        raise InvalidInput(f"{name} is no lock of an audit, or damaged.", hint=_CURE) from fault


def held_lock(source: str) -> Lock | None:
    """The lock beside a rulebook, where there is one."""
    path = lock_path(source)
    return read_lock(path) if path.is_file() else None


def check_lock(lock: Lock, rulebook: Rulebook, manifest: Manifest) -> None:
    """Raise Untrustworthy for a lock made for another rulebook, space or probe set."""
    pairs = {
        "the rulebook's concepts, prompts or controls": (lock.asked, asked_of(rulebook)),
        "the foundation model": (lock.space, manifest.foundation_model.digest),
        "the probe set": (lock.probe_set, manifest.dataset.digest),
    }
    stale = [what for what, (held, found) in pairs.items() if held != found]
    if stale:
        raise Untrustworthy(
            f"The lock is stale: {' and '.join(stale)} changed since it was written.",
            hint=_CURE,
        )


def _arrays(planted: Planted) -> dict[str, NDArray[Any]]:
    return {"places": planted.places, "pasted": planted.pasted, "scores": planted.scores}


def _packed(array: NDArray[Any]) -> dict[str, object]:
    plain = np.ascontiguousarray(array)
    return {"dtype": plain.dtype.str, "shape": plain.shape, "bytes": base64.b64encode(plain.tobytes()).decode()}


def _unpacked(packed: dict[str, Any]) -> NDArray[Any]:
    kind = np.dtype(packed["dtype"])
    if kind.kind not in "fib":
        raise ValueError(f"an array of {kind}")
    return np.frombuffer(base64.b64decode(packed["bytes"], validate=True), dtype=kind).reshape(packed["shape"])
