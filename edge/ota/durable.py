"""Files that are whole and on the disk, or not there.

A new file is written beside the old one, synced, renamed over it, and the folder is synced: whoever
is killed, or loses power, leaves the old file or the new one.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.ota.refusal import refusal
from edge.ota.states import Code

_FOLDER, _FILE = 0o700, 0o600
Write = Callable[[Path, bytes], None]
"""Puts a file in its place, durably; see `write_durably`."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def make_folder(folder: Path) -> None:
    """A folder of this user's, made where it is missing.

    Raises:
        OtaError: `no-space` or `read-only`.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)


def write_durably(path: Path, data: bytes) -> None:
    """Put a file in its place, whole, and only then return.

    Raises:
        OtaError: `no-space` or `read-only`; what was there before is still there.
    """
    part = path.with_name(f"{path.name}.new")
    with disk_errors(path):
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            sync_folder(path.parent)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise


def read_bounded(path: Path, max_bytes: int) -> bytes | None:
    """A file's bytes; None where there is none, or nothing of use.

    What is longer, or is all zeros as a torn file may be, is of no use.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError:
        return None
    return data if 0 < len(data) <= max_bytes and data.strip(b"\0") else None


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """What the disk refuses in the block, as an OtaError.

    Raises:
        OtaError: `no-space` where it is full, else `read-only`.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if error.errno in _FULL:
            raise refusal(
                Code.NO_SPACE, f"{path}: cannot be written: {reason}; make room"
            ) from error
        raise refusal(
            Code.READ_ONLY,
            f"{path}: cannot be written: {reason}; the folder must be this user's, and writable",
        ) from error
