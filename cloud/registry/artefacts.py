"""Bytes of models in the blob store, under their sha256: `models/blobs/SHA256`.

The name says what the bytes must be, so nobody has to believe the store: what is read is hashed,
and what is not what its name says is never handed out.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from cloud.blobs.port import BlobEntry, Blobs
from cloud.errors import BlobNotFoundError, DamagedModelError, RegistryError

ROOT = "models/blobs"
MEDIA_TYPE = "application/octet-stream"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Artefacts:
    """Files of models by sha256. Any thread may use it.

    Args:
        blobs: where they are.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def put(self, content: bytes) -> str:
        """Keep bytes; on return they are durable. The same again changes nothing.

        Returns:
            Their sha256.

        Raises:
            DamagedModelError: what is kept under this sha256 is of another size.
            BlobsAwayError: try again.
        """
        digest = hashlib.sha256(content).hexdigest()
        if not self._blobs.put(key_of(digest), content, MEDIA_TYPE):
            size = self._blobs.size(key_of(digest))
            if size is not None and size != len(content):
                raise DamagedModelError(
                    f"{key_of(digest)}: is of {size:,} bytes and should be of {len(content):,}: "
                    "remove it from the blobs, then do this again"
                )
        return digest

    def open(self, sha256: str) -> bytes:
        """The bytes of a sha256.

        Raises:
            DamagedModelError: they are not there, or other bytes are.
            BlobsAwayError: try again.
        """
        if not _SHA256.fullmatch(sha256):
            raise DamagedModelError(f"{sha256[:80]!r} is no sha256")
        try:
            content = self._blobs.get(key_of(sha256))
        except BlobNotFoundError as error:
            raise DamagedModelError(f"{key_of(sha256)}: is not in the blobs") from error
        actual = hashlib.sha256(content).hexdigest()
        if actual != sha256:
            raise DamagedModelError(f"{key_of(sha256)}: is damaged, its sha256 is {actual}")
        return content

    def kept(self) -> Iterator[BlobEntry]:
        """Everything that lies below `models/blobs`, whatever it is called.

        Raises:
            BlobsAwayError: try again.
        """
        return self._blobs.list(ROOT)


def key_of(sha256: str) -> str:
    """Where the bytes of a sha256 are kept."""
    return f"{ROOT}/{sha256}"


def read_file(path: Path, most: int, what: str) -> bytes:
    """The bytes of a plain file that lies where it says; a link or a pipe is never followed.

    Args:
        path: the file.
        most: bytes that are read.
        what: names the setting that says so.

    Raises:
        RegistryError: there is none, it is no plain file, empty, or larger than `most`.
    """
    try:
        # A pipe that nobody writes would be waited for without O_NONBLOCK.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            content = _read_plain(handle, path, most, what)
        finally:
            os.close(handle)
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read: {error.strerror}") from error
    if not content:
        raise RegistryError(f"{path}: is empty")
    return content


def _read_plain(handle: int, path: Path, most: int, what: str) -> bytes:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise RegistryError(f"{path}: is no plain file")
    if status.st_size > most:
        raise RegistryError(f"{path}: is larger than {most:,} bytes ({what})")
    with os.fdopen(handle, "rb", closefd=False) as file:
        return file.read(status.st_size)
