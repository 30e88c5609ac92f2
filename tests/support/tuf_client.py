"""python-tuf's own client, as a device that has its memory in a folder."""

from collections.abc import Iterator
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from cloud.blobs.port import Blobs
from cloud.errors import BlobNotFoundError

_URL = "blobs://repository"


class BlobsFetcher(FetcherInterface):
    """A static host without a network: what is not there is a 404.

    Args:
        blobs: what it serves.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            return iter([self._blobs.get(url.removeprefix(f"{_URL}/"))])
        except BlobNotFoundError as error:
            raise DownloadHTTPError(str(error), 404) from error


class TufClient:
    """A device; each question is a new client with the same memory.

    Args:
        folder: its memory.
        root: the root that it was given with its software.
        url: of the repository; without one it asks `blobs`.
        blobs: see above.
    """

    def __init__(
        self, folder: Path, root: bytes, url: str = _URL, blobs: Blobs | None = None
    ) -> None:
        self._folder = folder
        self._root = root
        self._url = url
        self._fetcher = BlobsFetcher(blobs) if blobs is not None else None

    def target(self, family: str, version: str) -> TargetFile | None:
        """What the repository vouches for; None where it does not.

        Raises:
            RepositoryError, DownloadError: of python-tuf: it believes nothing.
        """
        return self._updater().get_targetinfo(f"{family}/{version}/record.json")

    def record(self, family: str, version: str) -> bytes:
        """The record, downloaded and checked."""
        updater = self._updater()
        target = updater.get_targetinfo(f"{family}/{version}/record.json")
        assert target is not None
        return Path(updater.download_target(target)).read_bytes()

    def refresh(self) -> None:
        """Take the newest metadata of the four roles."""
        self._updater().refresh()

    def _updater(self) -> Updater:
        targets = self._folder / "targets"
        targets.mkdir(parents=True, exist_ok=True)
        return Updater(
            str(self._folder / "metadata"), f"{self._url}/metadata", str(targets),
            f"{self._url}/targets", self._fetcher, bootstrap=self._root,
        )  # fmt: skip
