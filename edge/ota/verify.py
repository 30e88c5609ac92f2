"""The rules by which metadata is believed: TUF specification 1.0.x, section 5, and the marks.

Each function takes what is trusted already and the bytes of a file that is not, and returns the
file as a document that is trusted, or raises an OtaError that names the role, what was seen and
what was expected. The order in which they may be called follows from what they take: root,
timestamp, snapshot, targets, roles below. Neither disk nor network nor clock is touched.

Expiry is judged by `time_floor.Reference` once a document stands at its end (the last root, the
timestamp and so on), and not at all where a device looks at what it trusted before.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import (
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from edge.errors import OtaError
from edge.ota.documents import Document, read
from edge.ota.marks import Marks
from edge.ota.refusal import refusal
from edge.ota.signatures import require_signed
from edge.ota.states import Code

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a repository may ask of a device.

    Attributes:
        root_rotations: new roots in one refresh.
        roles: that one search for a target looks into.
        root_bytes, timestamp_bytes, snapshot_bytes, targets_bytes: of a file.
    """

    root_rotations: int = 256
    roles: int = 32
    root_bytes: int = 512 * KIB
    timestamp_bytes: int = 16 * KIB
    snapshot_bytes: int = 2 * MIB
    targets_bytes: int = 4 * MIB


DEFAULT_LIMITS = Limits()


