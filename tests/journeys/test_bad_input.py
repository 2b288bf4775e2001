"""Bad input gets a clear error with its cure, exit status 2, and nothing half-written."""

import socket
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.traps.test_collecting import save_lesions

GOOD = {
    "--subject": "python:tests.nets:plain",
    "--layers": "act",
    "--dataset": "lesions:40,seed=901",
    "--foundation": "tiny-clip",
    "--device": "cpu",
    "-q": None,
}


def arguments(out, **changed):
    settings = {**GOOD, **{f"--{name.replace('_', '-')}": value for name, value in changed.items()}, "--out": out}
    return [
        part
        for name, value in settings.items()
        for part in ((name,) if value is None else (name, value))
        if value != ""
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"subject": "torchvison:resnet18"}, ["torchvison", "Did you mean 'torchvision'"]),
        ({"subject": "torchvision:resnet19"}, ["resnet19", "resnet18"]),
        ({"subject": "timm:resnet18x/random"}, ["resnet18x", "Did you mean"]),
        ({"subject": "lesion:cleen"}, ["cleen", "Did you mean 'clean'"]),
        ({"subject": "python:tests.nets:plane"}, ["plane", "plain"]),
        ({"subject": "python:tests.nuts:plain"}, ["tests.nuts"]),
        ({"subject": "python:tests.nets:fails"}, ["the weights are at home"]),
        ({"subject": "python:tests.nets:nothing"}, ["int"]),
        ({"subject": "torchvision:resnet18/absent.safetensors"}, ["absent.safetensors"]),
        ({"layers": "acd"}, ["'acd'", "Did you mean 'act'"]),
        ({"layers": "act,act"}, ["named twice: act"]),
        ({"layers": ""}, ["--layers is missing"]),
        ({"dataset": "foldr:somewhere"}, ["foldr", "Did you mean 'folder'"]),
        ({"dataset": "folder:nowhere"}, ["nowhere"]),
        ({"dataset": "csv:nowhere.csv"}, ["nowhere.csv"]),
        ({"dataset": "lesions:many"}, ["many"]),
        ({"foundation": "open_klip:ViT-B-32/random"}, ["open_klip", "Did you mean 'open_clip'"]),
        ({"foundation": "open_clip:ViT-B-33/random"}, ["ViT-B-33", "ViT-B-32"]),
        ({"foundation": "open_clip:local-dir:nowhere"}, ["nowhere"]),
        ({"exemplars": "0"}, ["exemplars", "greater than or equal to 1"]),
        ({"aggregation": "median"}, ["aggregation", "median"]),
        ({"aggregation": "special"}, ["no tokens"]),
        ({"engine": "fais"}, ["fais", "Did you mean 'faiss'"]),
        ({"engine": "faiss:Nonsense"}, ["Nonsense"]),
    ],
    ids=lambda value: next(iter(value.items()))[1] or "missing" if isinstance(value, dict) else "",
)
def test_build(lens_command, tmp_path, changed, said):
    status, out, err = lens_command("build", *arguments(tmp_path / "index", **changed))
    assert status == 2, err
    assert "Traceback" not in out + err
    for part in said:
        assert part in " ".join(err.split()), err
    assert not list(tmp_path.iterdir()), "nothing half-written"


def test_every_fault_of_a_configuration_at_once(lens_command, tmp_path):
    (tmp_path / "build.yaml").write_text(
        "subject: {name: 'lesion:clean', trust: yes}\ncollect: {exemplar: 3}\nthumbnail: 2\n"
    )
    status, _, err = lens_command("build", "-c", tmp_path / "build.yaml")
    assert status == 2
    for part in (
        "subject.trust is unknown",
        "'exemplars'",
        "--layers is missing",
        "--dataset is missing",
        "--out is missing",
        "thumbnail",
    ):
        assert part in " ".join(err.split()), err


def test_the_command_line_goes_before_the_file(lens_command, tmp_path):
    (tmp_path / "build.yaml").write_text(
        "subject: {name: 'python:tests.nets:plain'}\ndataset: {name: 'lesions:20'}\n"
        "collect: {layers: [act], exemplars: 4}\n"
        f"foundation: {{name: tiny-clip}}\nout: {tmp_path / 'index'}\n"
    )
    status, out, err = lens_command("build", "-c", tmp_path / "build.yaml", "--exemplars", "3", "--json")
    assert status == 0, err
    assert '"exemplars_per_neuron": 3' in out


def test_an_empty_folder_and_a_folder_of_rubbish(lens_command, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "rubbish").mkdir()
    (tmp_path / "rubbish" / "a.png").write_bytes(b"rubbish")
    for name in ("empty", "rubbish"):
        status, _, err = lens_command("build", *arguments(tmp_path / "index", dataset=f"folder:{tmp_path / name}"))
        assert status == 2
        assert name in err or "a.png" in err
        assert not (tmp_path / "index").exists()
        assert not (tmp_path / "index.building").exists()


