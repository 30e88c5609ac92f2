"""The process that builds an engine, seen from the one that waits for it.

A build takes all of a core and a good part of the memory for minutes, and where TensorRT breaks it
takes its process along. So it has one of its own, which gives way to everybody and does not
outlive whoever waits: the pipe to its stdin ends with them, whatever ended them.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import models
from models.compile.tensorrt.messages import Tell
from models.compile.tensorrt.options import Options
from models.errors import EngineError
from wayside.process import dying_with_parent

_POLL_S = 0.1
"""How soon a build ends that is called off."""

_READ_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be built, and where the engine goes.

    Attributes:
        library: name of its Python module.
        onnx: the network.
        onnx_sha256: of it.
        options: how.
        part: file for the engine.
        timing: file of TensorRT's own measurements, read and written.
    """

    library: str
    onnx: Path
    onnx_sha256: str
    options: Options
    part: Path
    timing: Path

    def line(self) -> bytes:
        """As the process reads it."""
        return json.dumps({
            "library": self.library, "onnx": str(self.onnx.absolute()),
            "onnx_sha256": self.onnx_sha256, "options": self.options.as_json(),
            "part": str(self.part.absolute()), "timing": str(self.timing.absolute()),
        }).encode() + b"\n"  # fmt: skip


@dataclass(frozen=True, slots=True)
class Whole:
    """An engine that stands in its part file.

    Attributes:
        sha256: of its bytes.
        size_bytes: how many.
        build_s: s that it took.
    """

    sha256: str
    size_bytes: int
    build_s: float


def build(
    job: Job, tell: Tell, stop: threading.Event, timeout_s: float, lock: int | None = None
) -> Whole:
    """Build an engine into its part file; where this raises, there is none.

    Args:
        job: what.
        tell: is told how far it is, where TensorRT says.
        stop: calls it off.
        timeout_s: s after which it is given up.
        lock: file descriptor that the process holds as long as it lives.

    Raises:
        EngineError: it cannot be built, took too long or was called off.
    """
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            _command(), cwd="/", env=_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,  # Ctrl-C is for who waits, who then ends this
        )  # fmt: skip
        whole = None
        try:
            whole = _followed(process, job, tell, stop, timeout_s)
            if whole is None:
                raise EngineError(f"{job.onnx}: {_end_of(process.wait(), stderr)}")
            return whole
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
            if whole is None:
                job.part.unlink(missing_ok=True)


def _followed(
    process: "subprocess.Popen[bytes]",
    job: Job,
    tell: Tell,
    stop: threading.Event,
    timeout_s: float,
) -> Whole | None:
    """What the process tells, to its end; None where it ended without a last word."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # it is gone already; why stands in its stderr
        process.stdin.write(job.line())
        process.stdin.flush()
    for message in _messages(process.stdout.fileno(), job.onnx, stop, timeout_s):
        if "done" in message:
            tell(float(message["done"]))
        elif "error" in message:
            raise EngineError(str(message["error"]))
        else:
            return Whole(**message["built"])
    return None


def _messages(
    pipe: int, onnx: Path, stop: threading.Event, timeout_s: float
) -> Iterator[dict[str, Any]]:
    deadline = time.monotonic() + timeout_s
    rest = b""
    while True:
        if stop.is_set():
            raise EngineError(f"{onnx}: the build was called off")
        if time.monotonic() > deadline:
            raise EngineError(f"{onnx}: the build took more than {timeout_s:g} s and was ended")
        if not select.select([pipe], [], [], _POLL_S)[0]:
            continue
        content = os.read(pipe, _READ_BYTES)
        if not content:
            return
        *lines, rest = (rest + content).split(b"\n")
        yield from map(json.loads, lines)


def _command() -> list[str]:
    python: Sequence[str] = [sys.executable, "-m", "models.compile.tensorrt.worker"]
    ionice = shutil.which("ionice")
    if ionice:
        python = [str(Path(ionice).absolute()), "--class", "idle", "--ignore", *python]
    return dying_with_parent(python)


def _environment() -> dict[str, str]:
    """That of this process, in which Python runs no code that merely lies in a working folder.

    `python -m` looks there first. So the process works in `/`, which is root's, and PYTHONSAFEPATH
    leaves that out too where Python knows it (3.11). `models` is to be the one that runs here,
    even where it is a checkout that only this process has on its path.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = [str(Path(one).absolute()) for one in given if one]
    ours = Path(models.__file__).resolve().parents[1]
    if str(ours) not in {sysconfig.get_path(name) for name in ("purelib", "platlib")}:
        path.append(str(ours))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONSAFEPATH": "1"}


def _end_of(code: int, stderr: "IO[bytes]") -> str:
    """Why a build ended without a word."""
    stderr.seek(0)
    lines = stderr.read().decode(errors="replace").strip().splitlines()
    if code == -signal.SIGKILL:
        return "the build was killed, as the kernel does where memory runs out"
    last = f": {lines[-1].strip()}" if lines else ""
    return f"the build ended with {'signal' if code < 0 else 'exit code'} {abs(code)}{last}"
