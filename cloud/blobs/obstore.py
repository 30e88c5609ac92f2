"""Blobs over obstore."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import GCSStore, LocalStore, MemoryStore

from cloud.blobs.port import BlobEntry, check_key
from cloud.errors import BlobNotFoundError, BlobsAwayError

if TYPE_CHECKING:
    from obstore import PutMode, UpdateVersion

_PAGE = 1000
"""Entries that Google gives in one answer."""


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class ObstoreBlobs:
    """Blobs in a store of obstore's that lists in the order of keys: a bucket, or memory.

    Args:
        store: obstore's.
        name: of the place, for messages; holds no secret.
    """

    def __init__(self, store: GCSStore | LocalStore | MemoryStore, name: str) -> None:
        self._store = store
        self._name = name

    def put(self, key: str, data: bytes, content_type: str) -> bool:
        """Keep a blob under a key that nobody has."""
        with self._translated("put", check_key(key)):
            try:
                obstore.put(
                    self._store, key, data, mode="create",
                    attributes={"Content-Type": content_type},
                )  # fmt: skip
            except AlreadyExistsError:
                return False
        return True

    def swap(self, key: str, data: bytes, content_type: str, expected: bytes | None) -> bool:
        """Put a blob in the place of the one that was read, or where none was."""
        with self._translated("swap", check_key(key)):
            try:
                mode = self._mode(key, expected)
                if mode is None:
                    return False
                obstore.put(
                    self._store, key, data, mode=mode,
                    attributes={"Content-Type": content_type, "Cache-Control": "no-cache"},
                )  # fmt: skip
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def _mode(self, key: str, expected: bytes | None) -> "PutMode | None":
        """What a put has to demand of what is there; None where that is something else."""
        if expected is None:
            return "create"
        try:
            found = obstore.get(self._store, key)
        except FileNotFoundError:
            return None
        meta = found.meta
        if bytes(found.bytes()) != expected:
            return None
        mode: UpdateVersion = {}
        if meta["e_tag"] is not None:
            mode["e_tag"] = meta["e_tag"]
        if meta["version"] is not None:  # of a bucket: its generation
            mode["version"] = meta["version"]
        return mode

    def get(self, key: str) -> bytes:
        """The blob."""
        with self._translated("get", check_key(key)):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except FileNotFoundError as error:
                raise BlobNotFoundError(f"blobs {self._name}: there is no {key}") from error

    def size(self, key: str) -> int | None:
        """Its bytes, None where there is no such blob."""
        with self._translated("head", check_key(key)):
            try:
                return obstore.head(self._store, key)["size"]
            except FileNotFoundError:
                return None

    def list(self, folder: str, after: str = "") -> Iterator[BlobEntry]:
        """The blobs below a folder, in the order of their keys."""
        check_key(folder)
        offset = check_key(after) if after else None
        with self._translated("list", folder):
            for page in obstore.list(self._store, folder, offset=offset, chunk_size=_PAGE):
                for found in page:
                    yield BlobEntry(found["path"], found["size"], _ns(found["last_modified"]))

    def delete(self, keys: Sequence[str]) -> None:
        """Have no blob under these keys."""
        for key in keys:
            check_key(key)
        for key in keys:
            # One by one: of several, an absent one would end the request in an error.
            with self._translated("delete", key):
                try:
                    obstore.delete(self._store, key)
                except FileNotFoundError:
                    continue

    @contextmanager
    def _translated(self, what: str, key: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            # The first line says it; below it obstore shows the insides of its own errors.
            reason = str(error).partition("\n")[0]
            raise BlobsAwayError(f"blobs {self._name}: {what} {key}: {reason}") from error


def _ns(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000
