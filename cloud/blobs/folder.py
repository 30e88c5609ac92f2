"""Blobs in a folder of this machine.

obstore's LocalStore reads, lists and deletes. It writes without fsync and refuses content types,
so writing is ours: a file of its own, synced, gets its name only when it is whole. Whoever finds
a key therefore finds all of its bytes, after a power cut too.
"""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from obstore.store import LocalStore

from cloud.blobs.obstore import ObstoreBlobs
from cloud.blobs.port import BlobEntry, check_key
from cloud.errors import BlobsAwayError, StartError
from wayside.disk import REAL

_INCOMING = ".incoming"
"""Where files are until they are whole; no key can name it."""

_SWAPPING = ".swapping"
"""Held by who compares a blob and replaces it."""

_ABANDONED_S = 3600.0


class FolderBlobs(ObstoreBlobs):
    """Blobs in a folder, made with its parents where there is none.

    Several processes may share it.

    Args:
        folder: absolute.

    Raises:
        StartError: it cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            incoming = folder / _INCOMING
            incoming.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(incoming)
            store = LocalStore(folder, automatic_cleanup=True)
        except OSError as error:
            raise StartError(
                f"blobs {folder}: cannot be used: {error.strerror or error}; mend it, or set "
                "blobs.url to another folder"
            ) from error
        super().__init__(store, str(folder))

    def put(self, key: str, data: bytes, content_type: str) -> bool:
        """Keep a blob under a key that nobody has; the key's suffix stands for its type."""
        target = self._folder / check_key(key)
        with self._incoming("put", key, data) as incoming:
            return self._name_it(incoming, target)

    def swap(self, key: str, data: bytes, content_type: str, expected: bytes | None) -> bool:
        """Put a blob in the place of the one that was read, or where none was."""
        target = self._folder / check_key(key)
        with self._incoming("swap", key, data) as incoming, self._alone():
            if expected is None:
                return self._name_it(incoming, target)
            if not target.is_file() or target.read_bytes() != expected:
                return False
            incoming.replace(target)
            REAL.sync(target.parent)
            return True

    def list(self, folder: str, after: str = "") -> Iterator[BlobEntry]:
        """The blobs below a folder, in the order of their keys; all are looked at first."""
        yield from sorted(super().list(folder, after))

    @contextlib.contextmanager
    def _incoming(self, what: str, key: str, data: bytes) -> Iterator[Path]:
        """A synced file of these bytes that has no name yet; gone at the end if it got none."""
        # `#` and digits: LocalStore leaves such names out of its listings.
        incoming = self._folder / _INCOMING / f"blob#{secrets.randbits(63)}"
        try:
            _write_synced(incoming, data)
            yield incoming
        except OSError as error:
            raise BlobsAwayError(f"blobs {self._name}: {what} {key}: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                incoming.unlink()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process or thread swaps meanwhile."""
        descriptor = os.open(self._folder / _SWAPPING, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _name_it(self, incoming: Path, target: Path) -> bool:
        """Link a whole file to its name, and have the way to it on the disk."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(incoming, target)
            is_new = True
        except FileExistsError:
            is_new = False
        for folder in target.parents:
            REAL.sync(folder)
            if folder == self._folder:
                break
        return is_new


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove_abandoned(incoming: Path) -> None:
    """Remove what a process left that was killed while it wrote."""
    for path in incoming.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process cleans too
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()
