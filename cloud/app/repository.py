"""The signed repository that the settings name, with whoever works at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from cloud.errors import RepositoryError
from cloud.fleet.audit import Actor
from cloud.settings import CloudSettings

if TYPE_CHECKING:
    from cloud.repository.changes import Asked
    from cloud.repository.port import Registry
    from cloud.repository.proposal import Proposal
    from cloud.repository.publishing import Publisher, Shown
    from cloud.repository.signing import Ask
    from cloud.repository.standing import Standing


def utc_now() -> datetime:
    """Now, to the second, as metadata has it."""
    return datetime.now(timezone.utc).replace(microsecond=0)


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
        from cloud.blobs.opened import open_blobs
        from cloud.repository.storage import Storage

        standing = Storage(open_blobs(self._settings.repository.blobs)).standing()
        if standing is None:
            raise RepositoryError(
                f"there is no repository in {self._settings.repository.blobs.url}: "
                "`wayside-cloud repository init`"
            )
        return standing

    def registry(self) -> "Registry":
        """Where the models are."""
        from cloud.repository.record_store import RecordStore

        if self._store is None:
            raise RepositoryError(
                "name the folder of records that `wayside-models register` wrote: --store FOLDER"
            )
        return RecordStore(self._store)

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

        needs_models = any(one.released or one.revoked for one in news(proposal))
        registry = self.registry() if needs_models else None
        return self._publisher().publish(proposal, registry, self._by, may_gap=may_gap)

    def note(self, family: str, version: str) -> None:
        """Let the registry know of a version that stands, where somebody was interrupted before.

        Raises:
            CloudError: it cannot be noted.
        """
        signed = self.standing().releases(family)
        release = signed.find(version)
        if release is not None:
            self.registry().released(family, version, release.number, self._by)
        elif version in signed.withdrawn:
            self.registry().revoked(family, version, self._by)

    def _publisher(self) -> "Publisher":
        from cloud.blobs.opened import open_blobs
        from cloud.repository.publishing import Publisher
        from cloud.repository.signing import read_online
        from cloud.repository.storage import Storage

        settings = self._settings.repository
        storage = Storage(open_blobs(settings.blobs))
        return Publisher(storage, read_online(settings.keys_folder), settings.expiry, utc_now)
