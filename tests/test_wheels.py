"""What an edge device installs is there as wheels for its processor: nothing is built on a board.

Asks the package index, by way of uv, as `make lock` does.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNREACHABLE = re.compile(r"error sending request|Failed to fetch")


def pins() -> list[str]:
    """`name==version ; marker` of every package in the lock."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line.removesuffix("\\").strip() for line in lines if "==" in line]


@pytest.mark.parametrize("python", ["3.10", "3.11"])
def test_every_pin_of_the_edge_has_a_wheel_for_aarch64(tmp_path: Path, python: str) -> None:
    locked = tmp_path / "pins.txt"
    locked.write_text("\n".join(pins()))
    resolve = [
        sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate",
        "--python-platform", "aarch64-manylinux_2_28", "--python-version", python,
        "--only-binary", ":all:", "--constraint", str(locked), "--extra", "edge",
        "--extra", "jetson", "--extra", "models", str(ROOT / "pyproject.toml"),
    ]  # fmt: skip
    done = subprocess.run(resolve, capture_output=True, text=True, timeout=100)
    if done.returncode != 0 and UNREACHABLE.search(done.stderr):
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    resolved = done.stdout.split()
    assert len(resolved) > 15
    assert set(resolved) <= {pin.split(" ")[0] for pin in pins()}, "a version that is not locked"
