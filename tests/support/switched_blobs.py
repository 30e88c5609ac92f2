"""Blobs that can be switched away."""

from collections.abc import Iterator, Sequence

from obstore.store import MemoryStore

from cloud.blobs.obstore import ObstoreBlobs
from cloud.blobs.port import BlobEntry
from cloud.errors import BlobsAwayError


class SwitchedBlobs(ObstoreBlobs):
    """Blobs in memory.

    Attributes:
        away: while true, nothing answers.
        refused: parts of keys; what has one of them cannot be put.
    """

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "memory")
        self.away = False
        self.refused: set[str] = set()

    def put(self, key: str, data: bytes, content_type: str) -> bool:
        self._check()
        if any(part in key for part in self.refused):
            raise BlobsAwayError(f"blobs memory: put {key}: refused")
        return super().put(key, data, content_type)

    def get(self, key: str) -> bytes:
        self._check()
        return super().get(key)

    def list(self, folder: str, after: str = "") -> Iterator[BlobEntry]:
        self._check()
        yield from super().list(folder, after)

    def delete(self, keys: Sequence[str]) -> None:
        self._check()
        super().delete(keys)

    def _check(self) -> None:
        if self.away:
            raise BlobsAwayError("blobs memory: away")
