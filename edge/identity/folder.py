"""Key, certificate and CA on disk: exchanged all at once, never half.

    key.pem, cert.pem, ca.pem   what settings name; links into `current`
    current                     link to the credentials that count, exchanged by a rename
    1, 2, ...                   credentials, each whole; of old ones the last is kept
    next                        a key whose certificate has not come yet
    cloud.json, server-ca.pem   who gave them, and by which CA its server is known

A file is on the disk before its name is, and a name before the next step, so a power cut leaves the
old credentials or the new ones. A number without a `current` that leads to it was cut off between
two renames: `settle` does the rest.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import IdentityError
from wayside.disk import PUBLIC, REAL, write_whole

KEY = "key.pem"
CERTIFICATE = "cert.pem"
CA = "ca.pem"
SERVER_CA = "server-ca.pem"
CLOUD = "cloud.json"

_CURRENT = "current"
_NEXT = "next"
_NAMES = (KEY, CERTIFICATE, CA)
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the device proves its identity with; PEM."""

    key: bytes = field(repr=False)
    certificate: bytes
    ca: bytes


class CredentialsFolder:
    """The folder. One process at a time changes it, any may read it.

    Args:
        path: of the folder.

    Raises:
        IdentityError: of every method: it cannot be read or written, or is not as it should be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make it, for its owner only, where it is missing."""
        with self._told():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else changes it meanwhile."""
        with self._told():
            descriptor = os.open(self.path, os.O_RDONLY)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    @property
    def holds_credentials(self) -> bool:
        """True where there are any, ours or those of `wayside-cloud ca issue`."""
        return any(os.path.lexists(self.path / name) for name in (_CURRENT, *_NAMES))

    def current(self) -> Credentials:
        """Those that count."""
        found = self.path / _CURRENT
        if not found.is_symlink():
            raise IdentityError(f"{self.path} holds nothing that `wayside-edge enroll` wrote")
        with self._told():
            return Credentials(*(_read(found / name) for name in _NAMES))

    def settle(self) -> bool:
        """Finish what a power cut has left; True where new credentials count by that."""
        with self._told():
            newest = self._newest()
            if newest <= self._number():
                return False
            self._switch(newest)
        return True

    def key(self) -> bytes | None:
        """The key whose certificate has not come yet; None where there is none."""
        path = self.path / _NEXT / KEY
        with self._told():
            return _read(path) if path.exists() else None

    def keep_key(self, key: bytes) -> None:
        """Write a new key, through to the disk, before anybody hears of it."""
        with self._told():
            self.drop_key()
            (self.path / _NEXT).mkdir(mode=0o700)
            write_whole(REAL, self.path / _NEXT / KEY, key)
            REAL.sync(self.path)

    def drop_key(self) -> None:
        """Forget a key whose certificate will not come."""
        with self._told():
            if (self.path / _NEXT).exists():
                shutil.rmtree(self.path / _NEXT)

    def take(self, certificate: bytes, ca: bytes) -> None:
        """Have the key that waited count from now on, by its certificate."""
        draft = self.path / _NEXT
        with self._told():
            write_whole(REAL, draft / CERTIFICATE, certificate, PUBLIC)
            write_whole(REAL, draft / CA, ca, PUBLIC)
            number = self._newest() + 1
            draft.rename(self.path / str(number))
            REAL.sync(self.path)
            self._switch(number)

    def note(self, name: str, content: bytes) -> None:
        """Write a file that says who gives the credentials: CLOUD or SERVER_CA."""
        with self._told():
            write_whole(REAL, self.path / name, content, PUBLIC)

    def noted(self, name: str) -> bytes | None:
        """What such a file says; None where there is none."""
        path = self.path / name
        with self._told():
            return _read(path) if path.exists() else None

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise IdentityError(f"{self.path}: another process enrols or renews there") from error

    def _switch(self, number: int) -> None:
        """Have credentials count, and let go of those before the last."""
        for name in _NAMES:
            if not os.path.lexists(self.path / name):
                _link(self.path / name, f"{_CURRENT}/{name}")
        _link(self.path / _CURRENT, str(number))  # last: with it, everything is there
        for old in self._numbers():
            if old < number - 1:
                shutil.rmtree(self.path / str(old), ignore_errors=True)

    def _newest(self) -> int:
        return max(self._numbers(), default=0)

    def _numbers(self) -> list[int]:
        return [int(found.name) for found in self.path.iterdir() if found.name.isdecimal()]

    def _number(self) -> int:
        """Of the credentials that count; 0 where none do."""
        current = self.path / _CURRENT
        name = current.readlink().name if current.is_symlink() else ""
        return int(name) if name.isdecimal() else 0

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = error.filename or self.path
            raise IdentityError(f"{where}: {error.strerror or error}") from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise IdentityError(f"{path} is larger than any certificate: remove it and enrol anew")
    return content


def _link(path: Path, target: str) -> None:
    """Have a link lead elsewhere; a reader meets the old way or the new one."""
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(path)
    REAL.sync(path.parent)
