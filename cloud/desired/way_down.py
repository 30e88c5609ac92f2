"""The way down as those see it who change something, ask, or hear of devices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloud.desired.orders import Orders
from cloud.desired.updates import Updates
from cloud.desired.writer import DesiredStates
from protos.v1.device_state_pb2 import DeviceState


@dataclass(frozen=True, slots=True)
class WayDown:
    """What devices shall be, and what they say of their updates.

    Attributes:
        desired: what devices shall be.
        orders: gives orders for models.
        updates: what they say of their updates.
        wake: has the outbox looked into at once; called after a change.
    """

    desired: DesiredStates
    orders: Orders
    updates: Updates
    wake: Callable[[], None]

    def tell_again(self, heard: Sequence[tuple[DeviceState, int]]) -> None:
        """Have those told again whose states say that they were not.

        Args:
            heard: states that are the newest of their devices, and when each came.

        Raises:
            StoreAwayError: the database does not answer; the next states say the same.
        """
        if self.desired.tell_again(heard):
            self.wake()
