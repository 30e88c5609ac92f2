"""A whole signed repository in a folder, with every key at hand, so that attacks can be forged.

repository = SignedRepository(tmp_path / "repository")
repository.release(record_folder)           # the first of a name makes its family
with served(repository.folder) as server:   # server.url + "/metadata/..."
    ...
"""

import copy
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, MetaFile

from cloud.app.repository import utc_now
from cloud.blobs.folder import FolderBlobs
from cloud.blobs.port import Blobs
from cloud.fleet.audit import Actor
from cloud.repository import changes
from cloud.repository.changes import Asked
from cloud.repository.proposal import Proposal
from cloud.repository.publishing import Publisher, Shown
from cloud.repository.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, family_of, family_role
from cloud.repository.settings import ExpirySettings
from cloud.repository.signing import PrivateKey, PublicKey
from cloud.repository.standing import Standing
from cloud.repository.storage import Storage
from tests.support.file_server import Answer, FileServer
from tests.support.record_registry import RecordRegistry

BY = Actor("user:ada", "desk")


class SignedRepository:
    """A repository that was made by the cloud's own code.

    Args:
        folder: for its files.
        expiry: how long signatures last.
        now: the clock, UTC.
        blobs: in place of the folder.

    Attributes:
        folder: `metadata/`, `targets/` and `blobs/`, as a static host serves them.
        keys: private keys by role: 3 of root and targets, 1 of each other one.
        registry: of the models.
        family: that `floor` and `revoke` speak of: the one that was added last.
    """

    def __init__(
        self,
        folder: Path,
        expiry: ExpirySettings | None = None,
        now: Callable[[], datetime] = utc_now,
        blobs: Blobs | None = None,
        *,
        is_begun: bool = True,
    ) -> None:
        self.folder = folder
        self.now = now
        self.registry = RecordRegistry()
        self.family = ""
        self.keys: dict[str, list[PrivateKey]] = {
            ROOT: _keys(3), TARGETS: _keys(3), SNAPSHOT: _keys(1), TIMESTAMP: _keys(1),
        }  # fmt: skip
        self.blobs = blobs if blobs is not None else FolderBlobs(folder)
        self._expiry = expiry or ExpirySettings()
        if is_begun:
            self.begin()

    @property
    def root_bytes(self) -> bytes:
        """The first root, which devices are given with their software."""
        return self.blobs.get("metadata/1.root.json")

    @property
    def publisher(self) -> Publisher:
        """What writes it, with the keys of the server."""
        server = {key.keyid: key for role in (SNAPSHOT, TIMESTAMP) for key in self.keys[role]}
        return Publisher(Storage(self.blobs), server, self._expiry, self.now)

    @property
    def asked(self) -> Asked:
        """A change asked for now."""
        return Asked("ada", self.now(), self._expiry)

    @property
    def standing(self) -> Standing:
        """What stands."""
        return self.publisher.standing()

    def begin(self) -> Shown:
        """Init."""
        publics = [one for role in self.keys for one in self.publics(role) if not family_of(role)]
        return self.publish(changes.init(publics, 2, self.asked))

    def publics(self, role: str) -> list[PublicKey]:
        """The public halves of a role's keys."""
        return [
            PublicKey(role, key.public(f"{role}-{number}"))
            for number, key in enumerate(self.keys[role], 1)
        ]

    def add_family(self, name: str) -> None:
        """A family with a key of its own."""
        role = family_role(name)
        self.family = name
        self.keys.setdefault(role, _keys(1))
        self.publish(changes.add_family(self.standing, name, self.publics(role), self.asked))

    def release(self, record_folder: Path, min_agent: str | None = None) -> int:
        """Release a record; its number."""
        name, version = self.registry.add(record_folder)
        if name not in self.standing.families:
            self.add_family(name)
        record = self.registry.record(name, version)
        self.publish(changes.release(self.standing, name, version, record, min_agent, self.asked))
        found = self.standing.releases(name).find(version)
        assert found is not None
        return found.number

    def floor(self, number: int) -> None:
        """Raise the floor."""
        self.publish(changes.floor(self.standing, self.family, number, self.asked))

    def revoke(self, version: str) -> None:
        """Revoke a version."""
        self.publish(changes.revoke(self.standing, self.family, version, self.asked))

    def refresh(self) -> Shown:
        """Sign timestamp and snapshot anew."""
        return self.publisher.refresh()

    def signed(self, proposal: Proposal) -> Proposal:
        """With the signatures of all our keys that may sign it."""
        able = {
            keyid
            for part in proposal.parts
            for delegator, _ in proposal.delegators(part.role)
            for keyid in delegator.get_delegated_role(part.role).keyids
        }
        for key in (key for keys in self.keys.values() for key in keys):
            if key.keyid in able:
                proposal = proposal.signed_with(key)
        return proposal

    def publish(self, proposal: Proposal | None, **options: bool) -> Shown:
        """Sign with all keys that may, and publish."""
        if proposal is None:
            return self.refresh()
        return self.publisher.publish(self.signed(proposal), self.registry, BY, **options)

    def forge(
        self,
        role: str,
        change: Callable[[Any], None],
        keys: Sequence[PrivateKey] | None = None,
    ) -> bytes:
        """A file of a role that no command would write, and what the server shows of it.

        The version is not raised: `change` may do it, or lower it. What is at the place of the
        file is overwritten, and snapshot and timestamp follow, signed by the server's keys.

        Args:
            role: whose file.
            change: what to do to the signed part.
            keys: that sign it; None: the role's own.

        Returns:
            The file.
        """
        signed = copy.deepcopy(self._signed(role))
        change(signed)
        metadata: Metadata[Any] = Metadata(signed)
        for key in self.keys[role] if keys is None else keys:
            key.sign(metadata)
        content = metadata.to_bytes()
        numbered = "" if role == TIMESTAMP else f"{signed.version}."
        (self.folder / f"metadata/{numbered}{role}.json").write_bytes(content)
        meta = MetaFile.from_data(signed.version, content, ["sha256"])
        if role == SNAPSHOT:
            self.forge(TIMESTAMP, lambda one: _point(one, meta))
        elif role not in (ROOT, TIMESTAMP):
            self.forge(SNAPSHOT, lambda one: _name(one, role, meta))
        return content

    def _signed(self, role: str) -> Any:
        path = self.folder / "metadata/timestamp.json"
        timestamp: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
        if role == TIMESTAMP:
            return timestamp.signed
        if role == ROOT:
            return self.standing.root.signed
        number = timestamp.signed.snapshot_meta.version
        snapshot: Metadata[Any] = Metadata.from_bytes(self._read(SNAPSHOT, number))
        if role == SNAPSHOT:
            return snapshot.signed
        file: Metadata[Any] = Metadata.from_bytes(
            self._read(role, snapshot.signed.meta[f"{role}.json"].version)
        )
        return file.signed

    def _read(self, role: str, version: int) -> bytes:
        return (self.folder / f"metadata/{version}.{role}.json").read_bytes()


def _keys(count: int) -> list[PrivateKey]:
    return [PrivateKey.generate() for _ in range(count)]


def _name(snapshot: Any, role: str, meta: MetaFile) -> None:
    snapshot.version += 1
    snapshot.meta[f"{role}.json"] = meta


def _point(timestamp: Any, meta: MetaFile) -> None:
    timestamp.version += 1
    timestamp.snapshot_meta = meta


def served(folder: Path) -> FileServer:
    """The folder as a static host serves it, ranges included; to be entered."""
    return FileServer(lambda path, wanted: answer(folder, path, wanted))


def answer(folder: Path, path: str, wanted: str | None) -> Answer:
    """What a static host says."""
    file = (folder / path.lstrip("/")).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        return Answer(404, {"Content-Length": "0"})
    content = file.read_bytes()
    if wanted is None:
        return Answer(200, {"Content-Length": str(len(content))}, content)
    start = int(wanted.removeprefix("bytes=").partition("-")[0])
    if start >= len(content):
        return Answer(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
    span = f"bytes {start}-{len(content) - 1}/{len(content)}"
    rest = content[start:]
    return Answer(206, {"Content-Range": span, "Content-Length": str(len(rest))}, rest)
