"""What goes wrong on real machines: kills, full disks and memories, two builds at once, broken files."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from indexer.catalogue import FOUNDATION_MODELS
from indexer.errors import DiskFull, IndexUnusable, InvalidInput, OutOfMemory, SampleLost, SubjectFault
from indexer.index.manifest import read_manifest
from indexer.index.reader import Index, check_files
from indexer.pipeline import build_index
from indexer.progress import Silent
from tests.conftest import ROOT, build_config
from tests.nets import Cramped
from tests.traps.test_collecting import save_lesions

PLAIN = ["--subject", "python:tests.nets:plain", "--layers", "act", "--foundation", "tiny-clip", "--exemplars", "5"]


class Noting(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def driven(folder, **asked):
    """What became of the builds that `benchmarks.killing` killed."""
    build = ["build", *PLAIN, "--dataset", "lesions:48", "--batch-size", "8", "--classes", "-q"]
    question = {"folder": str(folder), "arguments": build, **asked}
    command = [sys.executable, "-m", "benchmarks.killing", json.dumps(question)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_killed_builds_go_on_to_the_same_bytes(tmp_path):
    """The rest of it, in more variants and at random moments: python -m benchmarks kills."""
    found = driven(tmp_path, kills=3, last=[-2], again=True, seed=time.time_ns())
    assert found["steps"] > 20 and found["files"] >= 9 and len(found["kills"]) >= 3
    for each in found["kills"]:
        assert each["same"] and each["whole"] and not each["left"], each


def test_a_disk_that_is_full_at_any_step(tmp_path):
    found = driven(tmp_path, kills=3, full=True, seed=time.time_ns())
    for each in found["kills"]:
        assert each["same"] and each["whole"] and not each["left"], each


SMALL_DISK = """
import os, subprocess, sys
from pathlib import Path
from benchmarks.killing import digests, forked, hasten
hasten()
disk, arguments = Path(sys.argv[1]), sys.argv[2:]
assert forked([*arguments, '--out', str(disk.parent / 'whole')], disk.parent)[0] == 0
wanted, status, size = digests(disk.parent / 'whole'), 2, 24
while status:
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}k', 'tmpfs', str(disk)], check=True)
    status, _, said = forked([*arguments, '--out', str(disk / 'index')], disk.parent)
    assert status == 0 or (status == 2 and 'no space left' in said and 'Make room' in said), said
    print(size, status, flush=True)
    if status:
        assert not (disk / 'index').exists()
        subprocess.run(['mount', '-o', 'remount,size=64m', str(disk)], check=True)
        assert forked([*arguments, '--out', str(disk / 'index'), '--resume'], disk.parent)[0] == 0
    assert digests(disk / 'index') == wanted
    subprocess.run(['umount', str(disk)], check=True)
    size *= 3
"""


def test_a_small_disk(tmp_path):
    """A real file system of so many KiB: whatever the stage, the message has the cure, and --resume is exact."""
    allowed = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", tmp_path], capture_output=True)
    if allowed.returncode:
        pytest.skip("no file system can be mounted here")
    (tmp_path / "disk").mkdir()
    command = ["unshare", "-rm", sys.executable, "-c", SMALL_DISK, tmp_path / "disk", "build", "-q", *PLAIN]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1"}
    ran = subprocess.run(
        [*command, "--dataset", "lesions:40"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(ran.stdout.splitlines()) >= 3


FAULTS = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB)."),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
    "numpy": MemoryError("Unable to allocate 8.00 PiB"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_batch_that_does_not_fit_is_halved(tmp_path, monkeypatch, kind):
    small = build_index(build_config(tmp_path / "small", exemplars=5, classes=True, batch_size=5))
    monkeypatch.setattr(Cramped, "room", 5)
    monkeypatch.setattr(Cramped, "fault", FAULTS[kind])
    progress, settings = Noting(), {"exemplars": 5, "classes": True, "subject": "python:tests.nets:cramped"}
    halved = build_index(build_config(tmp_path / "halved", batch_size=20, **settings), progress=progress)
    assert [note for note in progress.notes if "memory" in note] == 2 * [
        "The subject ran out of memory on 20 samples at once; going on with 10.",
        "The subject ran out of memory on 10 samples at once; going on with 5.",
    ], "once in the forward pass, once in that of the gradients"
    assert read_manifest(small).files == read_manifest(halved).files, "nothing is lost, nothing counted twice"


def test_a_single_sample_that_does_not_fit(tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.pipeline.resolve_layers", lambda _subject, layers: tuple(layers))
    monkeypatch.setattr(Cramped, "room", 0)
    config = build_config(tmp_path / "index", subject="python:tests.nets:cramped")
    with pytest.raises(SubjectFault, match="runs out of memory on a single sample: CUDA out of memory") as fault:
        build_index(config)
    assert isinstance(fault.value, OutOfMemory)
    assert "--resume" in fault.value.hint
    assert not (tmp_path / "index").exists()


def test_what_was_done_before_memory_ran_out_is_kept(tmp_path, monkeypatch):
    whole = build_index(build_config(tmp_path / "whole", subject="python:tests.nets:cramped", classes=True))
    config = build_config(tmp_path / "index", subject="python:tests.nets:cramped", classes=True)
    forward, Cramped.ended = Cramped.ended, 0
    measure = Cramped.forward

    def gradients_do_not_fit(self, x):
        if x.requires_grad:
            raise FAULTS["cuda"]
        return measure(self, x)

    with monkeypatch.context() as patched:
        patched.setattr(Cramped, "forward", gradients_do_not_fit)
        with pytest.raises(OutOfMemory):
            build_index(config)
    Cramped.ended = 0
    build_index(config, resume=True)
    assert Cramped.ended < forward, "the samples were not shown again"
    assert read_manifest(whole).files == read_manifest(tmp_path / "index").files


def test_a_foundation_model_that_has_no_room(tmp_path, monkeypatch):
    model = type(FOUNDATION_MODELS.load("tiny-clip"))
    embed = model.embed_images

    def cramped(self, images):
        if len(images) > 10:
            raise FAULTS["cuda"]
        return embed(self, images)

    whole = build_index(build_config(tmp_path / "whole", exemplars=5))
    monkeypatch.setattr(model, "embed_images", cramped)
    progress = Noting()
    build_index(build_config(tmp_path / "halved", exemplars=5), progress=progress)
    assert progress.notes == ["The foundation model ran out of memory on 20 samples at once; going on with 10."]
    a, b = Index.open(whole), Index.open(tmp_path / "halved")
    np.testing.assert_allclose(a.exemplar_vectors, b.exemplar_vectors, atol=1e-6)
    assert a.manifest.files["exemplars.parquet"] == b.manifest.files["exemplars.parquet"]


HOLDING = """
import sys, time
from pathlib import Path
from indexer.index.staging import claimed
with claimed(Path(sys.argv[1]), {}, resume=False, replace=False):
    print('held', flush=True)
    time.sleep(600)
