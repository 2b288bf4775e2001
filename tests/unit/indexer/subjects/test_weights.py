"""Weights from files: what is refused, and how misfits are named."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from indexer.errors import InvalidInput, SubjectFault  # noqa: E402
from indexer.subjects.weights import download, load_file  # noqa: E402


def _net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def _same(one: nn.Module, other: nn.Module) -> bool:
    mine, others = one.state_dict(), other.state_dict()
    return all(torch.equal(mine[name], others[name]) for name in mine)


def _load(module: nn.Module, file: Path, *, trust_pickle: bool = False) -> None:
    load_file(module, str(file), owner="timm:net", trust_pickle=trust_pickle)


@pytest.mark.parametrize("wrapper", ["", "module.", "_orig_mod."])
def test_safetensors(tmp_path: Path, wrapper: str) -> None:
    save_file({wrapper + name: each for name, each in _net(1).state_dict().items()}, tmp_path / "w.safetensors")
    net = _net()
    _load(net, tmp_path / "w.safetensors")
    assert _same(net, _net(1))


@pytest.mark.parametrize("wrap", [None, "state_dict", "model"])
def test_trusted_pickle(tmp_path: Path, wrap: str | None) -> None:
    state = _net(1).state_dict()
    torch.save({wrap: state, "epoch": 3} if wrap else state, tmp_path / "w.pth")
    net = _net()
    _load(net, tmp_path / "w.pth", trust_pickle=True)
    assert _same(net, _net(1))


@pytest.mark.parametrize("ending", ["pt", "pth", "bin"])
def test_pickles_are_refused(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"w.{ending}").write_bytes(b"never read")
    with pytest.raises(SubjectFault, match="unpickling runs code") as fault:
        _load(_net(), tmp_path / f"w.{ending}")
    assert "--trust-pickle" in fault.value.hint


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code ran')",)


@pytest.mark.parametrize(
    "content", [Evil(), nn.Linear(2, 2), [1, 2], {"lr": 0.1}], ids=["code", "module", "list", "options"]
)
def test_even_a_trusted_pickle_runs_no_code(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(SubjectFault, match="cannot be read as weights|holds no state_dict"):
        _load(_net(), tmp_path / "w.pt", trust_pickle=True)


def test_misfits_are_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    state = {"0.weight": torch.zeros(5, 3), "1.weight": torch.zeros(2), "head": torch.zeros(1)}
    save_file(state, tmp_path / "w.safetensors")
    net = _net()
    with pytest.raises(SubjectFault) as fault:
        _load(net, tmp_path / "w.safetensors")
    assert fault.value.message == (
        "The weights in 'w.safetensors' do not fit timm:net: "
        "4 missing: 0.bias, 1.bias, 1.running_mean, …; 1 unexpected: head; "
        "1 misshapen: 0.weight (file [5, 3], model [2, 3])."
    )
    assert _same(net, _net())


def test_a_tied_tensor_may_be_saved_once(tmp_path: Path) -> None:
    net = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    net["b"].weight = net["a"].weight
    state = {name: each.clone() for name, each in net.state_dict().items() if name != "b.weight"}
    save_file(state, tmp_path / "w.safetensors")
    _load(net, tmp_path / "w.safetensors")


def test_truncated_safetensors(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    save_file(_net().state_dict(), file)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(SubjectFault, match="cannot be read as safetensors"):
        _load(_net(), file)


def test_absent_file_names_its_neighbour(tmp_path: Path) -> None:
    save_file(_net().state_dict(), tmp_path / "best.safetensors")
    with pytest.raises(InvalidInput) as fault:
        _load(_net(), tmp_path / "bset.safetensors")
    assert fault.value.hint == "Did you mean 'best.safetensors'?"


def test_a_failed_download_lists_ways_out() -> None:
    with pytest.raises(SubjectFault) as fault, download("timm:net"):
        raise OSError("no route")
    assert fault.value.message == "The pretrained weights of timm:net could not be fetched: no route."
    assert "/random" in fault.value.hint
