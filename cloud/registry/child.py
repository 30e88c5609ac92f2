"""A process of its own for a stranger's file, seen from the one that waits for it.

It may hang, crash, fill the memory or say anything: it is ended when its time is over, what it
says is bounded, and it knows nothing of this process: no variable of the environment that could
hold a secret, no open file, no terminal.
"""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import cloud
from wayside.process import dying_with_parent

MAX_TOLD_BYTES = 1024 * 1024
_READ_BYTES = 65_536
_ERROR_BYTES = 4096
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")
WORKER = (sys.executable, "-m", "cloud.registry.worker")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        told: whole lines of its stdout.
        why: what ended it, in words; empty: it ended by itself with exit code 0.
    """

    told: Sequence[bytes]
    why: str = ""


def run_apart(job: bytes, folder: Path, timeout_s: float, command: Sequence[str] = WORKER) -> Ended:
    """Run a process in a folder to its end, or for as long as it may.

    Args:
        job: written to its stdin.
        folder: that it works in.
        timeout_s: after which it is ended, with all that it started.
        command: the program and its arguments.

    Raises:
        OSError: it cannot be started.
    """
    with tempfile.TemporaryFile() as stderr, tempfile.TemporaryFile() as stdin:
        stdin.write(job)
        stdin.seek(0)
        process = subprocess.Popen(
            dying_with_parent(command), cwd=folder, env=_environment(folder),
            stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            told, why = _read(process.stdout.fileno(), timeout_s)
            if not why and not _ends(process, timeout_s):
                why = _too_slow(timeout_s)
        finally:
            # Not waited for yet, so the number is still its own, and of all that it started.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            process.stdout.close()
        return Ended(told.split(b"\n")[:-1], why or _end_of(code, stderr))


def _read(pipe: int, timeout_s: float) -> tuple[bytes, str]:
    """What comes until the pipe's end, and why no more was read."""
    deadline_s = time.monotonic() + timeout_s
    told = b""
    while True:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not select.select([pipe], [], [], left_s)[0]:
            return told, _too_slow(timeout_s)
        content = os.read(pipe, _READ_BYTES)
        if not content:
            return told, ""
        told += content
        if len(told) > MAX_TOLD_BYTES:
            return told[:MAX_TOLD_BYTES], "talked without end and was ended"


def _ends(process: "subprocess.Popen[bytes]", timeout_s: float) -> bool:
    """Whether a process ends in time; it is left for `wait`."""
    watch = os.pidfd_open(process.pid)
    try:
        return bool(select.select([watch], [], [], timeout_s)[0])
    finally:
        os.close(watch)


def _too_slow(timeout_s: float) -> str:
    return f"took more than {timeout_s:g} s and was ended"


def _environment(folder: Path) -> Mapping[str, str]:
    """Little; Python runs no code that merely lies in the folder (`-P` as a variable)."""
    ours = str(Path(cloud.__file__).resolve().parents[1])
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {
        **kept, "PYTHONPATH": ours, "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder), "TMPDIR": str(folder),
        # A pool of threads reserves address space for each core of a large server.
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip


def _end_of(code: int, stderr: IO[bytes]) -> str:
    """Why a process ended, in words; empty for exit code 0."""
    if code == 0:
        return ""
    if code == -signal.SIGXCPU:
        return "took more time of the processor than it may and was ended"
    if code == -signal.SIGKILL:
        return "was killed, as the kernel does where memory or time runs out"
    stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - _ERROR_BYTES))
    lines = stderr.read().decode(errors="replace").strip().splitlines()
    last = f": {lines[-1].strip()}" if lines else ""
    return f"ended with {'signal' if code < 0 else 'exit code'} {abs(code)}{last}"
