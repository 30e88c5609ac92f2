"""The disk, as updates need it: every change to it goes through here.

What is durable is so by order: a file's bytes, then its name, then the folder that holds the name.
A power cut between any two of these leaves the old or the new, never a mixture.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Protocol

from edge.errors import OtaError
from edge.ota.states import Code

PART = ".part"
"""Suffix of what is being written."""


class Disk(Protocol):
    """Changes a file system. Failures are OSError."""

    def write(self, path: Path, content: bytes) -> None:
        """A file of these bytes, not durable yet."""

    def sync(self, path: Path) -> None:
        """Make a file's bytes durable, or which names a folder holds."""

    def replace(self, source: Path, target: Path) -> None:
        """Give a file or folder another name, at once; a file that has it is gone."""

    def link(self, source: Path, target: Path) -> None:
        """One more name for a file; a copy where the file system has no hard links."""

    def copy(self, source: Path, target: Path) -> None:
        """Another file of the same bytes, not durable yet."""

    def make_folder(self, path: Path) -> None:
        """A folder, and what is missing above it; fine where it is there."""

    def remove(self, path: Path) -> None:
        """A file, or a folder with all that is in it; fine where it is not there."""

    def free_bytes(self, path: Path) -> int:
        """Room for this process on the file system that holds a folder."""


class RealDisk:
    """This machine's disk, see `Disk`."""

    def write(self, path: Path, content: bytes) -> None:
        """See `Disk.write`."""
        path.write_bytes(content)

    def sync(self, path: Path) -> None:
        """See `Disk.sync`."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def replace(self, source: Path, target: Path) -> None:
        """See `Disk.replace`."""
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        """See `Disk.link`."""
        try:
            target.hardlink_to(source)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP):
                raise
            shutil.copyfile(source, target)

    def copy(self, source: Path, target: Path) -> None:
        """See `Disk.copy`."""
        shutil.copyfile(source, target)

    def make_folder(self, path: Path) -> None:
        """See `Disk.make_folder`."""
        path.mkdir(parents=True, exist_ok=True)

    def remove(self, path: Path) -> None:
        """See `Disk.remove`."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def free_bytes(self, path: Path) -> int:
        """See `Disk.free_bytes`."""
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize


def write_whole(disk: Disk, path: Path, content: bytes) -> None:
    """A file of these bytes, durable; whatever happens, the old file or the new one is there.

    Raises:
        OSError: it cannot be written; the old one is there, or (the last sync failed) either.
    """
    part = path.with_name(path.name + PART)
    try:
        disk.write(part, content)
        disk.sync(part)
        disk.replace(part, path)
    except OSError:
        try_to_remove(disk, part)
        raise
    disk.sync(path.parent)


def try_to_remove(disk: Disk, path: Path) -> bool:
    """Remove what is in nobody's way where it cannot be; False then."""
    try:
        disk.remove(path)
    except OSError:
        return False
    return True


def disk_error(error: OSError, doing: str) -> OtaError:
    """What a failure of the disk means for an update; it may pass."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    code = Code.NO_SPACE if error.errno in full else Code.READ_ONLY
    where = f"{error.filename}: " if error.filename else ""
    told = f"{where}{error.strerror or error}; {doing}"
    return OtaError(code, told, is_passing=True)
