"""Disks that die or refuse at the n-th change."""

import os
import signal
from pathlib import Path

from wayside.disk import PRIVATE, RealDisk


class CountedDisk(RealDisk):
    """A real disk that knows what was done to it.

    Attributes:
        changes: names of the changes, in their order.
    """

    def __init__(self) -> None:
        self.changes: list[str] = []

    def before(self, change: str, path: Path, content: bytes = b"") -> None:
        """Called before each change."""
        self.changes.append(change)

    def write(self, path: Path, content: bytes, mode: int = PRIVATE) -> None:
        self.before("write", path, content)
        super().write(path, content, mode)

    def sync(self, path: Path) -> None:
        self.before("sync", path)
        super().sync(path)

    def replace(self, source: Path, target: Path) -> None:
        self.before("replace", target)
        super().replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        self.before("link", target)
        super().link(source, target)

    def copy(self, source: Path, target: Path) -> None:
        self.before("copy", target)
        super().copy(source, target)

    def make_folder(self, path: Path) -> None:
        self.before("make_folder", path)
        super().make_folder(path)

    def remove(self, path: Path) -> None:
        self.before("remove", path)
        super().remove(path)


class DyingDisk(CountedDisk):
    """Ends the process by SIGKILL before its n-th change, from 1; a file is half-written then."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self._dies_at = dies_at

    def before(self, change: str, path: Path, content: bytes = b"") -> None:
        super().before(change, path)
        if len(self.changes) == self._dies_at:
            if content:
                path.write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)


class RefusingDisk(CountedDisk):
    """Refuses every change from the n-th on, until it is mended.

    Args:
        refuses_from: number of the change, from 1.
        errno: why, such as ENOSPC.
    """

    def __init__(self, refuses_from: int, errno: int) -> None:
        super().__init__()
        self.refuses_from: int | None = refuses_from
        self._errno = errno

    def before(self, change: str, path: Path, content: bytes = b"") -> None:
        super().before(change, path)
        if self.refuses_from is not None and len(self.changes) >= self.refuses_from:
            raise OSError(self._errno, os.strerror(self._errno), str(path))
