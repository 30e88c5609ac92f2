"""The highest that was ever trusted, which never falls, whatever happens to the files beside it.

What a key of `timestamp` or of `snapshot` has signed is counted anew when a root withdraws it: who
had stolen these keys may have signed a version that nobody can reach (fast-forward attack, TUF
specification 1.0.x, section 5.3.11). Its words leave open what is forgotten with which key; here it
is read as its conformance suite reads it: versions of roles below fall with a key of `snapshot`,
those of timestamp and of the snapshot that it names with a key of `timestamp`. Root's own version,
floors, revocations and the time never fall. Pure.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tuf.api.metadata import Root, Snapshot, Timestamp

from edge.ota.port import Target
from edge.ota.signatures import public_keys

MAX_VOUCHED = 64
"""Of a family: more than it has slots, and records that waited for their turn."""

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Marks:
    """What a device remembers for ever.

    Attributes:
        root: version of the newest trusted root.
        timestamp_keys, snapshot_keys: digests of the keys under which the versions below were seen.
        timestamp, snapshot: versions.
        listed: by role, the highest version that a trusted snapshot listed.
        taken: by role, the version of the newest trusted metadata of `targets` and below.
        floors: by family, the highest signed `release_floor`.
        revoked: by family, every release that was ever revoked.
        vouched: by family, what was vouched for when this device took it, the newest last.
        time_s: Unix time that it is at least.
    """

    root: int = 0
    timestamp_keys: frozenset[str] = frozenset()
    snapshot_keys: frozenset[str] = frozenset()
    timestamp: int = 0
    snapshot: int = 0
    listed: Mapping[str, int] = field(default_factory=dict)
    taken: Mapping[str, int] = field(default_factory=dict)
    floors: Mapping[str, int] = field(default_factory=dict)
    revoked: Mapping[str, frozenset[int]] = field(default_factory=dict)
    vouched: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    time_s: int = 0

    @property
    def families(self) -> frozenset[str]:
        """Those that this device has had to do with."""
        return frozenset(self.floors) | frozenset(self.revoked) | frozenset(self.vouched)

    def with_root(self, root: Root) -> "Marks":
        """After a root was trusted; counts anew what its withdrawn keys had signed.

        A root that is no newer changes nothing: the way to the newest one is gone again and again.
        """
        if root.version <= self.root:
            return self
        timestamp_keys, snapshot_keys = _digests(root, "timestamp"), _digests(root, "snapshot")
        marks = replace(
            self, root=root.version, timestamp_keys=timestamp_keys, snapshot_keys=snapshot_keys
        )
        if self.timestamp_keys - timestamp_keys:
            marks = replace(marks, timestamp=0, snapshot=0)
        if self.snapshot_keys - snapshot_keys:
            marks = replace(marks, snapshot=0, listed={}, taken={})
        return marks

    def with_timestamp(self, timestamp: Timestamp) -> "Marks":
        """After a timestamp was trusted."""
        return replace(
            self,
            timestamp=max(self.timestamp, timestamp.version),
            snapshot=max(self.snapshot, timestamp.snapshot_meta.version),
        )

    def with_snapshot(self, snapshot: Snapshot) -> "Marks":
        """After a snapshot was trusted."""
        seen = {name.removesuffix(".json"): meta.version for name, meta in snapshot.meta.items()}
        return replace(
            self,
            snapshot=max(self.snapshot, snapshot.version),
            listed=_highest(self.listed, seen),
        )

    def with_taken(self, role: str, version: int) -> "Marks":
        """After metadata of `targets`, or of a role below it, was trusted."""
        return replace(self, taken=_highest(self.taken, {role: version}))

    def with_rules(self, family: str, floor: int, revoked: Iterable[int]) -> "Marks":
        """After a family's floor and revocations were trusted."""
        return replace(
            self,
            floors=_highest(self.floors, {family: floor}),
            revoked=_union(self.revoked, {family: frozenset(revoked)}),
        )

    def with_vouched(self, target: Target) -> "Marks":
        """After a target was offered to this device."""
        others = [one for one in self.vouched.get(target.family, ()) if one != target]
        kept = (*others, target)[-MAX_VOUCHED:]
        return replace(self, vouched={**self.vouched, target.family: kept})

    def with_time(self, time_s: int) -> "Marks":
        """After it is known to be so late."""
        return replace(self, time_s=max(self.time_s, time_s))

    def joined(self, other: "Marks") -> "Marks":
        """The higher of both, mark by mark; of two copies, either of which may be older.

        Versions that count anew under a newer root are taken from that side alone.
        """
        newer, older = (self, other) if self.root >= other.root else (other, self)
        is_same = newer.root == older.root
        joined = replace(
            newer,
            floors=_highest(newer.floors, older.floors),
            revoked=_union(newer.revoked, older.revoked),
            vouched=_later(newer.vouched, older.vouched),
            time_s=max(newer.time_s, older.time_s),
        )
        if not is_same:
            return joined
        return replace(
            joined,
            timestamp=max(newer.timestamp, older.timestamp),
            snapshot=max(newer.snapshot, older.snapshot),
            listed=_highest(newer.listed, older.listed),
            taken=_highest(newer.taken, older.taken),
        )


def _digests(root: Root, role: str) -> frozenset[str]:
    return frozenset(
        hashlib.sha256(public.encode()).hexdigest() for public in public_keys(root, role)
    )


def _highest(one: Mapping[K, int], other: Mapping[K, int]) -> dict[K, int]:
    return {key: max(one.get(key, 0), other.get(key, 0)) for key in (*one, *other)}


def _union(
    one: Mapping[K, frozenset[int]], other: Mapping[K, frozenset[int]]
) -> dict[K, frozenset[int]]:
    nothing: frozenset[int] = frozenset()
    return {key: one.get(key, nothing) | other.get(key, nothing) for key in (*one, *other)}


def _later(
    newer: Mapping[str, tuple[Target, ...]], older: Mapping[str, tuple[Target, ...]]
) -> dict[str, tuple[Target, ...]]:
    found = {}
    for family in (*newer, *older):
        late = newer.get(family, ())
        early = tuple(one for one in older.get(family, ()) if one not in late)
        found[family] = (*early, *late)[-MAX_VOUCHED:]
    return found