"""


def test_a_second_build_is_told_who_works_there_and_a_dead_one_holds_nothing(tmp_path):
    config = build_config(tmp_path / "index", exemplars=5)
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, config.out], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(
            IndexUnusable, match=rf"Another build is working in .*: process {holder.pid}, since 20\d\d-"
        ):
            build_index(config)
        assert holder.poll() is None
        assert not config.out.exists()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert check_files(build_index(config), read_manifest(config.out)) == []
    finally:
        holder.kill()


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(IndexUnusable, match="without locks") as fault:
        build_index(build_config(tmp_path / "index"))
    assert "local disk" in fault.value.hint


def test_an_index_between_two_renames_comes_back(tmp_path):
    """Killed after the old index was moved away: the next build, whatever it is, puts it back first."""
    out = build_index(build_config(tmp_path / "index", exemplars=5))
    before = read_manifest(out)
    out.rename(tmp_path / "index.replaced")
    with pytest.raises(IndexUnusable, match="not an index") as fault:
        Index.open(out)
    assert "index.replaced" in fault.value.hint
    with pytest.raises(InvalidInput, match="already holds an index"):
        build_index(build_config(out, exemplars=5))
    assert read_manifest(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index"]


def test_an_unfinished_build_refuses_another_subject_or_dataset(tmp_path, monkeypatch):
    config = build_config(tmp_path / "index", dataset=f"folder:{tmp_path / 'images'}")
    save_lesions(tmp_path / "images", 12)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("indexer.pipeline.write_tables", killed)
        with pytest.raises(KeyboardInterrupt):
            build_index(config)
    Image.new("RGB", (64, 64), "red").save(tmp_path / "images" / "another.png")
    with pytest.raises(IndexUnusable, match="something has changed: dataset"):
        build_index(config, resume=True)
    (tmp_path / "images" / "another.png").unlink()
    with monkeypatch.context() as patched:
        patched.setattr("indexer.origins.module_digest", lambda _module: "other")
        with pytest.raises(IndexUnusable, match="something has changed: subject's weights"):
            build_index(config, resume=True)
    build_index(config, resume=True)


def test_a_picture_that_changes_between_two_passes(tmp_path, monkeypatch):
    save_lesions(tmp_path / "images", 12)
    first = sorted((tmp_path / "images").iterdir())[0]

    def then_changed(*_):
        Image.new("RGB", (64, 64), "red").save(first)
        for each in (tmp_path / "index.building").glob("decoded-*"):
            each.unlink()
        return ("benign", "malignant")

    monkeypatch.setattr("indexer.pipeline.class_names", then_changed)
    with pytest.raises(IndexUnusable, match="is not the image that the index was built from"):
        build_index(build_config(tmp_path / "index", dataset=f"folder:{tmp_path / 'images'}", exemplars=12))


@pytest.fixture
def broken_folder(tmp_path):
    folder = tmp_path / "images"
    save_lesions(folder, 20)
    names = sorted(path.name for path in folder.iterdir())
    content = (folder / names[3]).read_bytes()
    (folder / "b-cut.png").write_bytes(content[: len(content) // 2])
    (folder / "c-rubbish.png").write_bytes(b"rubbish")
    (folder / "d-empty.jpg").write_bytes(b"")
    Image.new("1", (12_000, 12_000)).save(folder / "e-huge.png")
    return folder


BROKEN = ["b-cut.png", "c-rubbish.png", "d-empty.jpg", "e-huge.png"]


def test_broken_and_huge_pictures_are_counted_and_named(lens_command, tmp_path, broken_folder):
    build = ["build", *PLAIN, "--dataset", f"folder:{broken_folder}", "--out", tmp_path / "index"]
    status, out, err = lens_command(*build)
    assert status == 0, err
    assert "4 unreadable" in " ".join(out.split())
    said = " ".join(err.split())
    assert "4 of 24 samples cannot be read, samples.parquet says why: " + ", ".join(BROKEN) in said
    index = Index.open(tmp_path / "index")
    assert list(index.manifest.dataset.unreadable) == BROKEN
    why = index.samples.set_index("key")["unreadable"]
    assert "pixels" in why["e-huge.png"] and why.drop(BROKEN).isna().all()
    assert np.isnan(np.asarray(index.logits)[why.notna().to_numpy()]).all()
    shown = index.samples["key"].to_numpy()[np.asarray(index.all_exemplars("sample")["sample"])]
    assert not set(BROKEN) & set(shown)


def test_strict_names_the_first_broken_picture_and_leaves_nothing(lens_command, tmp_path, broken_folder):
    build = ["build", *PLAIN, "--dataset", f"folder:{broken_folder}", "--out", tmp_path / "index", "--strict"]
    status, _, err = lens_command(*build)
    assert status == 2
    assert "b-cut.png" in err and "--strict" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images"]


def test_the_time_of_a_build_can_be_given(tmp_path, monkeypatch, lens_command):
    build = ["build", *PLAIN, "--dataset", "lesions:20", "-q", "--out"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    for name in "ab":
        assert lens_command(*build, tmp_path / name)[0] == 0
    assert read_manifest(tmp_path / "a").created == "1970-01-02T00:00:00+00:00"
    a, b = ({p.name: p.read_bytes() for p in Path(tmp_path / name).rglob("*") if p.is_file()} for name in "ab")
    assert a == b
    shutil.rmtree(tmp_path / "a")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    status, _, err = lens_command(*build, tmp_path / "a")
    assert status == 2 and "seconds since 1970" in err


def test_a_picture_that_is_away_for_a_while(tmp_path):
    """What was collected is kept; once the picture is back, the build goes on."""
    save_lesions(tmp_path / "images", 12)
    whole = build_index(build_config(tmp_path / "whole", dataset=f"folder:{tmp_path / 'images'}", exemplars=12))
    config = build_config(tmp_path / "index", dataset=f"folder:{tmp_path / 'images'}", exemplars=12)
    first = sorted((tmp_path / "images").iterdir())[0]

    class Unmounting(Noting):
        def stage(self, title, total, done=0):
            if title.startswith("Embedding"):
                first.rename(tmp_path / "away.png")
                for each in (tmp_path / "index.building").glob("decoded-*"):
                    each.unlink()
            return super().stage(title, total, done)

    with pytest.raises(SampleLost, match="could be read before, but not now") as fault:
        build_index(config, progress=Unmounting())
    assert "--resume" in fault.value.hint
    (tmp_path / "away.png").rename(first)
    build_index(config, resume=True)
    assert read_manifest(config.out).files == read_manifest(whole).files


def test_the_folder_one_stands_in(lens_command, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here" / "thesis.txt").write_text("years of work")
    for out in (".", "..", "../here"):
        status, _, err = lens_command("build", *PLAIN, "--dataset", "lesions:20", "--out", out)
        assert status == 2 and "is not an index" in err, err
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_memory_that_runs_out_elsewhere(lens_command, tmp_path, monkeypatch):
    def short(*_):
        raise MemoryError("Unable to allocate 8.00 PiB")

    monkeypatch.setattr("indexer.pipeline.neuron_tables", short)
    status, _, err = lens_command("build", *PLAIN, "--dataset", "lesions:20", "--out", tmp_path / "index")
    assert status == 2 and "Memory ran out: Unable to allocate 8.00 PiB" in err and "--batch-size" in err


def test_an_engine_that_finds_no_room(tmp_path, monkeypatch):
    config = build_config(tmp_path / "index", exemplars=5)

    def full(*_):
        raise RuntimeError("Error in write_index: write error in faiss.index: 10 != 20 (No space left on device)")

    monkeypatch.setattr("faiss.write_index", full)
    with pytest.raises(DiskFull, match="no space left"):
        build_index(config.model_copy(update={"engine": "faiss"}))
    assert not (tmp_path / "index").exists()
