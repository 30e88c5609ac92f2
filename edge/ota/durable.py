"""Files of updates on the disk; what it refuses is an OtaError, which may pass."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.errors import OtaError
from edge.ota.states import Code
from wayside.disk import REAL, is_full, write_whole

_FOLDER = 0o700
Write = Callable[[Path, bytes], None]
"""Puts a file in its place, durably; see `write_durably`."""


def make_folder(folder: Path) -> None:
    """A folder of this user's, made where it is missing.

    Raises:
        OtaError: `no-space` or `read-only`.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)


def write_durably(path: Path, data: bytes) -> None:
    """Put a file in its place, for this user's eyes alone, whole, and only then return.

    Raises:
        OtaError: `no-space` or `read-only`; what was there before is still there.
    """
    with disk_errors(path):
        write_whole(REAL, path, data)


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


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """What the disk refuses in the block, as an OtaError.

    Raises:
        OtaError: `no-space` where it is full, else `read-only`.
    """
    try:
        yield
    except OSError as error:
        reason = f"cannot be written: {error.strerror or type(error).__name__}"
        doing = "the folder must be this user's, and writable"
        named = OSError(error.errno, reason, str(path))
        raise disk_error(named, "make room" if is_full(error) else doing) from error


def disk_error(error: OSError, doing: str) -> OtaError:
    """What a failure of the disk means for an update; it may pass.

    Args:
        error: of the disk.
        doing: what is to be done, or becomes of the update meanwhile.
    """
    code = Code.NO_SPACE if is_full(error) else Code.READ_ONLY
    where = f"{error.filename}: " if error.filename else ""
    return OtaError(code, f"{where}{error.strerror or error}; {doing}", is_passing=True)
