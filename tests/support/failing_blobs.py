"""Blobs whose writer is killed at a write."""

from collections.abc import Iterator, Sequence

from cloud.blobs.port import BlobEntry, Blobs


class KilledError(Exception):
    """The process is no more."""


class FailingBlobs:
    """Another blob store, up to a write.

    Args:
        blobs: the other one.
        dies_at: number of the write, from 1, that is the last.
        is_done: the last one is carried out, but nobody hears of it.

    Attributes:
        writes: how many there were.
    """

    def __init__(self, blobs: Blobs, dies_at: int, *, is_done: bool) -> None:
        self._blobs = blobs
        self._dies_at = dies_at
        self._is_done = is_done
        self.writes = 0

    def put(self, key: str, data: bytes, content_type: str) -> bool:
        self._before()
        is_new = self._blobs.put(key, data, content_type)
        self._after()
        return is_new

    def swap(self, key: str, data: bytes, content_type: str, expected: bytes | None) -> bool:
        self._before()
        is_swapped = self._blobs.swap(key, data, content_type, expected)
        self._after()
        return is_swapped

    def get(self, key: str) -> bytes:
        return self._blobs.get(key)

    def size(self, key: str) -> int | None:
        return self._blobs.size(key)

    def list(self, folder: str, after: str = "") -> Iterator[BlobEntry]:
        return self._blobs.list(folder, after)

    def delete(self, keys: Sequence[str]) -> None:
        self._before()
        self._blobs.delete(keys)
        self._after()

    def _before(self) -> None:
        self.writes += 1
        if self.writes == self._dies_at and not self._is_done:
            raise KilledError

    def _after(self) -> None:
        if self.writes == self._dies_at and self._is_done:
            raise KilledError
