"""`webdataset:SHARDS[,image=ENDING][,label=COLUMN][,group=COLUMN][,COLUMN=VALUE…]`: samples in tar shards.

SHARDS is a file, a folder, a pattern (`train-*.tar`) or a range (`train-{000..003}.tar`). Members whose names agree up
to the first dot are one sample, and its key is that name. Its image is told by the ending; `image=left.png` chooses
where a sample has several. `.cls` and `.txt` become columns of these names, single values of a `.json` columns of
theirs; the label is the column `label`, else `cls`. Shards are read through once for their headers; then any sample can
be read.
"""

import hashlib
import json
import re
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from PIL import Image

from indexer.datasets.arrow_tables import TypedTable
from indexer.datasets.dataset import GROUP, LABEL, Dataset
from indexer.datasets.images import check_encoded, image_extensions, read_image, unreadable
from indexer.datasets.shards import Member, members, read_member, shards_of
from indexer.datasets.tables import Asked, asked, metadata_digest, roles_of
from indexer.errors import DatasetFault, InvalidInput

IMAGE, CLS = "image", "cls"
TOLD = ("cls", "txt", "json")
"""Endings of members that say something of a sample."""
TOLD_LIMIT = 16 << 20
"""Bytes of such a member."""
USAGE = "Write webdataset:FILE.tar, webdataset:FOLDER, or webdataset:shard-{000..003}.tar."


class SampleListing:
    """Every sample of the shards, in their order: where its image lies and what is said of it."""

    def __init__(self, ending: str) -> None:
        self.keys: list[str] = []
        self.shard, self.offset, self.size = array("q"), array("q"), array("q")
        self.columns: dict[str, dict[int, Any]] = {}
        self.left_out: set[str] = set()
        self._ending = ending
        self._endings = image_extensions()
        self._rows: dict[str, int] = {}

    def add(self, shards: Sequence[Path], number: int, member: Member, file: BinaryIO) -> None:
        """Take one member in; raises DatasetFault where it contradicts another or cannot be understood."""
        folder, _, base = member.name.rpartition("/")
        stem, _, ending = base.partition(".")
        if not stem or not ending:
            return
        key, ending = f"{folder}/{stem}" if folder else stem, ending.lower()
        row = self._row(key, shards, number)
        where = f"Sample {key!r} in the shard '{shards[number].name}'"
        if ending in TOLD:
            self._told(row, ending, member, file, where)
        elif self._is_image(ending):
            if self.size[row] >= 0:
                raise DatasetFault(
                    f"{where} has two images, the second of them '{member.name}'.",
                    hint="Name the ending of the one to show, e.g. image=left.png; duplicates must go.",
                )
            self.offset[row], self.size[row] = member.offset, member.size

    def table(self, name: str) -> TypedTable:
        """What is said of the samples."""
        rows = range(len(self.keys))
        columns = {}
        for column in sorted(self.columns.keys() - self.left_out):
            values = [self.columns[column].get(row) for row in rows]
            columns[column] = _typed(_numbers(values) if column == CLS else values)
        return TypedTable(name, len(rows), pa.table(columns), tuple(sorted(self.left_out)))

    def _row(self, key: str, shards: Sequence[Path], number: int) -> int:
        row = self._rows.setdefault(key, len(self.keys))
        if row == len(self.keys):
            self.keys.append(key)
            self.shard.append(number)
            self.offset.append(-1)
            self.size.append(-1)
        elif self.shard[row] != number:
            raise DatasetFault(
                f"Sample {key!r} is in the shard '{shards[self.shard[row]].name}' and in '{shards[number].name}'.",
                hint="Give every sample a name of its own, e.g. with the shard's number before it.",
            )
        return row

    def _is_image(self, ending: str) -> bool:
        if self._ending:
            return ending == self._ending
        return "." + ending.rpartition(".")[2] in self._endings

    def _told(self, row: int, ending: str, member: Member, file: BinaryIO, where: str) -> None:
        if member.size > TOLD_LIMIT:
            raise DatasetFault(f"{where}: its .{ending} has {member.size:,} bytes.", hint="It should be a short text.")
        file.seek(member.offset)
        try:
            text = file.read(member.size).decode()
            said = json.loads(text) if ending == "json" else {ending: text.strip() or None}
        except ValueError as fault:
            kind = "JSON" if ending == "json" else "UTF-8 text"
            raise DatasetFault(f"{where}: its .{ending} is no {kind} ({fault}).", hint="Write it again.") from fault
        if not isinstance(said, dict):
            raise DatasetFault(f"{where}: its .json is no mapping of names to values.", hint="Write {…}.")
        for name, value in said.items():
            if isinstance(value, (dict, list)):
                self.left_out.add(name)
            elif row in self.columns.setdefault(name, {}):
                raise DatasetFault(f"{where} says {name!r} twice.", hint="Keep one of the two.")
            else:
                self.columns[name][row] = value


