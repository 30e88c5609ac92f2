"""The disk on which events wait."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edge.doctor.finding import Finding, ok, warning, wrong
from edge.publish.privacy import open_to_others

SLOW_S = 0.25
"""Of a write that is on disk: alarms wait for one."""

_MIB = 1024 * 1024


def disk(folder: Path, max_bytes: int, slow_s: float = SLOW_S) -> Iterator[Finding]:
    """Whether events can wait in a folder.

    Args:
        folder: of the outbox; it need not be there.
        max_bytes: of events that may wait.
        slow_s: a write that takes longer to be on disk is slow.
    """
    place = folder
    try:
        place = nearest(folder)
        took_s = _write(place)
        held = _held_bytes(folder)
    except OSError as error:
        yield wrong(
            "disk", f"{place}: cannot be written: {error.strerror}", remedy_of(error, folder)
        )  # fmt: skip
        return
    if took_s > slow_s:
        yield warning(
            "disk", f"{folder}: a write took {took_s * 1e3:.0f} ms to be on disk",
            "set data_dir to an SSD or eMMC; a worn or cheap SD card holds up alarms",
        )  # fmt: skip
    else:
        yield ok("disk", f"{folder}: a write took {took_s * 1e3:.0f} ms to be on disk")
    yield from _privacy(folder)
    free, needed = shutil.disk_usage(place).free, max(0, max_bytes - held)
    told = f"{free // _MIB:,} MiB free, and events may take {needed // _MIB:,} MiB more"
    if free < needed:
        yield warning(
            "space", told, "lower outbox.max_bytes, or make room: what no longer fits is lost"
        )
    else:
        yield ok("space", told)


def remedy_of(error: OSError, folder: Path) -> str:
    """What to do where the disk of the outbox's folder cannot be written."""
    if error.errno == errno.ENOSPC:
        return f"make room on this disk, or set data_dir, which is {folder}, to another one"
    return (
        f"let the agent's user write there, or set data_dir, which is {folder}, to a folder on a "
        "disk that can be written"
    )


def _held_bytes(folder: Path) -> int:
    """What events occupy now; an agent that runs may take a file away meanwhile."""
    total = 0
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _privacy(folder: Path) -> Iterator[Finding]:
    """Who else may look at events; nothing is said of a folder that is not there yet."""
    if folder.is_dir():
        found = open_to_others([folder, *folder.glob("outbox*")])
        if found:
            yield warning(
                "privacy", f"{found[0]}: others than the agent's user may read it",
                f"chmod 700 {folder}; the agent closes its own files when it starts",
            )  # fmt: skip
        else:
            yield ok("privacy", f"{folder}: for the agent's user alone")


def nearest(folder: Path) -> Path:
    """What is there of a path, from its end: the folder itself, or where it would be made.

    Raises:
        OSError: that cannot be seen: a folder above is not to be entered, or a name too long.
    """
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _write(place: Path) -> float:
    """Seconds that a small write takes to be on disk; nothing stays behind.

    Raises:
        OSError: it cannot be written.
    """
    with tempfile.TemporaryFile(dir=place) as file:
        begun_s = time.monotonic()
        file.write(b"\0" * 4096)
        file.flush()
        os.fsync(file.fileno())
        return time.monotonic() - begun_s