def test_pickled_weights_are_refused_with_the_reason(lens_command, tmp_path):
    torch.save({}, tmp_path / "weights.pth")
    status, _, err = lens_command(
        "build", *arguments(tmp_path / "index", subject=f"torchvision:resnet18/{tmp_path / 'weights.pth'}")
    )
    assert status == 2
    assert "unpickling runs code" in err
    assert "--trust-pickle" in err


def test_weights_that_do_not_fit(lens_command, tmp_path):
    from safetensors.numpy import save_file

    save_file({"conv1.weight": np.zeros((1, 2), dtype=np.float32)}, tmp_path / "weights.safetensors")
    status, _, err = lens_command(
        "build", *arguments(tmp_path / "index", subject=f"torchvision:resnet18/{tmp_path / 'weights.safetensors'}")
    )
    assert status == 2
    assert "do not fit" in err
    assert "missing" in err


@pytest.fixture(scope="module")
def folder(opened_lens):
    return opened_lens._index.folder


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["search", "{}", ""], "query is empty"),
        (["search", "{}"], "no query"),
        (["search", "{}", "x" * 2001], "2,001 characters"),
        (["search", "{}", "ruler", "--template", "an image"], "must hold {}"),
        (["search", "{}", "ruler", "--layer", "block5"], "'block4'"),
        (["search", "{}", "ruler", "--limit", "0"], "1 to 1000"),
        (["search", "{}", "ruler", "--relevant-to", "malignent"], "'malignant'"),
        (["search", "{}", "ruler", "--min-relevance", "0.1"], "relevant_to"),
        (["search", "{}", "--neuron", "block4"], "no neuron"),
        (["search", "{}", "--neuron", "block4/9999"], "units 0 to"),
        (["search", "{}", "--image", "absent.png"], "absent.png"),
        (["search", "nowhere", "ruler"], "not an index"),
        (["search", "grpc://127.0.0.1:1", "ruler"], "127.0.0.1:1"),
        (["search", "grpc://nonsense", "ruler"], "no address"),
        (["label", "{}", "--vocabulary", "dermoscopie"], "'dermoscopy'"),
        (["label", "{}", "--alpha", "2"], "alpha"),
        (["compare", "{}", "block4/1", "block9/2"], "block9"),
        (["show", "{}", "blok4/1"], "Did you mean 'block4'"),
        (["show", "{}", "--png", "x.png"], "needs a neuron"),
        (["verify", "nowhere"], "not an index"),
        (["diff", "{}", "nowhere"], "not an index"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_questions(lens_command, folder, asked, said):
    status, out, err = lens_command(*(each.replace("{}", str(folder)) if each == "{}" else each for each in asked))
    assert status == 2, out + err
    assert said in " ".join((out + err).split()), err
    assert "Traceback" not in out + err


def test_a_vector_of_another_dimension(opened_lens):
    from indexer.errors import InvalidInput
    from lens_server.answers import Query

    with pytest.raises(InvalidInput, match="dimension"):
        opened_lens.search(Query(vector=(1.0, 2.0)))
    with pytest.raises(InvalidInput, match="finite"):
        opened_lens.search(Query(vector=(float("nan"),) * opened_lens.describe().dimension))
    with pytest.raises(InvalidInput, match="text and neuron"):
        opened_lens.search(Query(text="ruler", neuron="block4/1"))


def test_a_taken_port(lens_command, folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, _, err = lens_command("serve", folder, "--grpc", f"127.0.0.1:{taken.getsockname()[1]}")
    assert status == 2
    assert "taken" in err


def test_ctrl_c_during_a_build_leaves_no_index_and_says_how_to_go_on(tmp_path):
    save_lesions(tmp_path / "images", 30)
    asked = arguments(str(tmp_path / "index"), dataset=f"folder:{tmp_path / 'images'}", batch_size="4")
    code = (
        "import signal, sys, indexer.datasets.folder as folder\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background\n"
        "real = folder.__dict__['read_image']\n"
        "import itertools; seen = itertools.count()\n"
        "def read(*a, **k):\n"
        "    if next(seen) == 20:\n"
        "        import os; os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(*a, **k)\n"
        "folder.read_image = read\n"
        "import indexer.collectors.activation as activation; activation._CHECKPOINT_SECONDS = 0.0\n"
        f"sys.argv = ['lens', 'build', *{asked!r}]\n"
        "from lens_server.cli.main import main; main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 130, ended.stderr
    assert "--resume" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "index").exists()


def test_an_internal_error_is_status_70_and_no_traceback(lens_command, folder, monkeypatch):
    from lens_server.lens import Lens

    monkeypatch.setattr(Lens, "describe", lambda _self: 1 / 0)
    status, _, err = lens_command("show", folder)
    assert status == 70
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


def test_a_disk_without_room(tmp_path):
    """The system refuses to let files grow: exit 2 with the cure, and no index."""
    code = (
        "import resource, sys\n"
        "import torch\n"
        f"sys.argv = ['lens', 'build', *{arguments(str(tmp_path / 'index'))!r}]\n"
        "from lens_server.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2, ended.stderr
    assert "Writing failed" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "index").exists()