class ShardedImages:
    """Samples in tar shards."""

    def __init__(self, shards: list[Path], listing: SampleListing, argument: str, wanted: Asked) -> None:
        self._shards, self._argument = shards, argument
        self._shard, self._offset, self._size = listing.shard, listing.offset, listing.size
        table = listing.table(wanted.name)
        rows = table.rows_with(wanted.filters).tolist()
        self._rows = np.array(sorted(rows, key=listing.keys.__getitem__), dtype=np.int64)
        self.keys: Sequence[str] = [listing.keys[row] for row in self._rows]
        roles = roles_of(table.columns, wanted.roles, table.name)
        if LABEL not in roles and CLS in table.columns:
            roles[LABEL] = CLS
        self.metadata = table.metadata(self._rows, roles)
        self._left_out = table.left_out

    def load(self, number: int) -> Image.Image:
        """One sample, upright and RGB."""
        row, key = int(self._rows[number]), self.keys[number]
        try:
            if self._size[row] < 0:
                raise ValueError("its shard holds no image of it")
            check_encoded(self._size[row])
            content = read_member(self._shards[self._shard[row]], Member(key, self._offset[row], self._size[row]))
        except (OSError, EOFError, ValueError) as fault:
            raise unreadable(key, fault) from fault
        return read_image(content, key)

    def describe(self) -> dict[str, object]:
        """Adapter, argument, and digests over every shard's name and size, every sample's place and the metadata."""
        digest = hashlib.sha256()
        for shard in self._shards:
            digest.update(f"{shard.name}\0{shard.stat().st_size}\n".encode())
        for row, key in zip(self._rows.tolist(), self.keys, strict=True):
            digest.update(f"{key}\0{self._offset[row]}\0{self._size[row]}\n".encode())
        return {
            "adapter": "webdataset",
            "argument": self._argument,
            "samples": len(self.keys),
            "listing": digest.hexdigest(),
            "metadata": metadata_digest(self.metadata),
            **({"left_out": list(self._left_out)} if self._left_out else {}),
        }


def load(argument: str) -> Dataset:
    """Read the shards' headers; raises InvalidInput or DatasetFault when a shard or every image is missing."""
    wanted = asked(argument, (IMAGE, LABEL, GROUP))
    if not wanted.name:
        raise InvalidInput("The dataset 'webdataset' needs shards.", hint=USAGE)
    ending = wanted.roles.pop(IMAGE, "").lower().removeprefix(".")
    shards, listing = shards_of(wanted.name), SampleListing(ending)
    for number, shard in enumerate(shards):
        for member, file in members(shard):
            listing.add(shards, number, member, file)
    if not any(size >= 0 for size in listing.size):
        what = f"ends in .{ending}" if ending else "is an image by its ending, e.g. .jpg or .png"
        hint = f"{len(listing.keys)} samples were found; choose their image with image=ENDING."
        raise DatasetFault(f"Nothing in '{wanted.name}' {what}.", hint=hint)
    return ShardedImages(shards, listing, argument, wanted)


def _numbers(texts: list[Any]) -> list[Any]:
    """Texts that are all whole numbers, as such."""
    filled = [text for text in texts if text is not None]
    if not all(isinstance(text, str) and re.fullmatch(r"0|-?[1-9]\d{0,17}", text) for text in filled):
        return texts
    return [None if text is None else int(text) for text in texts]


def _typed(values: list[Any]) -> pa.Array:
    """Values of one kind keep it, whole and broken numbers are broken ones; anything else becomes text."""
    kinds = {type(value) for value in values if value is not None}
    small = all(abs(value) < 2**63 for value in values if isinstance(value, int))
    if len(kinds) == 1 and kinds <= {bool, str, float}:
        return pa.array(values)
    if kinds and kinds <= {int, float} and small:
        return pa.array(values, pa.float64() if float in kinds else pa.int64())
    texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return pa.array(texts, pa.string())
