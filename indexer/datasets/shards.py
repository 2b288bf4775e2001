"""Tar shards: which files are meant, and where in them each member lies, read from the headers alone."""

import itertools
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from indexer.datasets.images import missing_path
from indexer.errors import DatasetFault, InvalidInput

COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"BZh": ("bzip2", "bunzip2"),
    b"\xfd7zXZ\x00": ("xz", "unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
}
"""First bytes → what packed it and what unpacks it."""
_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_COPY = "Copy or write the shard again."


class Member(NamedTuple):
    """One file in a shard."""

    name: str
    offset: int
    size: int


def shards_of(named: str) -> list[Path]:
    """The shards that a file, a folder, a pattern or a range names, sorted; raises InvalidInput or DatasetFault."""
    if re.match(r"(pipe|https?|s3|gs|hf|file):", named):
        raise InvalidInput(
            f"'{named}' is not on this disk.", hint="Copy the shards here; then any of them can be read."
        )
    path = Path(named).expanduser()
    if path.is_dir():
        found = [each for each in sorted(path.rglob("*.tar")) if not _is_hidden(each.relative_to(path))]
        packed = [each for each in sorted(path.rglob("*")) if each.name.lower().endswith(_PACKED)]
        if packed:
            raise _compressed(packed[0], "a compressor", "gunzip (or its like)")
        if not found:
            raise DatasetFault(f"No .tar files below '{path}'.", hint=f"For a folder of images write folder:{path}.")
        return found
    if path.is_file():
        return [path]
    if _RANGE.search(named):
        return [_there(each) for each in _expanded(str(path))]
    matching = sorted(each for each in _matching(path) if each.is_file())
    if not matching:
        raise missing_path(path, "shard")
    return matching


def members(shard: Path) -> Iterator[tuple[Member, BinaryIO]]:
    """Every regular file of a shard, in its order, with the open shard; raises DatasetFault for a damaged shard."""
    try:
        with shard.open("rb") as file:
            _refuse_compressed(shard, file)
            with tarfile.open(fileobj=file, mode="r:") as tar:
                while (entry := tar.next()) is not None:
                    tar.members = []  # type: ignore[attr-defined] # else every header stays in memory
                    if entry.isfile() or entry.islnk() or entry.issym():
                        yield _contiguous(shard, entry), file
                _check_end(shard, file, tar.offset)
    except (tarfile.TarError, OSError, EOFError, ValueError) as fault:
        reason = (str(fault) or type(fault).__name__).rstrip(".")
        raise DatasetFault(f"The shard '{shard}' cannot be read: {reason}.", hint=_COPY) from fault


def read_member(shard: Path, member: Member) -> bytes:
    """The content of one member; raises EOFError where the shard ends before it does."""
    with shard.open("rb") as file:
        file.seek(member.offset)
        content = file.read(member.size)
    if len(content) != member.size:
        raise EOFError(f"the shard '{shard.name}' ends within it")
    return content


def _contiguous(shard: Path, entry: tarfile.TarInfo) -> Member:
    if not entry.isreg() or entry.issparse():
        kind = "stored with holes" if entry.issparse() else f"a link to '{entry.linkname}'"
        raise DatasetFault(
            f"'{entry.name}' in the shard '{shard}' is {kind}.",
            hint="Pack the files themselves: tar --dereference --hard-dereference, without --sparse.",
        )
    return Member(entry.name.removeprefix("./"), entry.offset_data, entry.size)


def _check_end(shard: Path, file: BinaryIO, offset: int) -> None:
    """Where the library stops reading, only zeros may follow; else it stopped at damage, or at a second archive."""
    file.seek(offset)
    block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        raise DatasetFault(f"The shard '{shard}' is cut off after byte {offset:,}.", hint=_COPY)
    if any(block):
        raise DatasetFault(f"The shard '{shard}' is damaged at byte {offset:,}.", hint=_COPY)
    while block := file.read(1 << 20):
        if any(block):
            hint = "Archives that were joined with cat must be given one by one."
            raise DatasetFault(f"The shard '{shard}' goes on after its end.", hint=hint)


def _refuse_compressed(shard: Path, file: BinaryIO) -> None:
    start = file.read(6)
    for mark, (packer, unpacker) in COMPRESSED.items():
        if start.startswith(mark):
            raise _compressed(shard, packer, unpacker)
    file.seek(0)


def _compressed(shard: Path, packer: str, unpacker: str) -> InvalidInput:
    return InvalidInput(
        f"The shard '{shard}' is packed with {packer}: single images in it cannot be read.",
        hint=f"Unpack it once, which costs little space: {unpacker} {shard}",
    )


def _matching(pattern: Path) -> Iterator[Path]:
    relative = str(pattern.relative_to(pattern.anchor))
    return Path(pattern.anchor).glob(relative) if "*" in relative or "?" in relative or "[" in relative else iter(())


def _expanded(named: str) -> Iterator[Path]:
    """`shard-{000..002}.tar` → its files; numbers are padded to the width of the first bound."""
    parts = _RANGE.split(named)
    spans = [
        [f"{number:0{len(low)}d}" for number in range(int(low), int(high) + 1)]
        for low, high in zip(parts[1::3], parts[2::3], strict=True)
    ]
    for chosen in itertools.product(*spans):
        yield Path("".join(text for pair in itertools.zip_longest(parts[::3], chosen, fillvalue="") for text in pair))


def _there(shard: Path) -> Path:
    if not shard.is_file():
        raise missing_path(shard, "shard")
    return shard


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
