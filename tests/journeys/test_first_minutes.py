"""What a new user does first: help, the demo, her own model and folder, a server and the client."""

import re
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from lens_client import LensClient
from tests.traps.test_collecting import save_lesions

COMMANDS = ("build", "merge", "demo", "serve", "search", "compare", "label", "diff", "show", "verify", "audit")


@pytest.mark.parametrize("command", COMMANDS)
def test_help(lens_command, command):
    status, out, _ = lens_command(command, "--help")
    assert status == 0
    assert f"lens {command}" in out
    assert "Usage" in out


def test_without_arguments_the_commands_are_listed(lens_command):
    _, out, err = lens_command()
    for command in COMMANDS:
        assert command in out + err


def test_version(lens_command):
    from importlib.metadata import version

    assert lens_command("--version")[:2] == (0, f"lens {version('lens')}\n")


def test_a_mistyped_command_is_answered(lens_command):
    status, _, err = lens_command("serch", "x")
    assert status == 2
    assert "search" in err


def test_the_demo_finds_the_carrier(lens_command, tmp_path):
    status, out, err = lens_command("demo", "--out", tmp_path / "demo", "--samples", "400")
    assert status == 0, err
    for part in (
        "1. Build",
        "2. Serve",
        "3. Label",
        "4. Compare",
        "5. Which neuron",
        "6. Audit",
        "shortcut-patch: fail. ",
        "no-artefact-flip: patch: ",
        "Exit status 1.",
        "Next",
        "'colour patch'",
        "'irregular border'",
    ):
        assert part in out, part
    for name in ("clean", "shortcut-patch"):
        assert "<html" in (tmp_path / "demo" / f"audit-{name}.html").read_text()
    named = {name: int(count) for name, count in re.findall(r"(clean|shortcut-patch) +(\d+) of 96 neurons, \d+%", out)}
    assert named["clean"] == 0, named
    assert named["shortcut-patch"] >= 1, named
    for name in ("search.png", "shortcut-neuron.png"):
        with Image.open(tmp_path / "demo" / name) as picture:
            assert min(picture.size) > 100
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 500, "thumbnails are drawn"
    again, _, err = lens_command("demo", "--out", tmp_path / "demo", "--samples", "120")
    assert again == 0, err


def test_her_own_folder(lens_command, tmp_path):
    for name in ("benign", "malignant"):
        save_lesions(tmp_path / "images" / name, 15)
    index = tmp_path / "my-index"
    build = [
        "build",
        "--subject",
        "python:tests.nets:plain",
        "--dataset",
        f"folder:{tmp_path / 'images'}",
        "--out",
        index,
    ]
    status, out, err = lens_command(
        *build, "--layers", "norm", "--foundation", "tiny-clip", "--exemplars", "4", "--classes"
    )
    assert status == 0, err
    assert "15 duplicates" in " ".join(out.split())
    assert "lens search" in err
    status, out, err = lens_command("search", index, "ruler", "--png", tmp_path / "found.png")
    assert status == 0, err
    assert "norm/" in out
    assert (tmp_path / "found.png").stat().st_size > 10_000
    assert lens_command("show", index)[0] == 0
    assert lens_command("show", index, "norm/2", "--png", tmp_path / "card.png")[0] == 0
    assert lens_command("verify", index)[0] == 0
    assert lens_command("label", index, "--vocabulary", "dermoscopy")[0] == 0
    assert (
        lens_command("build", "--subject", "python:tests.nets:plain", "--list-layers")[1]
        .splitlines()[0]
        .startswith("conv")
    )


def test_serve_stops_cleanly(opened_lens):
    command = [
        sys.executable,
        "-m",
        "lens_server.cli",
        "serve",
        str(opened_lens._index.folder),
        "--grpc",
        "127.0.0.1:0",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        address = re.search(r"grpc://\S+", line).group()
        with LensClient(address) as client:
            assert client.describe() == opened_lens.describe()
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - started < 15
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
