"""The signed repository that the settings name, with whoever works at it."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from cloud.errors import RepositoryError, StartError, StoreAwayError, UnknownModelError
from cloud.fleet.audit import Actor
from cloud.settings import CloudSettings

if TYPE_CHECKING:
    from cloud.repository.changes import Asked
    from cloud.repository.port import Registry
    from cloud.repository.proposal import Proposal
    from cloud.repository.publishing import Publisher, Shown
    from cloud.repository.signing import Ask, PublicKey
    from cloud.repository.standing import Standing

_log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """Now, to the second, as metadata has it."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def standing_of(settings: CloudSettings) -> "Standing | None":
    """What stands; None where there is no repository. Nothing is made, and no key is read.

    Raises:
        RepositoryError: it proves nothing.
        BlobsAwayError: try again.
        StartError: the credentials of a bucket cannot be read.
    """
    from cloud.blobs.opened import open_to_read
    from cloud.repository.storage import Storage

    blobs = open_to_read(settings.repository.blobs)
    return None if blobs is None else Storage(blobs).standing()


@dataclass(frozen=True, slots=True)
class Hands:
    """What somebody brings along to get a change signed.

    Attributes:
        keys: files of private keys that sign here.
        ask: for their passphrases.
        out: file for the proposal, to be signed elsewhere; None: it is published at once.
        may_gap: see `Publisher.publish`.
    """

    keys: Sequence[Path]
    ask: "Ask"
    out: Path | None = None
    may_gap: bool = False


