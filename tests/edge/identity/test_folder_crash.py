"""An exchange of credentials, killed at each of its writes that strace sees."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.identity.folder import Credentials, CredentialsFolder

CALLS = "mkdir,fsync,fchmod,rename,symlink,unlink,rmdir,unlinkat"
"""System calls that change what is on the disk, or make it last."""

EXCHANGE = """
import sys
from pathlib import Path
from edge.identity.folder import CredentialsFolder
folder = CredentialsFolder(Path(sys.argv[1]))
folder.make()
print("begin", flush=True)
folder.settle()
if folder.key() is None:
    folder.keep_key(b"new key")
folder.take(b"new certificate", b"new ca")
print("end", flush=True)
"""
OLD = Credentials(b"old key", b"old certificate", b"old ca")
NEW = Credentials(b"new key", b"new certificate", b"new ca")


def exchange(path: Path, log: Path, *injected: str) -> subprocess.CompletedProcess[str]:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    return subprocess.run(
        [strace, "-f", "-o", str(log), "-e", f"trace={CALLS},write", *injected,
         sys.executable, "-B", "-c", EXCHANGE, str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def changes(log: Path) -> dict[str, list[int]]:
    """Which of all calls of a name, counted from 1, are of the exchange."""
    found: dict[str, list[int]] = {}
    counts: dict[str, int] = {}
    is_within = False
    for line in log.read_text().splitlines():
        name = re.match(r"\d+ +(\w+)\(", line)
        if name is None:
            continue
        if name[1] == "write":
            is_within = '"begin' in line or (is_within and '"end' not in line)
            continue
        counts[name[1]] = counts.get(name[1], 0) + 1
        if is_within:
            found.setdefault(name[1], []).append(counts[name[1]])
    return found


@pytest.mark.deep
@pytest.mark.parametrize("had_others", [False, True], ids=["first", "renewal"])
def test_killed_anywhere_it_leaves_old_or_new_and_goes_on(tmp_path: Path, had_others: bool) -> None:
    before = tmp_path / "before"
    folder = CredentialsFolder(before)
    folder.make()
    for _ in range(2 if had_others else 0):  # the third lets go of the first
        folder.keep_key(OLD.key)
        folder.take(OLD.certificate, OLD.ca)
    whole = tmp_path / "whole"
    shutil.copytree(before, whole, symlinks=True)
    assert "end" in exchange(whole, tmp_path / "log").stdout
    points = [(name, at) for name, every in changes(tmp_path / "log").items() for at in every]
    print(f"{len(points)} points")
    assert len(points) > 20
    for name, at in points:
        path = tmp_path / f"{name}-{at}"
        shutil.copytree(before, path, symlinks=True)
        killed = exchange(
            path, tmp_path / "killed", "-e", f"inject={name}:signal=SIGKILL:when={at}"
        )
        assert "end" not in killed.stdout, f"{name} {at}: nobody was killed"
        left = CredentialsFolder(path)
        if had_others:
            assert left.current() in (OLD, NEW), f"{name} {at}: before anything is mended"
        done = left.settle()
        if done or left.holds_credentials:
            assert left.current() in (OLD, NEW), f"{name} {at}"
        assert "end" in exchange(path, tmp_path / "again").stdout, f"{name} {at}"
        assert left.current() == NEW, f"{name} {at}"
        assert not [part for part in path.rglob(".*.part") if part.parent == path]
