"""Changes and news written in the order that never leaves a device with a broken view.

Artefacts and records first, then families, targets, snapshot, and the timestamp last: until it is
there, devices get the old view, and all of it. A new root comes after a timestamp that both roots
believe. Whoever is interrupted runs the same command again; whoever is slower than somebody else
looks again, or hears that the proposal is stale.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tuf.api.metadata import Metadata, Root, Targets

from cloud.errors import CloudError, RepositoryError, StaleProposalError
from cloud.fleet.audit import Actor
from cloud.repository import online
from cloud.repository.changes import check_record
from cloud.repository.family import Family, Release, read_family
from cloud.repository.plan import Plan, news, plan
from cloud.repository.port import Registry
from cloud.repository.proposal import Proposal, is_same_but_for_its_dates
from cloud.repository.roles import (
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    blob_key,
    metadata_key,
    record_key,
)
from cloud.repository.settings import ExpirySettings
from cloud.repository.standing import File, Standing, is_signed, parse
from cloud.repository.storage import JSON, Storage
from models.record.digest import digest_of

_TRIES = 10
_BYTES = "application/octet-stream"
_RELEASABLE = ("VALIDATED", "RELEASED")


@dataclass(frozen=True, slots=True)
class Shown:
    """What devices get now.

    Attributes:
        timestamp: its version.
        snapshot: its version.
        is_new_snapshot: it was written just now.
    """

    timestamp: int
    snapshot: int
    is_new_snapshot: bool


class Publisher:
    """Writes a repository.

    Args:
        storage: its files.
        keys: of snapshot and timestamp.
        expiry: how long their signatures last.
        now: the clock, UTC.
    """

    def __init__(
        self,
        storage: Storage,
        keys: online.Keys,
        expiry: ExpirySettings,
        now: Callable[[], datetime],
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._expiry = expiry
        self._now = now

    def standing(self) -> Standing:
        """What stands.

        Raises:
            RepositoryError: there is no repository, or it proves nothing.
            BlobsAwayError: try again.
        """
        standing = self._storage.standing()
        if standing is None:
            raise RepositoryError("there is no repository here: `wayside-cloud repository init`")
        return standing

    def publish(
        self, proposal: Proposal, registry: Registry | None, by: Actor, *, may_gap: bool = False
    ) -> Shown:
        """Bring a proposal into force; one that is in force already is finished.

        Args:
            proposal: with its signatures.
            registry: of the models that it releases or revokes; None where it does neither.
            by: who publishes it.
            may_gap: a key of the server is lost, so that for a moment no device can believe us.

        Raises:
            StaleProposalError: somebody else changed the same, before or meanwhile.
            RepositoryError: it may not be published, or a key is missing, and nothing changed; or
                it is in force, and the registry could not be told, as the message says.
            BlobsAwayError: try again.
        """
        standing = self._storage.standing()
        proposal = self._with_leftovers(proposal)
        made = plan(proposal, standing, self._now())
        self._check_keys(made, standing, may_gap=may_gap)
        for role, file in made.files():
            self._check_place(role, file)
        self._copy(made, standing, registry)
        for role, file in made.files():
            if made.root is not None and role == ROOT:
                self._prepare_root(made.root.signed, made, standing)
            self._write(role, file)
        shown = self.refresh()
        if registry is not None:
            with in_force(proposal.purpose):
                _tell(proposal, registry, by)
        return shown

    def refresh(self) -> Shown:
        """Sign anew what the server signs, and show what stands.

        Raises:
            RepositoryError: there is nothing to show, or a key is missing.
            BlobsAwayError: try again.
        """
        return self._show([])

    def _with_leftovers(self, proposal: Proposal) -> Proposal:
        """With what an earlier try has written, where it says the same but for its dates.

        A number is written once, and other dates would be another file. Whether it is signed is
        asked of it as of any other.
        """
        parts = []
        for part in proposal.parts:
            there = self._leftover(part.role, part.after.version)
            if (
                there is not None
                and is_same_but_for_its_dates(there.signed, part.after)
                and not there.signed.is_expired(self._now())
                and part.metadata.signatures.keys() <= there.signatures.keys()
            ):
                parts.append(replace(part, metadata=there))
            else:
                parts.append(part)
        return replace(proposal, parts=tuple(parts))

    def _leftover(self, role: str, version: int) -> "Metadata[Any] | None":
        content, what = self._storage.read(role, version), metadata_key(role, version)
        if content is None:
            return None
        try:
            if role == ROOT:
                return parse(content, Root, what).metadata
            return parse(content, Targets, what).metadata
        except RepositoryError as error:
            raise RepositoryError(f"{error}, and no device has seen it: delete it") from error

    def _check_keys(self, made: Plan, standing: Standing | None, *, may_gap: bool) -> None:
        """Find out what is missing before anything is written."""
        if standing is not None and made.root is None and made.targets is None:
            online.check_worth_showing(standing, self._now())
        root = made.root or (standing.root if standing else None)
        assert root is not None, "a plan without a repository has a root"
        missing = online.lost_roles(root.signed, self._keys)
        if missing:
            raise RepositoryError(
                f"the server has no key of {' and '.join(missing)} that root {root.version} names; "
                "put it into repository.keys_folder, with mode 600"
            )
        if made.root is None or standing is None or _is_believed(standing, root.signed):
            return
        online.check_lasting(made.targets or standing.targets, TARGETS, self._now())
        lost = online.lost_roles(standing.root.signed, self._keys)
        if lost and not may_gap:
            raise RepositoryError(
                f"the server has the old key of {' and '.join(lost)} no more, so devices would "
                "refuse everything until the last file is written; if it is lost for good, say "
                "--old-key-is-lost"
            )

    def _prepare_root(self, root: Root, made: Plan, standing: Standing | None) -> None:
        """Have devices of both roots believe what is shown, before the new one is there."""
        if standing is None:
            return
        is_ready = made.targets is None and standing.is_shown and _is_believed(standing, root)
        is_able = not online.lost_roles(standing.root.signed, self._keys)
        if not is_ready and is_able and online.is_worth_showing(standing, self._now()):
            self._show([root])
        if not is_signed(root, TARGETS, self.standing().targets):
            raise StaleProposalError(
                "somebody published targets meanwhile, which the new root would not believe: "
                "propose it anew"
            )

    def _show(self, also: Sequence[Root]) -> Shown:
        """Write snapshot and timestamp of what stands, for the newest root and these."""
        life = timedelta(days=self._expiry.snapshot_days)
        for _ in range(_TRIES):
            standing, now = self.standing(), self._now()
            online.check_worth_showing(standing, now)
            roots = [standing.root.signed, *also]
            snapshot = standing.snapshot
            is_new = snapshot is None or not online.is_current(standing, roots, now, life)
            if snapshot is None or is_new:
                snapshot = online.next_snapshot(standing, roots, self._keys, now, self._expiry)
                if not self._storage.write(SNAPSHOT, snapshot.version, snapshot.content):
                    continue  # somebody else shows something: look again at what stands
            timestamp = online.next_timestamp(
                standing, snapshot, roots, self._keys, now, self._expiry
            )
            before = standing.timestamp.content if standing.timestamp else None
            if self._storage.swap_timestamp(timestamp.content, before):
                return Shown(timestamp.version, snapshot.version, is_new)
        raise RepositoryError(
            f"{_TRIES} times somebody else was faster: run `wayside-cloud repository refresh` again"
        )

    def _write(self, role: str, file: "File[Any]") -> None:
        """Write a version that nobody has written, or find it written."""
        if not self._storage.write(role, file.version, file.content):
            self._check_place(role, file)

    def _check_place(self, role: str, file: "File[Any]") -> None:
        """Return where a version is written by nobody, or as it will be."""
        if self._storage.read(role, file.version) not in (None, file.content):
            key = metadata_key(role, file.version)
            raise StaleProposalError(
                f"{key} is there, with other content: somebody was faster, then propose it anew; "
                "or was interrupted, then delete that file, which no device has seen"
            )

    def _copy(self, made: Plan, standing: Standing | None, registry: Registry | None) -> None:
        """Bring the files of what is released; nothing names them yet."""
        for name, file in made.families.items():
            known = standing is not None and name in standing.families
            before = standing.releases(name) if standing and known else Family(name)
            for release in read_family(name, file.signed).releases:
                if before.find(release.version) is None:
                    if registry is None:
                        raise RepositoryError(f"{name} {release.version}: no registry was named")
                    self._copy_release(name, release, registry)

    def _copy_release(self, family: str, release: Release, registry: Registry) -> None:
        what = f"{family} {release.version}"
        check_releasable(registry, family, release.version)
        record = registry.record(family, release.version)
        if digest_of(record) != release.sha256:
            raise RepositoryError(
                f"{what}: the registry's record is not the one that was signed for"
            )
        for artefact in check_record(record, family, release.version).artefacts:
            key = blob_key(artefact.sha256)
            if self._storage.has(key, artefact.size):
                continue
            content = registry.open(artefact.sha256)
            if (len(content), digest_of(content)) != (artefact.size, artefact.sha256):
                raise RepositoryError(
                    f"{what}: {artefact.path} in the registry is not what the record says"
                )
            self._storage.keep(key, content, _BYTES)
        self._storage.keep(record_key(family, release.version, release.sha256), record, JSON)


@contextmanager
def in_force(purpose: str) -> Iterator[None]:
    """What is noted of a proposal that devices get already: an error says so.

    Raises:
        RepositoryError: it was not noted.
    """
    try:
        yield
    except CloudError as error:
        raise RepositoryError(
            f"{purpose}: in force, but not everybody has heard of it: {error}; run the same "
            "command again"
        ) from error


def check_releasable(registry: Registry, name: str, version: str) -> None:
    """Return where the registry lets a version out.

    Raises:
        RepositoryError: it was not validated, or is out of use.
        CloudError: the registry does not know it.
    """
    state = registry.state(name, version).upper()
    if state not in _RELEASABLE:
        raise RepositoryError(
            f"{name} {version} is {state} in the registry; only what is VALIDATED is released"
        )


def _is_believed(standing: Standing, root: Root) -> bool:
    """Whether devices with this root believe what the server signed last."""
    snapshot, timestamp = standing.snapshot, standing.timestamp
    return (
        snapshot is not None
        and timestamp is not None
        and is_signed(root, SNAPSHOT, snapshot)
        and is_signed(root, TIMESTAMP, timestamp)
    )


def _tell(proposal: Proposal, registry: Registry, by: Actor) -> None:
    """Let the registry know what devices get."""
    for one in news(proposal):
        for release in one.released:
            registry.released(one.family, release.version, release.number, by)
        for version in one.revoked:
            registry.revoked(one.family, version, by)
