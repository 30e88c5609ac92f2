"""A signed repository of real records, on a server that a device can ask."""

from datetime import datetime, timezone
from pathlib import Path

from edge.ota.port import Target
from models.record.reading import RECORD, read_record
from tests.support.file_server import Answer, FileServer, serve
from tests.support.small_repository import SmallRepository


class ServedRepository:
    """Use it as a context.

    Args:
        folder: where root.json is put, as it comes with a device.
        families: that have a role.
    """

    def __init__(self, folder: Path, *families: str) -> None:
        self._signed = SmallRepository(*families, at=datetime.now(timezone.utc))
        self._releases = dict.fromkeys(families, 0)
        self._rules: dict[str, tuple[int, tuple[int, ...]]] = dict.fromkeys(families, (0, ()))
        self.root_file = folder / "root.json"
        self.root_file.write_bytes(self._signed.first_root)
        self._server = FileServer(self._respond)

    def __enter__(self) -> "ServedRepository":
        self._server.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.__exit__()

    @property
    def url(self) -> str:
        """Of the repository."""
        return self._server.url

    def release(self, family: str, folder: Path) -> Target:
        """Sign a record as the family's next release, and serve it with all that it names."""
        read = read_record(folder)
        self._releases[family] += 1
        number, version = self._releases[family], read.record.manifest.version
        self._signed.release(family, version, number, (folder / RECORD).read_bytes())
        for one in read.record.artefacts:
            self._signed.files[f"blobs/{one.sha256}"] = (folder / one.path).read_bytes()
        self._signed.publish(family)
        return Target(family, version, number, read.digest, read.size, None)

    def raise_floor(self, family: str, release: int) -> None:
        """Sign that no device takes less."""
        self._rule(family, release, self._rules[family][1])

    def revoke(self, family: str, release: int) -> None:
        """Sign that a release may serve nowhere any more."""
        self._rule(family, self._rules[family][0], (*self._rules[family][1], release))

    def _rule(self, family: str, floor: int, revoked: tuple[int, ...]) -> None:
        self._rules[family] = floor, revoked
        self._signed.rule(family, floor=floor, revoked=revoked)
        self._signed.publish(family)

    def _respond(self, path: str, wanted: str | None) -> Answer:
        content = self._signed.files.get(path.removeprefix("/"))
        return Answer(404) if content is None else serve(content)(path, wanted)
