"""Reading samples: what a second thread brings, how long a subject waits, what adapters and large pictures cost."""

import io
import json
import multiprocessing
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from benchmarks.measuring import Paired, interleaved, memory
from benchmarks.real_data import real_data
from benchmarks.reporting import Report
from indexer.catalogue import DATASETS, SUBJECTS
from indexer.datasets.batches import (
    PICTURES_LIMIT,
    Reading,
    chosen_batches,
    content_of,
    distinct_batches,
    reading_threads,
)
from indexer.datasets.dataset import Dataset
from indexer.datasets.decoded import DecodedStore, StoredDataset
from indexer.datasets.images import PIXEL_BYTES
from indexer.datasets.reading_ahead import AHEAD_LIMIT
from indexer.subjects.inputs import run, stacked
from indexer.subjects.subject import Subject

WAITING_BAR, ADAPTER_BAR, SECOND_BAR = 0.05, 1.15, 0.7
BATCH, LARGE = 32, (9000, 6000)
_MIB = 1 << 20


def measure(report: Report) -> None:
    """Each part on photographs where there are any, else on pictures of the lesion world saved as JPEG."""
    with tempfile.TemporaryDirectory() as temporary:
        root, count = Path(temporary), 64 if report.quick else 128
        _save(root / "folder", count)
        dataset: Dataset = DATASETS.load(f"folder:{root / 'folder'}")
        rounds = 3 if report.quick else 5
        _scaling(report, dataset, rounds)
        _waiting(report, dataset, 1 if report.quick else 3)
        _adapters(report, root, dataset, rounds)
        _second_look(report, root, dataset, rounds)
        _large(report, root)
    report.note(
        f"{count} pictures, batches of {BATCH}. Large pictures: in a process of its own, less what its libraries take; "
        "the bound is what is read ahead, one image being decoded, a batch being looked at and one growing."
    )


def _save(folder: Path, count: int) -> None:
    """Photographs spread over all categories, or pictures of the lesion world."""
    photographs = real_data()
    spec = f"folder:{photographs / 'caltech101_half'}" if photographs is not None else f"lesions:{count}"
    source: Dataset = DATASETS.load(spec)
    for number in np.linspace(0, len(source.keys) - 1, count).astype(int):
        key = Path(source.keys[number])
        (folder / key.parent).mkdir(parents=True, exist_ok=True)
        if photographs is not None:
            (folder / key).write_bytes((photographs / "caltech101_half" / key).read_bytes())
        else:
            source.load(int(number)).resize((300, 300)).save((folder / key).with_suffix(".jpg"), quality=90)


def _subject() -> tuple[str, Subject]:
    name = "python:subjects:mobilenet_imagenet" if real_data() is not None else "torchvision:resnet18/random"
    return name, SUBJECTS.load(name)


def _scaling(report: Report, dataset: Dataset, rounds: int) -> None:
    """Two processes share no interpreter: what two threads take beyond them, the interpreter's lock costs."""
    _, subject = _subject()
    threads = _reading(dataset, subject, 2)
    with _Processes(dataset, subject) as processes:
        beside = interleaved(threads, processes.read, rounds)
    alone = interleaved(_reading(dataset, subject, 1), threads, rounds)
    report.row(
        "reading, digesting and preparing pictures: two threads / two processes",
        beside.said(),
        **beside.details(),
    )
    report.row(
        "the same: one thread / two threads, with what others leave of two cores", alone.said(), **alone.details()
    )


class _Processes:
    """Two that read a half of the pictures each, whenever asked."""

    def __init__(self, dataset: Dataset, subject: Subject) -> None:
        fork = multiprocessing.get_context("fork")
        self._asked, self._done = fork.SimpleQueue(), fork.SimpleQueue()
        self._count = len(dataset.keys)
        asked, done = self._asked, self._done

        def prepare(image: Image.Image) -> bool:
            content_of(image)
            subject.preprocess(image)
            return True

        def serve() -> None:
            while (numbers := asked.get()) is not None:
                for _ in chosen_batches(dataset, prepare, numbers, size=BATCH, threads=1):
                    pass
                done.put("done")

        self._two = [fork.Process(target=serve, daemon=True) for _ in range(2)]

    def __enter__(self) -> "_Processes":
        for each in self._two:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        for _each in self._two:
            self._asked.put(None)
        for each in self._two:
            each.join()

    def read(self) -> None:
        for half in range(2):
            self._asked.put(range(half, self._count, 2))
        for _ in range(2):
            self._done.get()


def _reading(dataset: Dataset, subject: Subject, threads: int) -> Callable[[], None]:
    def read() -> None:
        for _ in distinct_batches(dataset, subject.preprocess, Reading(), size=BATCH, threads=threads):
            pass

    return read


def _waiting(report: Report, dataset: Dataset, rounds: int) -> None:
    name, subject = _subject()
    for threads in (1, reading_threads()):
        shares = [_share_waited(dataset, subject, threads) for _ in range(rounds)]
        share = float(np.median(shares))
        default = threads == reading_threads()
        report.row(
            f"share of a pass in which {name} waits for samples, {threads} thread{'s' * (threads > 1)} reading"
            + " (the default here)" * default,
            f"**{share:.1%}** (min {min(shares):.1%}, max {max(shares):.1%})",
            f"≤ {WAITING_BAR:.0%}" if default else "–",
            share <= WAITING_BAR if default else None,
            shares=shares,
        )


