"""lens_server/v1 is what proto/ says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "lens_server" / "v1"


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    """Generated anew, it is the same to the byte."""
    subprocess.run([sys.executable, str(ROOT / "proto" / "generate.py"), str(tmp_path)], check=True)
    fresh = {each.name: each.read_text() for each in (tmp_path / "lens_server" / "v1").glob("*.py*")}
    committed = {each.name: each.read_text() for each in COMMITTED.glob("*.py*")}
    different = sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))
    assert not different, f"{', '.join(different)} differ from proto/. Run `make proto` and commit the result."
