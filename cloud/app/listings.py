"""Who is asked what may be ordered: the registry, then the signed repository."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloud.app.repository import standing_of
from cloud.errors import RepositoryError, StartError
from cloud.settings import CloudSettings

if TYPE_CHECKING:
    from cloud.desired.port import Listing
    from cloud.fleet.audit import Audit
    from cloud.fleet.database import FleetDatabase
    from cloud.repository.standing import Standing


def listings(
    settings: CloudSettings, database: "FleetDatabase", audit: "Audit"
) -> "Sequence[Listing]":
    """The registry of a fleet's database, and the signed repository that the settings name.

    Nothing is opened before it is asked, and the repository is opened anew each time: it may be
    made while `serve` runs, and is asked seldom.
    """
    from cloud.registry.aliases import Aliases
    from cloud.registry.catalogue import Catalogue
    from cloud.registry.listing import RegistryListing
    from cloud.repository.listing import SignedListing

    registry = RegistryListing(Catalogue(database, audit), Aliases(database, audit))
    return (registry, SignedListing(lambda: _standing(settings)))


def _standing(settings: CloudSettings) -> "Standing | None":
    """As `standing_of`, for whoever asks while `serve` runs.

    Raises:
        RepositoryError: it cannot be read, or proves nothing.
        BlobsAwayError: try again.
    """
    try:
        return standing_of(settings)
    except StartError as error:
        raise RepositoryError(f"the signed repository cannot be looked into: {error}") from error
