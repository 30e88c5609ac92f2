"""Is a file what was promised?"""

import hashlib
from pathlib import Path

from models.errors import ChecksumError

_CHUNK_BYTES = 1024 * 1024


def sha256_of(path: Path) -> str:
    """The file's sha256 as 64 lower-case hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def check_sha256(path: Path, expected: str, remedy: str) -> None:
    """Return when the file has the expected sha256.

    Args:
        path: the file.
        expected: 64 lower-case hexadecimal digits.
        remedy: what the user is told to do otherwise.

    Raises:
        ChecksumError: it has another; the message names both.
        OSError: the file cannot be read.
    """
    actual = sha256_of(path)
    if actual != expected:
        raise ChecksumError(f"{path}: sha256 is {actual}, expected {expected}; {remedy}")
