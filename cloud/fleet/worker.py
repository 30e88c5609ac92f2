"""States of devices from Pub/Sub into the table."""

import time
from collections.abc import Callable, Iterable, Sequence

import structlog

from cloud.bus.dead_letters import refuse
from cloud.bus.groups import GroupLimits, GroupReader
from cloud.bus.port import Publisher, Received, Subscriber
from cloud.errors import StoreAwayError
from cloud.fleet.device import status_slug
from cloud.fleet.devices import Devices, Recorded
from protos.codec import decode
from protos.errors import InvalidPayloadError
from protos.v1.device_state_pb2 import DeviceState
from wayside.backoff import Backoff

SUBSCRIPTION = "fleet-state"
_LIMITS = GroupLimits(max_messages=200, max_bytes=8 * 1024 * 1024, max_wait_s=0.25)
"""A heartbeat by itself costs its transaction: most of the work, with thousands of devices."""

Heard = Callable[[Sequence[tuple[DeviceState, int]]], object]
"""Is given states that were kept, and when each came; may raise StoreAwayError."""

_MAX_SEQ = 2**63 - 1
_log = structlog.get_logger(__name__)


class StateWorker:
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
        self._devices = devices
        self._publisher = publisher
        self._backoff = backoff or Backoff(0.2, 10.0)
        self._heard = heard
        self._told: set[str] = set()  # devices of which it was said that they are ignored
        self._reader = GroupReader(subscriber, SUBSCRIPTION, self.take, _LIMITS)

    @property
    def running(self) -> bool:
        """True while states are taken."""
        return self._reader.running

    def start(self) -> None:
        """Begin to take states; returns at once."""
        self._reader.start()

    def stop(self) -> None:
        """Finish the states that are kept now; the rest comes again."""
        self._reader.stop()

    def take(self, group: Sequence[Received]) -> None:
        """Keep states, and acknowledge them."""
        states = [(received, state) for received in group if (state := self._state(received))]
        if not states:
            return
        try:
            # Judged by when they came to Pub/Sub: they may have waited there for this process.
            recorded = self._devices.record_all(
                [(state, received.published_ns or None) for received, state in states]
            )
        except StoreAwayError as error:
            for received, _ in states:
                received.nack()
            wait_s = self._backoff.next_s()
            _log.warning("fleet database away", retry_s=round(wait_s, 1), reason=str(error))
            self._reader.pause(wait_s)
            return
        self._backoff.reset()
        for (received, state), outcome in zip(states, recorded, strict=True):
            received.ack()
            self._tell(state, outcome)
        self._pass_on(
            (state, received.published_ns or time.time_ns())
            for (received, state), outcome in zip(states, recorded, strict=True)
            if outcome is Recorded.KEPT
        )

    def _pass_on(self, kept: Iterable[tuple[DeviceState, int]]) -> None:
        """Tell who listens; what is missed while the database is away, the next states say too."""
        try:
            self._heard(list(kept))
        except StoreAwayError as error:
            _log.warning("fleet database away, nobody is told again", reason=str(error))

    def _state(self, received: Received) -> DeviceState | None:
        """The state, None for what went to the dead letter."""
        try:
            return _decode(received.data)
        except InvalidPayloadError as error:
            refuse(self._publisher, received, SUBSCRIPTION, str(error))
            return None

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
