"""Reading samples: what a second thread brings, how long a subject waits, what adapters and large pictures cost."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from benchmarks.measuring import interleaved, memory, seconds
from benchmarks.real_data import real_data
from benchmarks.reporting import Report
from indexer.catalogue import DATASETS, SUBJECTS
from indexer.datasets.batches import PICTURES_LIMIT, Reading, chosen_batches, distinct_batches, reading_threads
from indexer.datasets.dataset import Dataset
from indexer.datasets.decoded import DecodedStore, StoredDataset
from indexer.datasets.images import PIXEL_BYTES
from indexer.datasets.reading_ahead import AHEAD_LIMIT
from indexer.subjects.inputs import run, stacked
from indexer.subjects.subject import Subject

SCALING_BAR, WAITING_BAR, ADAPTER_BAR, SECOND_BAR = 0.75, 0.05, 1.15, 0.7
FREE, TRIES = 1.6, 10
"""A round counts when a second thread brings hashing so much: the machine had a second core to give. Tries a round."""
BATCH, LARGE = 32, (9000, 6000)
_MIB = 1 << 20


def measure(report: Report) -> None:
    """Each part on photographs where there are any, else on pictures of the lesion world saved as JPEG."""
    with tempfile.TemporaryDirectory() as temporary:
        root, count = Path(temporary), 64 if report.quick else 160
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
    """On shared cores a second thread brings anyone less: hashing, which needs no interpreter, says how much it can."""
    _, subject = _subject()
    sides = [_reading(dataset, subject, 1), _reading(dataset, subject, 2), _hashing(1), _hashing(2)]
    times: list[list[float]] = []
    for _ in range(TRIES * rounds):
        _, _, alone, shared = taken = [seconds(side) for side in sides]
        if alone / shared >= FREE:
            times.append(taken)
        if len(times) == rounds:
            break
    if not times:
        report.row("gain of a second thread that reads", "no second core was free", f"≥ {SCALING_BAR}")
        return
    gains = np.array([one / two for one, two, _, _ in times])
    possible = np.array([alone / shared for _, _, alone, shared in times])
    shares = gains / possible
    share = float(np.median(shares))
    report.row(
        "reading, digesting and preparing pictures: gain of a second thread / its gain for hashing",
        f"**{share:.2f}** (min {shares.min():.2f}, max {shares.max():.2f}; gains {np.median(gains):.2f} / "
        f"{np.median(possible):.2f}, {len(times)} rounds in which hashing gained {FREE} or more)",
        f"≥ {SCALING_BAR}",
        share >= SCALING_BAR,
        gains=gains.tolist(),
        possible=possible.tolist(),
    )


def _hashing(threads: int) -> Callable[[], None]:
    block = bytes(1 << 22)

    def work() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: hashlib.blake2b(block).digest(), range(64)))

    return work


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
            paired.said(),
            f"≤ {ADAPTER_BAR}",
            paired.median <= ADAPTER_BAR,
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
    report.row("keeping a decoded picture / decoding it", kept.said(), **kept.details())
    paired = interleaved(_loading(StoredDataset(dataset, store)), _loading(dataset), rounds)
    report.row(
        "the second look at a picture: from the store / decoded again",
        paired.said(),
        f"≤ {SECOND_BAR}",
        paired.median <= SECOND_BAR,
        **paired.details(),
    )


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
