"""Where the peer is, and how a program that imports it is started."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
VARIABLE = "LENS_PEER"


def peer_folder(work: Path) -> Path:
    """The folder LENS_PEER names, or one below `work` that is made where it is missing; raises SystemExit."""
    named = os.environ.get(VARIABLE)
    folder = Path(named).expanduser() if named else work / "peer"
    if (folder / "semanticlens").is_dir():
        return folder
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(folder), "--no-deps"]
    command += ["--python", sys.executable, "-r", str(REQUIREMENTS)]
    if named or subprocess.run(command, check=False).returncode:
        raise SystemExit(f"No peer in '{folder}'. Install it with: {' '.join(command)}")
    return folder


def environment(*first: Path) -> dict[str, str]:
    """This process's, these folders and the project importable, nothing remembered between builds, no hub asked."""
    path = [str(each) for each in (*first, ROOT, ROOT / "clients" / "python")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "LENS_CACHE": "none", "HF_HUB_OFFLINE": "1"}
