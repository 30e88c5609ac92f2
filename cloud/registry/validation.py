"""A model validated: run in a process apart, under limits, and what came of it in words."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cloud.errors import RegistryError
from cloud.registry.child import WORKER, Ended, run_apart
from cloud.registry.report import Examined, as_line, examined
from cloud.registry.settings import ValidationSettings


def examine_apart(
    folder: Path, settings: ValidationSettings, command: Sequence[str] = WORKER
) -> Examined:
    """What is to be said of a record's network and its golden pictures.

    Whatever the file does to the process that looks at it is a finding of its own.

    Args:
        folder: of the record, whose files are as recorded.
        settings: the limits.
        command: the process; it speaks as `worker` does.

    Raises:
        RegistryError: nobody could look at it, for a reason that is not the model's.
    """
    try:
        ended = run_apart(_job(settings), folder, settings.timeout_s, command)
    except OSError as error:
        raise RegistryError(f"no process can be started to validate in: {error}") from error
    begun, last = _told(ended)
    if "missing" in last:
        raise RegistryError(
            f"{as_line(str(last['missing']))} is not installed, and models are not validated "
            "without: pip install 'wayside[edge,models]', or deploy/docker/validate.Dockerfile"
        )
    if not begun:
        raise RegistryError(f"the process to validate in {as_line(ended.why or 'said nothing')}")
    seen = examined(json.dumps(last["examined"]).encode()) if "examined" in last else None
    if seen is not None and not ended.why:
        return seen
    why = ended.why or "said what nobody understands"
    return Examined(findings=(as_line(f"{begun}, its process {why}"),))


def _job(settings: ValidationSettings) -> bytes:
    limits = {
        "domains": settings.domains,
        "operators": settings.operators,
        "refused": settings.refused_operators,
        "max_nodes": settings.max_nodes,
        "max_weight_bytes": settings.max_weight_bytes,
        "max_input_bytes": settings.max_input_bytes,
        "max_tensor_bytes": settings.max_tensor_bytes,
        "min_opset": settings.min_opset,
        "max_opset": settings.max_opset,
    }
    return json.dumps({
        "memory_mb": settings.memory_mb, "address_space_mb": settings.address_space_mb,
        "cpu_s": settings.cpu_s, "limits": limits,
    }).encode()  # fmt: skip


def _told(ended: Ended) -> tuple[str, dict[str, Any]]:
    """What the process began last, and its last word."""
    begun, last = "", {}
    for line in ended.told:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(message, dict):
            continue
        if isinstance(message.get("begins"), str):
            begun = as_line(message["begins"])
        else:
            last = message
    return begun, last
