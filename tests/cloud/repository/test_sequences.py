"""No sequence of commands, by whoever and whenever, publishes what no device should believe."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore
from tuf.api.metadata import Metadata

from cloud.blobs.obstore import ObstoreBlobs
from cloud.blobs.port import Blobs
from cloud.errors import RepositoryError
from cloud.repository import changes
from cloud.repository.proposal import Proposal
from cloud.repository.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, role_of
from cloud.repository.signing import PrivateKey, PublicKey
from tests.support.signed_repository import BY, SignedRepository

BEGIN = datetime(2026, 3, 1, tzinfo=timezone.utc)
VERSIONS = ("1.0.0", "1.1.0", "1.2.0+b7")
ROLES = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP, "family:gate")

COMMANDS = st.one_of(
    st.tuples(st.just("release"), st.sampled_from(VERSIONS)),
    st.tuples(st.just("revoke"), st.sampled_from(VERSIONS)),
    st.tuples(st.just("floor"), st.integers(0, 4)),
    st.tuples(st.just("renew"), st.sampled_from(ROLES)),
    st.tuples(st.just("rotate"), st.sampled_from(ROLES)),
    st.tuples(st.just("refresh"), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 200)),
)
STEPS = st.lists(
    st.tuples(COMMANDS, st.sets(st.integers(0, 3), min_size=1)), min_size=1, max_size=15
)


class Sequence:
    """A repository, and what anybody may try with it."""

    def __init__(self, records: dict[str, Path]) -> None:
        self.now = BEGIN
        self.records = records
        self.repository = SignedRepository(
            Path("nowhere"), now=lambda: self.now, blobs=ObstoreBlobs(MemoryStore(), "memory")
        )
        self.repository.add_family("gate")

    def try_out(self, command: str, what: Any, signers: set[int]) -> None:
        if command == "wait":
            self.now += timedelta(days=what)
            return
        try:
            if command == "refresh":
                self.repository.refresh()
                return
            proposal = self.proposed(command, what)
            if proposal is not None:
                self.publish(proposal, signers)
        except RepositoryError:
            return

    def proposed(self, command: str, what: Any) -> Proposal | None:
        standing, asked = self.repository.standing, self.repository.asked
        if command == "release":
            of = self.repository.registry.add(self.records[what])
            record = self.repository.registry.record(*of)
            return changes.release(standing, *of, record, None, asked)
        if command == "revoke":
            return changes.revoke(standing, "gate", what, asked)
        if command == "floor":
            return changes.floor(standing, "gate", what, asked)
        role = role_of(what)
        if command == "renew":
            return changes.renew(standing, role, asked)
        new = PrivateKey.generate()
        old = self.repository.keys[role][0]
        self.repository.keys[role].append(new)
        public = PublicKey(role, new.public("new"))
        return changes.rotate(standing, role, [public], [old.keyid], asked)

    def publish(self, proposal: Proposal, signers: set[int]) -> None:
        """With the signatures of some of those who may, the newest keys being the last."""
        able = {
            keyid
            for part in proposal.parts
            for delegator, _ in proposal.delegators(part.role)
            for keyid in delegator.get_delegated_role(part.role).keyids
        }
        for keys in self.repository.keys.values():
            for number, key in enumerate(keys):
                if number % 4 in signers and key.keyid in able:
                    proposal = proposal.signed_with(key)
        self.repository.publisher.publish(proposal, self.repository.registry, BY)


def files(blobs: Blobs) -> dict[str, bytes]:
    return {entry.key: blobs.get(entry.key) for entry in blobs.list("metadata")}


def read(content: bytes) -> Any:
    metadata: Metadata[Any] = Metadata.from_bytes(content)
    return metadata


def check_shown(there: dict[str, bytes], before: dict[str, bytes], now: datetime) -> int:
    """What a device goes through, by python-tuf's own checks; the floor that it meets."""
    versions = [number for number in range(1, 99) if f"metadata/{number}.root.json" in there]
    chain = [read(there[f"metadata/{number}.root.json"]) for number in versions]
    for old, new in zip([chain[0], *chain], chain, strict=False):
        old.signed.verify_delegate(ROOT, new.signed_bytes, new.signatures)
        new.signed.verify_delegate(ROOT, new.signed_bytes, new.signatures)
    root, passed = chain[-1], [chain[-1]]

    def take(delegator: Any, role: str, key: str, meta: Any = None) -> Any:
        metadata = read(there[key])
        delegator.signed.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
        if meta is not None:
            meta.verify_length_and_hashes(there[key])
            assert metadata.signed.version == meta.version
        passed.append(metadata)
        return metadata

    timestamp = take(root, TIMESTAMP, "metadata/timestamp.json")
    meta = timestamp.signed.snapshot_meta
    snapshot = take(root, SNAPSHOT, f"metadata/{meta.version}.snapshot.json", meta)
    meta = snapshot.signed.meta["targets.json"]
    targets = take(root, TARGETS, f"metadata/{meta.version}.targets.json", meta)
    if there["metadata/timestamp.json"] != before.get("metadata/timestamp.json"):
        assert all(not one.signed.is_expired(now) for one in passed)
    meta = snapshot.signed.meta["family-gate.json"]
    family = take(targets, "family-gate", f"metadata/{meta.version}.family-gate.json", meta)
    return int(family.signed.unrecognized_fields["x-wayside"]["release_floor"])


@given(steps=STEPS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_devices_get_is_always_signed_unexpired_and_never_below(
    steps: list[tuple[tuple[str, Any], set[int]]], records: dict[str, Path]
) -> None:
    sequence, floor = Sequence(records), 0
    there = files(sequence.repository.blobs)
    for (command, what), signers in steps:
        before = there
        sequence.try_out(command, what, signers)
        there = files(sequence.repository.blobs)
        for key, content in before.items():
            assert there[key] == content or key == "metadata/timestamp.json"
        for key in there.keys() - before.keys():
            assert not read(there[key]).signed.is_expired(sequence.now)
        met = check_shown(there, before, sequence.now)
        assert met >= floor
        floor = met
