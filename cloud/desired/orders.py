"""Orders for models, looked up before they are given."""

from collections.abc import Sequence
from dataclasses import dataclass

from cloud.desired.choice import Choice, choose
from cloud.desired.port import Listing
from cloud.desired.state import Desired, check_order
from cloud.desired.writer import DesiredStates
from cloud.fleet.audit import Actor


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order that was given.

    Attributes:
        desired: what the device shall be by it.
        choice: what was ordered.
    """

    desired: Desired
    choice: Choice


class Orders:
    """Gives orders for what is released. Any thread may use it.

    An order is no authority, looked up or not: the device takes what is signed. A look finds
    mistakes while who made them still looks.

    Args:
        desired: what devices shall be.
        listings: asked in this order, until one has the version.
    """

    def __init__(self, desired: DesiredStates, listings: Sequence[Listing]) -> None:
        self._desired = desired
        self._listings = listings

    def give(self, device: str, family: str, wanted: str, sha256: bytes, by: Actor) -> Ordered:
        """Order a device to run a version of a model; the order before is over.

        Args:
            device: its id.
            family: the model's name.
            wanted: a version of the model, or an alias of one, as `champion`.
            sha256: of the model's record; empty: as it is listed.
            by: who says so.

        Raises:
            UnknownDeviceError: there is no device of that id.
            DeviceError: the version may not be ordered, or not to this device; see `choose` and
                `DesiredStates.order`.
            StoreAwayError: the database does not answer.
            RepositoryError, BlobsAwayError: the signed repository cannot be read.
        """
        check_order(family, wanted, sha256)
        found = ((one.name, one.look(family, wanted)) for one in self._listings)
        choice = choose(family, wanted, sha256, found)
        desired = self._desired.order(device, family, choice.version, choice.sha256, by)
        return Ordered(desired, choice)