def _share_waited(dataset: Dataset, subject: Subject, threads: int) -> float:
    module, waited, begun = subject.module.eval(), 0.0, time.perf_counter()
    batches = distinct_batches(dataset, subject.preprocess, Reading(), size=BATCH, threads=threads)
    asked = time.perf_counter()
    next(batches)  # nothing can be read ahead of the first batch
    begun = asked = time.perf_counter()
    for batch in batches:
        waited += time.perf_counter() - asked
        with torch.inference_mode():
            run(module, stacked(batch.items, "cpu"))
        asked = time.perf_counter()
    return waited / (asked - begun)


def _adapters(report: Report, root: Path, folder: Dataset, rounds: int) -> None:
    for spec in _packed(root, folder):
        packed: Dataset = DATASETS.load(spec)
        paired = interleaved(_loading(packed), _loading(folder), rounds)
        report.row(
            f"every picture through `{spec.partition(':')[0]}` / through `folder`",
            _said(paired),
            f"CPU ≤ {ADAPTER_BAR}",
            median(paired.cpu_ratios) <= ADAPTER_BAR,
            **paired.details(),
        )


def _packed(root: Path, folder: Dataset) -> list[str]:
    files = {key: (root / "folder" / key).read_bytes() for key in folder.keys}
    cells = [{"bytes": content, "path": key} for key, content in files.items()]
    pq.write_table(pa.table({"image": cells}), root / "pictures.parquet", row_group_size=100)
    with zipfile.ZipFile(root / "pictures.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for key, content in files.items():
            archive.writestr(key, content)
    with tarfile.open(root / "pictures.tar", "w") as shard:
        for number, content in enumerate(files.values()):
            member = tarfile.TarInfo(f"{number:06d}.jpg")
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    specs = [f"{name}:{root / 'pictures'}.{end}" for name, end in (("parquet", "parquet"), ("zip", "zip"))]
    return [*specs, f"webdataset:{root / 'pictures'}.tar", *_saved(root, cells)]


def _saved(root: Path, cells: list[dict[str, object]]) -> list[str]:
    try:
        import datasets
    except ModuleNotFoundError:
        return []
    datasets.disable_progress_bars()
    saved = datasets.Dataset.from_dict({"image": cells}).cast_column("image", datasets.Image())
    saved.save_to_disk(root / "saved")
    return [f"huggingface:{root / 'saved'}"]


def _loading(dataset: Dataset) -> Callable[[], None]:
    def load() -> None:
        for number in range(len(dataset.keys)):
            dataset.load(number)

    return load


def _second_look(report: Report, root: Path, dataset: Dataset, rounds: int) -> None:
    (root / "spool").mkdir()
    store, pictures = DecodedStore(root / "spool"), [dataset.load(number) for number in range(len(dataset.keys))]

    def keep() -> None:
        store.close()
        for number, picture in enumerate(pictures):
            store.keep(number, picture)

    kept = interleaved(keep, _loading(dataset), rounds)
    report.row("keeping a decoded picture / decoding it", _said(kept), **kept.details())
    paired = interleaved(_loading(StoredDataset(dataset, store)), _loading(dataset), rounds)
    report.row(
        "the second look at a picture: from the store / decoded again",
        _said(paired),
        f"CPU ≤ {SECOND_BAR}",
        median(paired.cpu_ratios) <= SECOND_BAR,
        **paired.details(),
    )


def _said(paired: Paired) -> str:
    ratios = paired.cpu_ratios
    return f"{paired.said()}; CPU seconds **{median(ratios):.2f}** (min {min(ratios):.2f}, max {max(ratios):.2f})"


def _large(report: Report, root: Path) -> None:
    """Peak memory of eight threads that read ahead in pictures of 54 megapixels."""
    count = 8 if report.quick else 12
    (root / "large").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).resize(LARGE).save(root / "large/0.jpg")
    for number in range(1, count):
        (root / f"large/{number}.jpg").hardlink_to(root / "large/0.jpg")
    command = [sys.executable, "-m", "benchmarks.suites.loading", str(root / "large")]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    decoding = 8 * LARGE[0] * LARGE[1]
    whole = PIXEL_BYTES * LARGE[0] * LARGE[1]
    bound = AHEAD_LIMIT + decoding + 2 * (PICTURES_LIMIT + whole)
    report.row(
        f"peak memory of reading {count} pictures of 54 megapixels ahead with eight threads",
        f"**{found['peak'] / _MIB:,.0f} MiB**; all decoded would take {count * whole / _MIB:,.0f} MiB",
        f"≤ {bound / _MIB:,.0f} MiB",
        found["peak"] <= bound,
        **found,
    )


def _child(folder: str) -> None:
    dataset: Dataset = DATASETS.load(f"folder:{folder}")
    dataset.load(0).resize((8, 8))
    imported = memory("VmRSS")
    for batch in chosen_batches(dataset, lambda image: image, range(len(dataset.keys)), size=BATCH, threads=8):
        time.sleep(0.2 * len(batch.items))  # a slow model lets as much be read ahead as may be
    print(json.dumps({"peak": memory("VmHWM") - imported, "imported": imported}))


if __name__ == "__main__":
    _child(sys.argv[1])