class Desk:
    """Where people change the repository.

    Args:
        settings: of the cloud.
        by: who sits there.
        store: folder of records in place of the registry; None: the registry.
    """

    def __init__(self, settings: CloudSettings, by: Actor, store: Path | None = None) -> None:
        self._settings = settings
        self._by = by
        self._store = store

    def asked(self) -> "Asked":
        """A change asked for now."""
        from cloud.repository.changes import Asked

        who = f"{self._by.name} at {self._by.origin}"
        return Asked(who, utc_now(), self._settings.repository.expiry)

    def standing(self) -> "Standing":
        """What stands.

        Raises:
            RepositoryError: there is no repository, or it proves nothing.
            BlobsAwayError: try again.
        """
        standing = self.find_standing()
        if standing is None:
            raise RepositoryError(
                f"there is no repository in {self._settings.repository.blobs.url}: "
                "`wayside-cloud repository init`"
            )
        return standing

    def find_standing(self) -> "Standing | None":
        """What stands, as `standing_of` says it."""
        return standing_of(self._settings)

    def with_own_keys(self, publics: "Sequence[PublicKey]") -> "list[PublicKey]":
        """With the server's own keys of snapshot and timestamp, where none of such a role is named.

        Raises:
            SigningKeyError: the folder of the server's keys holds what it should not.
        """
        from cloud.repository.signing import read_online_public

        named = {one.role for one in publics}
        own = read_online_public(self._settings.repository.keys_folder)
        return [*publics, *(one for one in own if one.role not in named)]

    def alarms(self, standing: "Standing") -> list[str]:
        """What somebody has to do, a line each; empty where all is well."""
        from cloud.repository.agreement import disagreements
        from cloud.repository.watch import alarms

        found = alarms(standing, self._settings.repository, utc_now())
        try:
            with self.registry() as registry:
                found += disagreements(standing, partial(_state_of, registry))
        except (StartError, StoreAwayError) as error:
            return [
                *(one.message for one in found),
                f"nobody knows what the registry says: {error}",
            ]
        return [one.message for one in found]

    @contextmanager
    def registry(self) -> "Iterator[Registry]":
        """Where the models are.

        Raises:
            StartError: the fleet's database cannot be used.
        """
        from cloud.blobs.opened import open_blobs
        from cloud.fleet.audit import Audit
        from cloud.fleet.database import FleetDatabase
        from cloud.registry.registry import Registry
        from cloud.repository.record_store import RecordStore

        if self._store is not None:
            yield RecordStore(self._store)
            return
        with closing(FleetDatabase(self._settings.fleet.url)) as database:
            blobs = open_blobs(self._settings.blobs)
            yield Registry(database, Audit(database), blobs, self._settings.models)

    def refresh(self) -> "Shown":
        """Sign anew what the server signs.

        Raises:
            RepositoryError: there is nothing to show, or a key is missing.
            BlobsAwayError: try again.
        """
        return self._publisher().refresh()

    def signed(self, proposal: "Proposal", hands: Hands) -> "Proposal":
        """With the signatures of the keys that somebody brings.

        Raises:
            RepositoryError: a key may not sign this, or cannot be opened.
        """
        from cloud.repository.signing import read_private

        for path in hands.keys:
            proposal = proposal.signed_with(read_private(path, hands.ask))
        return proposal

    def publish(self, proposal: "Proposal", *, may_gap: bool = False) -> "Shown":
        """Bring a proposal into force.

        Raises:
            As `Publisher.publish`.
        """
        from cloud.repository.plan import news
        from cloud.repository.publishing import in_force

        found, publisher = news(proposal), self._publisher()
        if any(one.released for one in found):
            with self.registry() as registry:
                shown = publisher.publish(proposal, registry, self._by, may_gap=may_gap)
            self._note_in_audit(proposal)
            return shown
        # A revocation waits for no database: the registry hears of it when devices do already.
        shown = publisher.publish(proposal, None, self._by, may_gap=may_gap)
        with in_force(proposal.purpose):
            for one in found:
                for version in one.revoked:
                    self.note(one.family, version)
        self._note_in_audit(proposal)
        return shown

    def note(self, family: str, version: str) -> None:
        """Let the registry know of a version that stands, and devices where it was revoked.

        Raises:
            CloudError: it cannot be noted, or devices cannot be told.
        """
        signed = self.standing().releases(family)
        release = signed.find(version)
        with self.registry() as registry:
            if release is not None:
                registry.released(family, version, release.number, self._by)
            elif version in signed.withdrawn:
                with suppress(UnknownModelError):  # it came from a folder of records
                    registry.revoked(family, version, self._by)
                self._have_devices_look(family)

    def _have_devices_look(self, family: str) -> None:
        """Have devices hear of a revocation now, and not when they look next."""
        from cloud.desired.outbox import DownlinkOutbox
        from cloud.desired.writer import DesiredStates
        from cloud.fleet.audit import Audit
        from cloud.fleet.database import FleetDatabase

        with closing(FleetDatabase(self._settings.fleet.url)) as database:
            desired = DesiredStates(database, Audit(database), DownlinkOutbox(database))
            told = desired.have_looked(family, self._by)
        _log.info("devices look at once", family=family, devices=len(told))

    def _note_in_audit(self, proposal: "Proposal") -> None:
        """Say who published what. It is in force, so where that can't be noted, the log does."""
        from cloud.fleet.audit import Audit
        from cloud.fleet.database import FleetDatabase
        from cloud.repository.roles import role_text

        what = ", ".join(f"{role_text(one.role)} {one.after.version}" for one in proposal.parts)
        try:
            with (
                closing(FleetDatabase(self._settings.fleet.url)) as database,
                database.writing() as connection,
            ):
                Audit(database).note(connection, self._by, "repository.publish", what)
        except (StartError, StoreAwayError) as error:
            _log.error("published without a line in the audit", what=what, reason=str(error))

    def _publisher(self) -> "Publisher":
        from cloud.blobs.opened import open_blobs
        from cloud.repository.publishing import Publisher
        from cloud.repository.signing import read_online
        from cloud.repository.storage import Storage

        settings = self._settings.repository
        storage = Storage(open_blobs(settings.blobs))
        return Publisher(storage, read_online(settings.keys_folder), settings.expiry, utc_now)


def _state_of(registry: "Registry", family: str, version: str) -> str | None:
    try:
        return registry.state(family, version)
    except UnknownModelError:
        return None
