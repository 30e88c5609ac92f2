"""The metadata that was trusted, kept: as it came, whole, one process at a time.

    root.json, timestamp.json, snapshot.json, targets.json, family-*.json    the newest
    roots/1.root.json, roots/2.root.json, ...    the way from the device's own root to the newest
    lock                                         held while somebody uses the folder

What is read here is verified anew each time, by its signatures: they are the checksum. A file that
is torn, zeroed, cut off or missing is none, and is fetched again. The marks (high_water.py) tell a
file that was put back in time.
"""

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from urllib.parse import quote

from edge.ota.durable import Write, disk_errors, make_folder, read_bounded, write_durably
from edge.ota.refusal import refusal
from edge.ota.states import Code

MAX_BYTES = 8 * 1024 * 1024
_MAX_NAME = 200
_ROOTS = "roots"


class TrustedStore:
    """A folder of trusted metadata; usable as a context manager.

    Args:
        folder: made where it is missing.
        write: puts a file in its place.

    Raises:
        OtaError: `read-only` where another process has it, or it is not there and cannot be made. A
            disk that has become read-only can still be asked what was trusted.
    """

    def __init__(self, folder: Path, write: Write = write_durably) -> None:
        self._folder = folder
        self._write = write
        make_folder(folder / _ROOTS)
        self._lock = _opened(folder / "lock")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise refusal(
                Code.READ_ONLY,
                f"{folder}: another process uses it; only one agent may run in a data_dir",
            ) from error

    def close(self) -> None:
        """Let another process use the folder."""
        with contextlib.suppress(OSError):
            os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> "TrustedStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, role: str) -> bytes | None:
        """The metadata of a role; None where there is none of use."""
        return read_bounded(self._path(role), MAX_BYTES)

    def keep(self, role: str, data: bytes) -> None:
        """Keep the metadata of a role; durable on return.

        Raises:
            OtaError: `no-space` or `read-only`.
        """
        if self.read(role) != data:
            self._write(self._path(role), data)

    def read_root(self, version: int) -> bytes | None:
        """The root of a version, one of the way from the device's own to the newest."""
        return read_bounded(self._folder / _ROOTS / f"{version}.root.json", MAX_BYTES)

    def keep_root(self, version: int, data: bytes) -> None:
        """Keep a root as the newest, and for the way to it.

        Raises:
            OtaError: `no-space` or `read-only`.
        """
        path = self._folder / _ROOTS / f"{version}.root.json"
        if read_bounded(path, MAX_BYTES) != data:
            self._write(path, data)
        self.keep("root", data)

    def _path(self, role: str) -> Path:
        name = quote(role, safe="")
        if len(name) > _MAX_NAME:
            raise refusal(Code.NOT_READABLE, f"{role[:80]!r} is too long for the name of a role")
        return self._folder / f"{name}.json"


def _opened(lock: Path) -> int:
    """A descriptor that can be locked; of what is there already on a disk that is read-only."""
    with disk_errors(lock):
        try:
            return os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            if error.errno not in {errno.EROFS, errno.EACCES}:
                raise
            return os.open(lock, os.O_RDONLY)
