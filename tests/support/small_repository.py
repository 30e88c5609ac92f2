"""A signed repository in memory, whose keys a test has all of: an attacker may have stolen any.

It signs whatever it is told to. What an honest signing side would publish is for the tests that use
the real one.
"""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from edge.errors import OtaError

NOW = datetime(2027, 3, 1, 12, tzinfo=timezone.utc)
NOW_S = NOW.timestamp()
DAY_S = 86_400.0

LIVES = {"root": 365, "targets": 180, "snapshot": 7, "timestamp": 1}
"""Days."""


def new_key() -> CryptoSigner:
    """A key nobody else has."""
    return CryptoSigner.generate_ed25519()


class SmallRepository:
    """Root and targets 2 of 3, snapshot and timestamp online, a role for each family.

    Attributes:
        files: by their place in the repository, as a server has them.
        keys: by role.
        root, targets, snapshot, timestamp, families: what is signed next; families by name.
        at: when it is signed.
        history: files as they were, for whoever wants to show them again.
    """

    def __init__(self, *families: str, at: datetime = NOW, hashes: bool = True) -> None:
        self.at = at
        self.has_hashes = hashes
        self.files: dict[str, bytes] = {}
        self.history: list[dict[str, bytes]] = [self.files]
        self.keys: dict[str, list[CryptoSigner]] = {}
        self.root = Root(version=0 + 1)
        self.targets = Targets(version=1, delegations=Delegations({}, {}))
        self.snapshot = Snapshot(version=1, meta={})
        self.timestamp = Timestamp(version=1)
        self.families: dict[str, Targets] = {}
        for role, count, threshold in (
            ("root", 3, 2), ("targets", 3, 2), ("snapshot", 1, 1), ("timestamp", 1, 1),
        ):  # fmt: skip
            self.give_keys(role, count, threshold)
        self.publish_root(version=1)
        for family in families:
            self.add_family(family)
        self.publish(*families, "targets", bump=False)

    @property
    def first_root(self) -> bytes:
        """What a device is given by hand."""
        return self.files["metadata/1.root.json"]

    def give_keys(self, role: str, count: int = 1, threshold: int = 1) -> list[CryptoSigner]:
        """New keys for a role at the top, instead of those it had; root is not published."""
        for keyid in list(self.root.roles[role].keyids):
            self.root.revoke_key(keyid, role)
        self.keys[role] = [new_key() for _ in range(count)]
        for key in self.keys[role]:
            self.root.add_key(key.public_key, role)
        self.root.roles[role].threshold = threshold
        return self.keys[role]

    def publish_root(
        self, version: int | None = None, signers: Sequence[CryptoSigner] | None = None,
        days: int = LIVES["root"],
    ) -> bytes:  # fmt: skip
        """Sign root, by all of its keys if nothing else is said, and put it in its place."""
        self.root.version = self.root.version + 1 if version is None else version
        self.root.expires = self.at + timedelta(days=days)
        data = self.sign(self.root, self.keys["root"] if signers is None else signers)
        self.files[f"metadata/{self.root.version}.root.json"] = data
        return data

    def add_family(self, family: str) -> None:
        """A role for a family, delegated by targets; neither is published."""
        key = new_key()
        self.keys[family] = [key]
        assert self.targets.delegations is not None
        assert self.targets.delegations.roles is not None
        role = f"family-{family}"
        self.targets.delegations.roles[role] = DelegatedRole(
            role, [], 1, terminating=True, paths=[f"{family}/*/record.json"]
        )
        self.targets.add_key(key.public_key, role)
        self.families[family] = Targets(
            version=1, unrecognized_fields={"x-wayside": {"release_floor": 0, "revoked": []}}
        )

    def release(
        self, family: str, version: str, release: int, record: bytes = b"",
        min_agent: str | None = None,
    ) -> bytes:  # fmt: skip
        """Add a release to a family's role, and its record to the files; the record."""
        record = record or f'{{"name":"{family}","version":"{version}"}}'.encode()
        sha256 = hashlib.sha256(record).hexdigest()
        custom: dict[str, Any] = {"release": release}
        if min_agent is not None:
            custom["min_agent"] = min_agent
        path = f"{family}/{version}/record.json"
        self.families[family].targets[path] = TargetFile(
            len(record), {"sha256": sha256}, path, {"custom": custom}
        )
        self.files[f"targets/{family}/{version}/{sha256}.record.json"] = record
        return record

    def rule(self, family: str, *, floor: int = 0, revoked: Sequence[int] = ()) -> None:
        """What a family's role says of its releases."""
        self.families[family].unrecognized_fields["x-wayside"] = {
            "release_floor": floor, "revoked": list(revoked),
        }  # fmt: skip

    def publish(
        self, *roles: str, bump: bool = True, lives: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """Sign some roles, and snapshot and timestamp over them; all under the next version.

        Args:
            roles: `targets`, or families.
            bump: raise their versions.
            lives: days of a signature, by role, where they are others than usual.
        """
        for role in roles:
            signed = self.targets if role == "targets" else self.families[role]
            self.publish_role(role, signed, bump=bump, days=lives.get(role, LIVES["targets"]))
        self.publish_snapshot(bump=bump, days=lives.get("snapshot", LIVES["snapshot"]))
        self.publish_timestamp(bump=bump, days=lives.get("timestamp", LIVES["timestamp"]))

    def publish_role(
        self, role: str, signed: Targets, *, bump: bool = True, days: int = LIVES["targets"],
        signers: Sequence[CryptoSigner] | None = None,
    ) -> bytes:  # fmt: skip
        """Sign targets or a family's role; the next snapshot lists it."""
        name = role if role == "targets" else f"family-{role}"
        data = self._signed(signed, bump, days, self.keys[role] if signers is None else signers)
        self.files[f"metadata/{signed.version}.{name}.json"] = data
        self.snapshot.meta[f"{name}.json"] = self._meta(signed.version, data)
        return data

    def publish_snapshot(self, *, bump: bool = True, days: int = LIVES["snapshot"]) -> bytes:
        """Sign the snapshot; the next timestamp names it."""
        data = self._signed(self.snapshot, bump, days, self.keys["snapshot"])
        self.files[f"metadata/{self.snapshot.version}.snapshot.json"] = data
        self.timestamp.snapshot_meta = self._meta(self.snapshot.version, data)
        return data

    def publish_timestamp(self, *, bump: bool = True, days: int = LIVES["timestamp"]) -> bytes:
        """Sign the timestamp."""
        data = self._signed(self.timestamp, bump, days, self.keys["timestamp"])
        self.files["metadata/timestamp.json"] = data
        return data

    def sign(self, signed: Signed, signers: Sequence[CryptoSigner]) -> bytes:
        """A file of metadata."""
        metadata: Metadata[Any] = Metadata(copy.deepcopy(signed))
        for signer in signers:
            metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def _signed(
        self, signed: Signed, bump: bool, days: int, signers: Sequence[CryptoSigner]
    ) -> bytes:
        signed.version += int(bump)
        signed.expires = self.at + timedelta(days=days)
        return self.sign(signed, signers)

    def _meta(self, version: int, data: bytes) -> MetaFile:
        return (
            MetaFile.from_data(version, data, ["sha256"]) if self.has_hashes else MetaFile(version)
        )


class MemorySource:
    """`edge.ota.client.Source` over the files of a repository, without a network.

    Attributes:
        asked: names in the order in which they were asked for.
        error: raised instead of every answer, once it is set.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.error: OtaError | None = None

    def metadata(self, name: str, max_bytes: int) -> bytes | None:
        """A file's bytes; see the port."""
        self.asked.append(name)
        if self.error is not None:
            raise self.error
        data = self.files.get(f"metadata/{name}")
        if data is not None and len(data) > max_bytes:
            raise OtaError("endless", f"{name}: goes on after {max_bytes} bytes", is_passing=True)
        return data


class Clock:
    """A clock that a test sets, with or without a service that keeps it."""

    def __init__(self, now_s: float = NOW_S, *, is_kept: bool = True) -> None:
        self.now_s = now_s
        self.is_kept = is_kept
