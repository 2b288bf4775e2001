"""Generate lens_server/v1 from the .proto files: `python proto/generate.py [FOLDER]` (`make proto`)."""

import os
import subprocess
import sys
from pathlib import Path

PROTO = Path(__file__).resolve().parent
MARK = '"""Generated from proto/; never edited by hand: `make proto`."""\n'


def generate(folder: Path) -> Path:
    """Write the Python modules and their types below `folder`; the package's path."""
    folder.mkdir(parents=True, exist_ok=True)
    _compile(folder, ("python", "mypy"), "*.proto")
    _compile(folder, ("grpc_python", "mypy_grpc"), "*_service.proto")
    package = folder / "lens_server" / "v1"
    (package / "__init__.py").write_text(MARK)
    return package


def _compile(folder: Path, kinds: tuple[str, ...], pattern: str) -> None:
    outputs = [f"--{kind}_out={'quiet:' if 'mypy' in kind else ''}{folder}" for kind in kinds]
    sources = sorted(path.relative_to(PROTO).as_posix() for path in PROTO.glob(f"lens_server/v1/{pattern}"))
    beside_python = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *outputs, *sources]
    subprocess.run(command, cwd=PROTO, env={**os.environ, "PATH": beside_python}, check=True)


if __name__ == "__main__":
    generate(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PROTO.parent)
