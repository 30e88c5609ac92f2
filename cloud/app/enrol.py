"""A device enrolled: expected by the fleet, then given its certificate."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from cloud.errors import CloudError, StartError, StoreAwayError
from cloud.fleet.audit import Actor
from cloud.identity.authority import CertificateAuthority
from cloud.identity.identities import Identity
from cloud.identity.registry import Entry
from cloud.settings import CloudSettings

if TYPE_CHECKING:
    from cloud.fleet.database import FleetDatabase

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device that may come.

    Attributes:
        entry: of its certificate.
        is_new: False where it was registered before.
        where: the fleet's database, without secrets.
    """

    entry: Entry
    is_new: bool
    where: str


def enrol(
    settings: CloudSettings,
    authority: CertificateAuthority,
    identity: Identity,
    out: Path,
    days: int | None,
    by: Actor,
) -> Enrolled:
    """Register a device and write its certificate into a folder; both stand in the audit.

    What cannot be done is found out first: the CA is open, the folder holds no credentials, the
    database answers. Then it is registered, and the certificate comes last. Broken off between the
    two, a device is expected that has no certificate, and the same command does the rest; the
    other way round there would be a certificate that the fleet knows nothing of, and the folder
    that holds it would refuse the second try.

    Raises:
        IdentityError: the folder holds credentials, or cannot be written.
        DeviceError: it is decommissioned.
        StartError: the fleet's database cannot be used; nothing was done.
        StoreAwayError: it does not answer; nothing was issued.
    """
    from cloud.fleet.audit import Audit
    from cloud.fleet.lifecycle import Lifecycle

    authority.check_vacant(out)
    with _fleet_database(settings) as database:
        audit = Audit(database)
        is_new = Lifecycle(database, audit).ensure_registered(identity.common_name, by)
        number = audit.begin(by, "certificate.issue", identity.common_name)
        try:
            entry = authority.issue(identity, out, days)
        except CloudError as error:
            audit.close(number, f"failed: {error}")
            raise
        audit.close(number, f"done: {entry.serial:x}")
        return Enrolled(entry, is_new, database.where)


@contextmanager
def _fleet_database(settings: CloudSettings) -> "Iterator[FleetDatabase]":
    """The fleet's database; where it cannot be had, the message says how to go on without it."""
    from cloud.fleet.database import FleetDatabase

    try:
        with closing(FleetDatabase(settings.fleet.url)) as database:
            yield database
    except (StartError, StoreAwayError) as error:
        raise type(error)(
            f"{error}; --no-register issues without it, and `wayside-cloud devices register` "
            "makes up for that"
        ) from error
