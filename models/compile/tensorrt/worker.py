"""The process that builds: `python -m models.compile.tensorrt.worker`, see `build.py`.

The job comes as one line of JSON on stdin, which stays open: its end means that nobody waits for
the engine any more. What happens is told on stdout, a line of JSON each:

    {"done": 0.25}                                            how far it is
    {"built": {"sha256": ..., "size_bytes": ..., "build_s": ...}}  the part is whole, on disk
    {"error": "..."}                                          there is no engine, and why
"""

import hashlib
import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.checksum import check_sha256
from models.compile.tensorrt.network import build_engine
from models.compile.tensorrt.options import Batch, Options
from models.engines.tensorrt_library import load_library
from models.errors import ModelError
from models.private import private_file

NICEST = 19

_KILLED_FIRST = 1000
"""The most of oom_score_adj, see proc_pid_oom_score_adj(5); to ask for more needs no right."""


def main() -> int:
    """Build what stdin asks for."""
    told = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no message
    _give_way()
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()

    def tell(message: dict[str, object]) -> None:
        os.write(told, json.dumps(message).encode() + b"\n")

    try:
        tell({"built": _build(job, lambda share: tell({"done": share}))})
    except ModelError as error:
        tell({"error": str(error)})
        return 1
    except OSError as error:
        tell({"error": f"{error.filename or 'the engine'}: {error.strerror}"})
        return 1
    return 0


def _build(job: dict[str, Any], tell: Any) -> dict[str, object]:
    onnx, part, timing = Path(job["onnx"]), Path(job["part"]), Path(job["timing"])
    check_sha256(onnx, job["onnx_sha256"], "it changed while its build was waited for: try again")
    options = dict(job["options"])
    batch = options.pop("batch")
    asked = Options(**options, batch=None if batch is None else Batch.parse(batch))
    begun_s = time.monotonic()
    known = timing.read_bytes() if timing.is_file() else b""
    built = build_engine(load_library(job["library"]), onnx, asked, known, tell)
    build_s = time.monotonic() - begun_s
    _write(part, built.engine)
    if built.timing_cache:
        half = timing.with_name(f".{timing.name}.part")
        _write(half, built.timing_cache)
        half.replace(timing)
    digest = hashlib.sha256(built.engine).hexdigest()
    return {"sha256": digest, "size_bytes": len(built.engine), "build_s": round(build_s, 3)}


def _write(path: Path, content: bytes) -> None:
    """Write a file, to the disk: a board may lose its power at any moment."""
    with private_file(path).open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _give_way() -> None:
    """Run only when nothing else wants to, and end first where memory runs out.

    Frames go before engines.
    """
    os.nice(NICEST)
    with suppress(OSError):  # forbidden in some containers; there nice alone must do
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{_KILLED_FIRST}")


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
