"""Metadata from the network, through the rules, into the store; what was trusted before stays.

One refresh goes the way of TUF specification 1.0.x, section 5: roots one after the other, then the
timestamp, the snapshot it names, the targets that lists, and roles below as they are asked for.
Each file is kept as soon as it is trusted, and its marks with it. Marks of `timestamp` and
`snapshot` are written before the file, for these are the ones that a thief of online keys would put
back; the others after it, so that a kill in between leaves no file below its mark.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ParamSpec, Protocol
from urllib.parse import quote

import structlog
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from edge.errors import OtaError
from edge.ota import verify
from edge.ota.documents import Document, S
from edge.ota.high_water import HighWater
from edge.ota.marks import Marks
from edge.ota.refusal import refusal
from edge.ota.states import Code
from edge.ota.time_floor import BUILT, Reference, reference, risen_s
from edge.ota.trusted_store import TrustedStore
from edge.ota.verify import DEFAULT_LIMITS, Limits

_RISE_S = 3600
"""By so much a kept clock must have gone on before it costs a write."""

DISK = frozenset({Code.NO_SPACE.value, Code.READ_ONLY.value})
"""Codes of what only the disk has refused."""

P = ParamSpec("P")

_log = structlog.get_logger(__name__)


class Source(Protocol):
    """Where files of metadata come from."""

    def metadata(self, name: str, max_bytes: int) -> bytes | None:
        """A file's bytes; None where the repository has no such file.

        Raises:
            OtaError: it cannot be had, or is longer than `max_bytes`.
        """


@dataclass(frozen=True, slots=True)
class Time:
    """What a device knows of the time.

    Attributes:
        now_s: the system's clock, Unix time.
        is_kept: does a time service keep it?
        built: when the agent was.
    """

    now_s: Callable[[], float]
    is_kept: Callable[[], bool]
    built: datetime = BUILT


@dataclass(slots=True)
class View:
    """Metadata that belongs together, as one snapshot has it.

    Attributes:
        roles: below `targets`, by the role that delegates and by name: the metadata that delegates,
            and what was believed by it.
    """

    root: Root
    timestamp: Timestamp
    snapshot: Snapshot
    targets: Targets
    roles: dict[tuple[str, str], tuple[Targets, Targets]] = field(default_factory=dict)

    def require_fresh(self, at: Reference) -> None:
        """Refuse a view of which anything at the top has expired.

        Raises:
            OtaError: `expired` or `clock`.
        """
        for role, signed in (
            ("root", self.root), ("timestamp", self.timestamp),
            ("snapshot", self.snapshot), ("targets", self.targets),
        ):  # fmt: skip
            at.require_fresh(role, signed)


class Client:
    """A device's side of a signed repository; one thread uses it.

    Args:
        anchor: the root that the device was given by hand.
        store: of trusted metadata.
        high_water: of the marks.
        source: of the repository's metadata.
        time: of this device.
        limits: of what a repository may ask.

    Raises:
        OtaError: the anchor is no root.
    """

    def __init__(
        self, anchor: bytes, store: TrustedStore, high_water: HighWater, source: Source,
        time: Time, limits: Limits = DEFAULT_LIMITS,
    ) -> None:  # fmt: skip
        self._anchor = verify.first_root(anchor, limits)
        self._store = store
        self._high_water = high_water
        self._source = source
        self._time = time
        self._limits = limits
        self._disk_error: OtaError | None = None
        self._marks = high_water.read()
        self._root, self._root_data = self._kept_root()
        self._view = self._kept_view()

    @property
    def marks(self) -> Marks:
        """The highest that was ever trusted."""
        return self._marks

    def mark(self, marks: Marks) -> None:
        """Remember higher marks; they are durable on return.

        Raises:
            OtaError: `no-space` or `read-only`; they hold in this process all the same.
        """
        self._marks = marks
        self._high_water.keep(marks)

    def reference(self) -> Reference:
        """What is known of the time now."""
        time = self._time
        return reference(time.now_s(), self._marks.time_s, is_kept=time.is_kept(), built=time.built)

    def refresh(self) -> None:
        """Take the newest metadata at the top.

        Raises:
            OtaError: it cannot be had, or cannot be believed; what was trusted still is. Where only
                the disk refuses (`DISK`), it is believed until this process ends: a device whose
                disk is full must learn all the same of what was revoked.
        """
        self._disk_error = None
        at = self.reference()
        self._follow_roots()
        at.require_fresh("root", self._root)
        timestamp = self._take_timestamp(at)
        snapshot = self._take_snapshot(timestamp, at)
        targets = self._take_role(self._root, self._root_name, "targets", snapshot, at)
        self._view = View(self._root, timestamp, snapshot, targets)
        risen = risen_s(at, (self._root, targets))
        if risen >= self._marks.time_s + _RISE_S:
            self._try_to_mark(self._marks.with_time(risen))
        if self._disk_error is not None:
            raise self._disk_error

    def view(self) -> View:
        """The metadata that was last trusted as a whole, and has not expired.

        Raises:
            OtaError: `unreachable` where there is none yet, `expired` or `clock`.
        """
        if self._view is None:
            raise refusal(
                Code.UNREACHABLE, "no whole metadata is trusted yet; it must be fetched first"
            )
        self._view.require_fresh(self.reference())
        return self._view

    def delegates(self, role: str) -> bool:
        """`targets` says that there is such a role.

        Raises:
            OtaError: as `view`.
        """
        delegations = self.view().targets.delegations
        return delegations is not None and role in (delegations.roles or {})

    def role(self, role: str) -> Targets:
        """The metadata of a role that `targets` delegates to, fetched where it is not kept.

        Raises:
            OtaError: it cannot be had, or cannot be believed.
        """
        return self._role_below(self.view().targets, "targets", role)

    def find(self, path: str) -> verify.Found:
        """The target at a path; roles are fetched where they are not kept.

        Raises:
            OtaError: `unknown-target`, or a role cannot be had, or cannot be believed.
        """
        return verify.find(path, self.view().targets, self._role_below, self._limits)

    def kept_role(self, role: str) -> Targets:
        """The metadata of a role that `targets` delegates to, as it was last trusted.

        Neither network nor expiry: what serves already is looked up here.

        Raises:
            OtaError: `not-readable` where nothing whole is kept.
        """
        targets = self._kept_role(self._root, self._root_name, "targets")
        found = None if targets is None else self._kept_role(targets, "targets", role)
        if found is None:
            raise refusal(Code.NOT_READABLE, f"{role}: no trusted metadata of it is whole")
        return found

    @property
    def _root_name(self) -> str:
        return f"root {self._root.version}"

    # What is kept

    def _kept_root(self) -> tuple[Root, bytes]:
        root = self._anchor
        if (data := self._store.read_root(root.signed.version)) is not None:
            verify.require_same_repository(root, data, self._limits)
        self._marks = self._marks.with_root(root.signed)
        while (data := self._store.read_root(root.signed.version + 1)) is not None:
            try:
                root = verify.next_root(root.signed, data, self._limits)
            except OtaError as error:
                _damaged("root", error)
                break
            self._marks = self._marks.with_root(root.signed)
        return root.signed, root.data

    def _kept_view(self) -> View | None:
        timestamp = self._kept_timestamp()
        if timestamp is None:
            return None
        self._marks = self._marks.with_timestamp(timestamp.signed)
        data = self._store.read("snapshot")
        try:
            if data is None or self._root.version < self._marks.root:
                return None
            self._marks = self._marks.with_snapshot(
                verify.snapshot_of(self._root, data, self._limits).signed
            )
            snapshot = self._as_named(timestamp.signed, data).signed
        except OtaError as error:
            _damaged("snapshot", error)
            return None
        targets = self._kept_role(self._root, self._root_name, "targets")
        listed = snapshot.meta.get("targets.json")
        if targets is None or listed is None or listed.version != targets.version:
            return None
        return View(self._root, timestamp.signed, snapshot, targets)

    def _kept_timestamp(self) -> Document[Timestamp] | None:
        data = self._store.read("timestamp")
        if data is None or self._root.version < self._marks.root:
            return None
        try:
            document = verify.timestamp_of(self._root, data, self._limits)
            verify.require_newer_timestamp(document.signed, self._marks)
        except OtaError as error:
            _damaged("timestamp", error)
            return None
        return document

    def _kept_role(self, delegator: Root | Targets, by: str, role: str) -> Targets | None:
        data = self._store.read(role)
        if data is None or self._root.version < self._marks.root:
            return None
        try:
            signed = verify.role_of(delegator, role, data, by, self._limits).signed
        except OtaError as error:
            _damaged(role, error)
            return None
        if signed.version < self._marks.taken.get(role, 0):
            _log.error("trusted metadata was put back in time", role=role, version=signed.version)
            return None
        return signed

    # What is fetched

    def _follow_roots(self) -> None:
        for _ in range(self._limits.root_rotations):
            version = self._root.version + 1
            data = self._source.metadata(f"{version}.root.json", self._limits.root_bytes)
            if data is None:
                verify.require_last_root(self._root, self._marks)
                self._try_to_keep(self._store.keep_root, self._root.version, self._root_data)
                return
            root = verify.next_root(self._root, data, self._limits).signed
            self._try_to_keep(self._store.keep_root, version, data)
            self._root, self._root_data = root, data
            self._try_to_mark(self._marks.with_root(root))
            self._view = self._kept_view()
        raise refusal(
            Code.ENDLESS, f"root: more than {self._limits.root_rotations} new versions at once"
        )

    def _take_timestamp(self, at: Reference) -> Timestamp:
        data = self._source.metadata("timestamp.json", self._limits.timestamp_bytes)
        if data is None:
            raise refusal(Code.UNREACHABLE, "timestamp: the repository has no timestamp.json")
        document = verify.timestamp_of(self._root, data, self._limits)
        verify.require_newer_timestamp(document.signed, self._marks)
        kept = self._kept_timestamp()
        if kept is not None and kept.signed.version == document.signed.version:
            document = kept
        at.require_fresh("timestamp", document.signed)
        self._try_to_mark(self._marks.with_timestamp(document.signed))
        self._try_to_keep(self._store.keep, "timestamp", document.data)
        return document.signed

    def _take_snapshot(self, timestamp: Timestamp, at: Reference) -> Snapshot:
        meta = timestamp.snapshot_meta
        document = self._if_kept("snapshot", lambda data: self._as_named(timestamp, data))
        if document is None:
            data = self._fetch("snapshot", meta.version, meta.length, self._limits.snapshot_bytes)
            document = self._as_named(timestamp, data)
        at.require_fresh("snapshot", document.signed)
        self._try_to_mark(self._marks.with_snapshot(document.signed))
        self._try_to_keep(self._store.keep, "snapshot", document.data)
        return document.signed

    def _as_named(self, timestamp: Timestamp, data: bytes) -> Document[Snapshot]:
        return verify.next_snapshot(self._root, timestamp, data, self._marks, self._limits)

    def _role_below(self, delegator: Targets, by: str, role: str) -> Targets:
        view = self.view()
        at = self.reference()
        believed_by, signed = view.roles.get((by, role), (None, None))
        if signed is None or believed_by is not delegator:
            # A role is believed by the keys of whoever leads to it now, not by those of its name.
            signed = self._take_role(delegator, by, role, view.snapshot, at)
            view.roles[by, role] = (delegator, signed)
        at.require_fresh(role, signed)
        return signed

    def _take_role(
        self, delegator: Root | Targets, by: str, role: str, snapshot: Snapshot, at: Reference
    ) -> Targets:
        def listed(data: bytes) -> Document[Targets]:
            return verify.next_role(delegator, role, snapshot, data, by, self._limits)

        document = self._if_kept(role, listed)
        if document is None:
            meta = verify.listed(snapshot, role)
            data = self._fetch(role, meta.version, meta.length, self._limits.targets_bytes)
            document = listed(data)
        at.require_fresh(role, document.signed)
        self._try_to_keep(self._store.keep, role, document.data)
        self._try_to_mark(self._marks.with_taken(role, document.signed.version))
        return document.signed

    def _try_to_mark(self, marks: Marks) -> None:
        self._try_to_keep(self.mark, marks)

    def _try_to_keep(self, keep: Callable[P, None], *what: P.args, **named: P.kwargs) -> None:
        """Keep something where the disk takes it; `refresh` says at its end where it did not."""
        try:
            keep(*what, **named)
        except OtaError as error:
            if error.code not in DISK:
                raise
            self._disk_error = error

    def _if_kept(self, role: str, believe: Callable[[bytes], Document[S]]) -> Document[S] | None:
        """What is kept of a role where it is what is wanted now, else None."""
        data = self._store.read(role)
        if data is None:
            return None
        try:
            return believe(data)
        except OtaError:
            return None  # an older one, as a rule

    def _fetch(self, role: str, version: int, length: int | None, most: int) -> bytes:
        name = f"{quote(role, safe='')}.json"
        if self._root.consistent_snapshot:
            name = f"{version}.{name}"
        data = self._source.metadata(name, most if length is None else min(length, most))
        if data is None:
            raise refusal(
                Code.MIXED, f"{role}: the repository lists version {version} and has no {name}"
            )
        return data


def _damaged(role: str, error: OtaError) -> None:
    _log.warning(
        "kept metadata is of no use", role=role, error=str(error),
        remedy="it is fetched again; the high-water marks hold",
    )  # fmt: skip
