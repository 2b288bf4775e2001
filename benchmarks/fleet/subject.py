"""The nets of a fleet as subjects anyone can load: `python:lens_fleet_NAME:MEMBER`, found in the fleet's folder."""

import sys
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file

from benchmarks.fleet.recipes import COMMITTED, Fleet, Member
from indexer.subjects.lesion_nets import CLASS_NAMES
from indexer.subjects.lesion_nets.network import LesionNet, preprocess

_MODULE = '''"""Nets of a fleet, for `python:{module}:MEMBER`."""

from pathlib import Path

from benchmarks.fleet.subject import factories

__getattr__ = factories(Path(__file__).parent / "{fleet}")
'''


def named(fleet: Fleet, member: Member) -> str:
    """The subject's name; the same wherever the folder lies."""
    return f"lesion:{member.name}" if fleet.name == COMMITTED else f"python:{_module(fleet)}:{member.name}"


def offer(fleet: Fleet, folder: Path) -> None:
    """Make the fleet's nets loadable by name in this process, and in any other that has the folder on its path."""
    file = folder / f"{_module(fleet)}.py"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(_MODULE.format(module=_module(fleet), fleet=fleet.made_as), encoding="utf-8")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def factories(folder: Path) -> Callable[[str], object]:
    """A module's `__getattr__`: the name of a member → what loads it."""

    def factory(name: str) -> object:
        file = folder / f"{name}.safetensors"
        if not file.is_file():
            raise AttributeError(f"{folder} holds no net {name!r}")
        return lambda: _loaded(file)

    return factory


def _loaded(file: Path) -> tuple[LesionNet, object, tuple[str, ...]]:
    net = LesionNet()
    net.load_state_dict(load_file(file))
    return net.eval(), preprocess, CLASS_NAMES


def _module(fleet: Fleet) -> str:
    return f"lens_fleet_{fleet.name}"