def first_root(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Document[Root]:
    """The root that a device is given by hand: signed by itself (5.2).

    Raises:
        OtaError: it is no root, or not signed by its own keys.
    """
    document = read(Root, "root", data, limits.root_bytes)
    require_signed(document.signed, "root", document, "the root itself")
    return document


def require_same_repository(
    given: Document[Root], kept: bytes, limits: Limits = DEFAULT_LIMITS
) -> None:
    """Refuse a root by hand that is another than the trusted one of its version.

    Args:
        given: by hand.
        kept: the file that was trusted before; where it is damaged, it says nothing.
        limits: of its size.

    Raises:
        OtaError: `wrong-key`.
    """
    try:
        before = first_root(kept, limits)
    except OtaError:
        return
    if before.payload != given.payload:
        raise refusal(
            Code.WRONG_KEY,
            f"root {given.signed.version} by hand is another than the one that this device has "
            "trusted, of another repository, whose marks and floors say nothing of this one. To "
            "move the device, stop the agent and remove the folder `ota` of its data_dir",
        )


def next_root(trusted: Root, data: bytes, limits: Limits = DEFAULT_LIMITS) -> Document[Root]:
    """The root after a trusted one: signed by both, one version higher (5.3.4, 5.3.5).

    It may have expired: only the last of a chain must not have.

    Raises:
        OtaError: it is not.
    """
    document = read(Root, "root", data, limits.root_bytes)
    require_signed(trusted, "root", document, f"root {trusted.version}")
    require_signed(document.signed, "root", document, f"root {document.signed.version} itself")
    expected, seen = trusted.version + 1, document.signed.version
    if seen != expected:
        raise refusal(
            Code.ROLLED_BACK if seen < expected else Code.MIXED,
            f"root: is version {seen}, {expected} was expected after {trusted.version}",
        )
    return document


def require_last_root(root: Root, marks: Marks) -> None:
    """Refuse a chain of roots that ends before one that was trusted once.

    Raises:
        OtaError: `rolled-back`.
    """
    if root.version < marks.root:
        raise refusal(
            Code.ROLLED_BACK,
            f"root: version {root.version} is the newest that the repository has; version "
            f"{marks.root} was trusted before",
        )


def timestamp_of(root: Root, data: bytes, limits: Limits = DEFAULT_LIMITS) -> Document[Timestamp]:
    """A timestamp that the root's keys have signed (5.4.2).

    Raises:
        OtaError: they have not.
    """
    document = read(Timestamp, "timestamp", data, limits.timestamp_bytes)
    require_signed(root, "timestamp", document, f"root {root.version}")
    return document


def require_newer_timestamp(timestamp: Timestamp, marks: Marks) -> None:
    """Refuse a timestamp older than one that was trusted, or with an older snapshot (5.4.3).

    Raises:
        OtaError: `rolled-back`.
    """
    _not_below("timestamp", timestamp.version, marks.timestamp)
    _not_below("timestamp: its snapshot", timestamp.snapshot_meta.version, marks.snapshot)


def snapshot_of(root: Root, data: bytes, limits: Limits = DEFAULT_LIMITS) -> Document[Snapshot]:
    """A snapshot that the root's keys have signed (5.5.3).

    Raises:
        OtaError: they have not.
    """
    document = read(Snapshot, "snapshot", data, limits.snapshot_bytes)
    require_signed(root, "snapshot", document, f"root {root.version}")
    return document


def next_snapshot(
    root: Root, timestamp: Timestamp, data: bytes, marks: Marks, limits: Limits = DEFAULT_LIMITS
) -> Document[Snapshot]:
    """The snapshot that a trusted timestamp names (5.5.2 to 5.5.5).

    Raises:
        OtaError: it is another, or lists a role lower than before, or no more.
    """
    require_content("snapshot", timestamp.snapshot_meta, data, "the timestamp")
    document = snapshot_of(root, data, limits)
    _require_version(
        "snapshot", document.signed.version, timestamp.snapshot_meta.version, "the timestamp"
    )
    _require_higher_roles(document.signed, marks)
    return document


def role_of(
    delegator: Root | Targets, role: str, data: bytes, by: str, limits: Limits = DEFAULT_LIMITS
) -> Document[Targets]:
    """Metadata of `targets`, or of a role below it, that its delegator's keys have signed (5.6.3).

    Raises:
        OtaError: they have not.
    """
    document = read(Targets, role, data, limits.targets_bytes)
    require_signed(delegator, role, document, by)
    return document


def next_role(
    delegator: Root | Targets, role: str, snapshot: Snapshot, data: bytes, by: str,
    limits: Limits = DEFAULT_LIMITS,
) -> Document[Targets]:  # fmt: skip
    """The metadata of a role that a trusted snapshot lists (5.6.2 to 5.6.4).

    Raises:
        OtaError: it is another.
    """
    meta = listed(snapshot, role)
    require_content(role, meta, data, f"snapshot {snapshot.version}")
    document = role_of(delegator, role, data, by, limits)
    _require_version(role, document.signed.version, meta.version, f"snapshot {snapshot.version}")
    return document


def listed(snapshot: Snapshot, role: str) -> MetaFile:
    """What a snapshot says of a role.

    Raises:
        OtaError: `mixed` where it says nothing.
    """
    meta = snapshot.meta.get(f"{role}.json")
    if meta is None:
        raise refusal(Code.MIXED, f"{role}: snapshot {snapshot.version} does not list it")
    return meta


@dataclass(frozen=True, slots=True)
class Found:
    """A target, and the role that lists it."""

    role: str
    signed: Targets
    target: TargetFile


def find(
    path: str,
    top: Targets,
    load: Callable[[Targets, str, str], Targets],
    limits: Limits = DEFAULT_LIMITS,
) -> Found:
    """The target at a path, by the most trusted role that lists it (5.6.7).

    Roles are searched depth first in the order in which they are delegated, none twice; a
    terminating delegation ends the search beside it.

    Args:
        path: of the target.
        top: the trusted metadata of `targets`.
        load: gives the trusted metadata of a role, given its delegator, the delegator's name and
            its own.
        limits: of how many roles are looked into.

    Raises:
        OtaError: `unknown-target` where no role lists it, or what `load` raises.
    """
    waiting: list[tuple[Targets | None, str, str]] = [(None, "root", "targets")]
    visited: set[str] = set()
    while waiting and len(visited) < limits.roles:
        delegator, by, role = waiting.pop()
        if role in visited:
            continue
        visited.add(role)
        signed = top if delegator is None else load(delegator, by, role)
        if path in signed.targets:
            return Found(role, signed, signed.targets[path])
        below, is_last = _responsible(signed, path)
        waiting = ([] if is_last else waiting) + [(signed, role, name) for name in reversed(below)]
    reason = "is listed by no role" if not waiting else f"is not in the first {limits.roles} roles"
    raise refusal(Code.UNKNOWN_TARGET, f"{path}: {reason} ({', '.join(sorted(visited))[:300]})")


def _responsible(signed: Targets, path: str) -> tuple[list[str], bool]:
    """Roles below that may list a path, in order, and whether the last one ends the search."""
    below: list[str] = []
    if signed.delegations is None:
        return below, False
    for name, is_terminating in signed.delegations.get_roles_for_target(path):
        below.append(name)
        if is_terminating:
            return below, True
    return below, False


def require_content(role: str, expected: MetaFile | TargetFile, data: bytes, by: str) -> None:
    """Refuse bytes of another length or hash than a trusted document says, where it says them.

    Raises:
        OtaError: `tampered`.
    """
    try:
        expected.verify_length_and_hashes(data)
    except LengthOrHashMismatchError as error:
        raise refusal(Code.TAMPERED, f"{role}: is not the file that {by} names: {error}") from error


def _require_version(role: str, seen: int, expected: int, by: str) -> None:
    if seen != expected:
        raise refusal(Code.MIXED, f"{role}: is version {seen}, {by} names version {expected}")


def _require_higher_roles(snapshot: Snapshot, marks: Marks) -> None:
    for role, mark in marks.listed.items():
        meta = snapshot.meta.get(f"{role}.json")
        if meta is None:
            raise refusal(
                Code.ROLLED_BACK,
                f"snapshot: version {snapshot.version} no longer lists {role}, which had version "
                f"{mark}",
            )
        _not_below(f"snapshot {snapshot.version}: its {role}", meta.version, mark)


def _not_below(what: str, seen: int, mark: int) -> None:
    if seen < mark:
        raise refusal(Code.ROLLED_BACK, f"{what}: is version {seen}, {mark} was trusted before")
