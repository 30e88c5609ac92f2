"""The disk: files that are whole and on it, or not there; each change to it is a step.

What is durable is so by order: a file's bytes, then its name, then the folder that holds the name.
A power cut between any two of these leaves the old or the new, never a mixture.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Protocol

PRIVATE, PUBLIC = 0o600, 0o644
"""Modes of files: for this user's eyes alone, or for everybody's."""


class Disk(Protocol):
    """Changes a file system. Failures are OSError."""

    def write(self, path: Path, content: bytes, mode: int = PRIVATE) -> None:
        """A new file of these bytes, of this mode from the first one on; not durable yet."""

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

    def write(self, path: Path, content: bytes, mode: int = PRIVATE) -> None:
        """See `Disk.write`."""
        path.unlink(missing_ok=True)  # of another owner or mode, perhaps, or a link
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)  # the umask may have taken some of it
            file.write(content)

    def sync(self, path: Path) -> None:
        """See `Disk.sync`."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

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


REAL = RealDisk()


def write_whole(disk: Disk, path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """A file of these bytes, durable; whatever happens, the old file or the new one is there.

    Raises:
        OSError: it cannot be written; the old one is there, or (the last sync failed) either.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        disk.write(part, content, mode)
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


def is_full(error: OSError) -> bool:
    """True where there was no room, for anybody or for this user."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
