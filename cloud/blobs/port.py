"""The port of a blob store: bytes under a key, written once; what changes is swapped."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cloud.errors import BlobKeyError

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9=._+-]{0,199}")
_MAX_KEY_CHARS = 900
"""Google takes 1,024 bytes; what is left is for a prefix within the bucket."""


def check_key(key: str) -> str:
    """The key itself, when no store can understand it as anything else.

    Segments of ASCII letters, digits and `=._+-` that begin with a letter or a digit, with one
    slash between them: no `..`, nothing hidden, nothing absolute.

    Raises:
        BlobKeyError: it is another one.
    """
    if len(key) > _MAX_KEY_CHARS or not all(_SEGMENT.fullmatch(part) for part in key.split("/")):
        raise BlobKeyError(
            f"blob key {key[:100]!r} is not allowed: segments of letters, digits and '=._+-', "
            f"{_MAX_KEY_CHARS} characters in all"
        )
    return key


@dataclass(frozen=True, slots=True, order=True)
class BlobEntry:
    """A blob as a listing shows it.

    Attributes:
        key: its name.
        size_bytes: of all of it.
        put_ns: Unix time at which the store got it, by the store's clock and as finely as that
            tells; a copy of a folder may be younger than what it holds.
    """

    key: str
    size_bytes: int
    put_ns: int


class Blobs(Protocol):
    """A blob store. Any thread may call it."""

    def put(self, key: str, data: bytes, content_type: str) -> bool:
        """Keep a blob under a key that nobody has; on return it is durable.

        Args:
            key: see `check_key`.
            data: all of it.
            content_type: kept where the store has a place for it.

        Returns:
            False when there is one under this key already: that one stays as it is.

        Raises:
            BlobKeyError: the key is not allowed.
            BlobsAwayError: try again.
        """

    def swap(self, key: str, data: bytes, content_type: str, expected: bytes | None) -> bool:
        """Put a blob in the place of another; on return it is durable, and read by all from now.

        Whoever reads meets the old one or the new one. No cache may keep it without asking.

        Args:
            key: see `check_key`.
            data: all of it.
            content_type: kept where the store has a place for it.
            expected: what the caller has read there; None: there was none.

        Returns:
            False when something else is there now: that one stays as it is.

        Raises:
            BlobKeyError: the key is not allowed.
            BlobsAwayError: try again; the new one may be there.
        """

    def get(self, key: str) -> bytes:
        """The blob.

        Raises:
            BlobKeyError: the key is not allowed.
            BlobNotFoundError: there is none.
            BlobsAwayError: try again.
        """

    def size(self, key: str) -> int | None:
        """Its bytes, None where there is no such blob.

        Raises:
            BlobKeyError: the key is not allowed.
            BlobsAwayError: try again.
        """

    def list(self, folder: str, after: str = "") -> Iterator[BlobEntry]:
        """The blobs below a folder, in the order of their keys, read page by page.

        Args:
            folder: segments of keys, without a slash at the end.
            after: only keys behind this one, which need not exist.

        Raises:
            BlobKeyError: the folder or `after` is not allowed.
            BlobsAwayError: try again; it may come between two entries.
        """

    def delete(self, keys: Sequence[str]) -> None:
        """Have no blob under these keys; one that is not there is no mistake.

        Raises:
            BlobKeyError: a key is not allowed; nothing was deleted.
            BlobsAwayError: try again; some may have been deleted.
        """
