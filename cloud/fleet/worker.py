"""States of devices from Pub/Sub into the table."""

import time
from collections.abc import Callable, Iterable, Sequence

import structlog

from cloud.bus.port import Publisher, Subscriber
from cloud.errors import StoreAwayError
from cloud.fleet.device import status_slug
from cloud.fleet.devices import Devices, Recorded
from cloud.fleet.intake import Intake
from protos.codec import decode
from protos.errors import InvalidPayloadError
from protos.v1.device_state_pb2 import DeviceState
from wayside.backoff import Backoff

SUBSCRIPTION = "fleet-state"

Heard = Callable[[Sequence[tuple[DeviceState, int]]], object]
"""Is given states that were kept, and when each came; may raise StoreAwayError."""

_MAX_SEQ = 2**63 - 1
_log = structlog.get_logger(__name__)


class StateWorker(Intake[DeviceState, Recorded]):
    """Keeps the table of devices up to date.

    Args:
        devices: the table.
        subscriber: from Pub/Sub.
        publisher: to the dead letter.
        backoff: the waits while the database is away.
        heard: has devices told again what they shall be.
    """

    def __init__(
        self,
        devices: Devices,
        subscriber: Subscriber,
        publisher: Publisher,
        backoff: Backoff | None = None,
        heard: Heard = len,
    ) -> None:
        super().__init__(SUBSCRIPTION, subscriber, publisher, backoff)
        self._devices = devices
        self._heard = heard
        self._told: set[str] = set()  # devices of which it was said that they are ignored

    def read(self, data: bytes) -> DeviceState:
        """See `Intake.read`."""
        return _decode(data)

    def keep(self, messages: Sequence[tuple[DeviceState, int | None]]) -> Sequence[Recorded]:
        """See `Intake.keep`."""
        return self._devices.record_all(messages)

    def kept(self, messages: Sequence[tuple[DeviceState, int, Recorded]]) -> None:
        """Say what is worth saying, and have devices told again."""
        for state, _, outcome in messages:
            self._tell(state, outcome)
        self._pass_on(
            (state, published_ns or time.time_ns())
            for state, published_ns, outcome in messages
            if outcome is Recorded.KEPT
        )

    def _pass_on(self, kept: Iterable[tuple[DeviceState, int]]) -> None:
        """Tell who listens; what is missed while the database is away, the next states say too."""
        try:
            self._heard(list(kept))
        except StoreAwayError as error:
            _log.warning("fleet database away, nobody is told again", reason=str(error))

    def _tell(self, state: DeviceState, recorded: Recorded) -> None:
        """Say once what is worth saying; heartbeats are not."""
        if recorded is Recorded.DECOMMISSIONED:
            if state.device not in self._told:
                self._told.add(state.device)
                _log.warning("state ignored, device is decommissioned", device_id=state.device)
            return
        self._told.discard(state.device)
        if recorded is Recorded.KEPT and state.status != DeviceState.ALIVE:
            _log.info("device", device_id=state.device, status=status_slug(state.status))


def _decode(data: bytes) -> DeviceState:
    state = decode(DeviceState, data)
    if state.boot == 0 or state.seq > _MAX_SEQ:
        raise InvalidPayloadError(f"DeviceState of {state.device}: boot or seq is not valid")
    if state.status == DeviceState.STATUS_UNSPECIFIED:
        raise InvalidPayloadError(f"DeviceState of {state.device}: status is missing")
    return state
