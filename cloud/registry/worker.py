"""The process that looks at a model: `python -m cloud.registry.worker`, see `validation.py`.

It works in the folder of the record. The job comes as one document of JSON on stdin. Nothing of
what looks at the model is imported before the process has given away the right to more memory and
time. What happens is told on stdout, a line of JSON each:

    {"begins": "loading it"}                     what ends the process from here on ended it there
    {"missing": "onnx"}                          a library is not installed
    {"examined": {"findings": [...], ...}}       the last word, see `report.Examined`
"""

import importlib.util
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

LIBRARIES = ("cv2", "onnx", "onnxruntime")
"""Without which no model is looked at."""

_MAX_WRITTEN_BYTES = 1024 * 1024
_GRACE_S = 5
_MB = 1024 * 1024


def main() -> int:
    """Look at the model of the working folder."""
    told = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no message
    job: dict[str, Any] = json.load(sys.stdin)
    bound(job["memory_mb"], job["address_space_mb"], job["cpu_s"])

    def tell(what: str, content: object) -> None:
        os.write(told, json.dumps({what: content}).encode() + b"\n")

    for library in LIBRARIES:
        if importlib.util.find_spec(library) is None:
            tell("missing", library)
            return 1
    from cloud.registry.examination import examine
    from models.graph.limits import Limits

    limits: dict[str, Any] = job["limits"]
    for name in ("domains", "operators", "refused"):
        limits[name] = None if limits[name] is None else frozenset(limits[name])
    seen = examine(Path(), Limits(**limits), lambda begins: tell("begins", begins))
    tell("examined", seen.model_dump(mode="json"))
    return 0


def bound(memory_mb: int, address_space_mb: int, cpu_s: int) -> None:
    """Give away the right to more than this, for good (setrlimit(2))."""
    for kind, most, last in (
        (resource.RLIMIT_DATA, memory_mb * _MB, 0),
        (resource.RLIMIT_AS, address_space_mb * _MB, 0),
        # SIGXCPU first, which says what it is for; SIGKILL where that was not enough.
        (resource.RLIMIT_CPU, cpu_s, _GRACE_S),
        (resource.RLIMIT_FSIZE, _MAX_WRITTEN_BYTES, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = most + last if hard == resource.RLIM_INFINITY else min(most + last, hard)
        resource.setrlimit(kind, (min(most, allowed), allowed))


if __name__ == "__main__":
    sys.exit(main())
