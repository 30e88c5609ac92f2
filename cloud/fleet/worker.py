"""States of devices from Pub/Sub into the table."""

import threading

import structlog

from cloud.bus.dead_letters import refuse
from cloud.bus.port import Flow, Publisher, Received, Subscriber, Subscription
from cloud.errors import StoreAwayError
from cloud.fleet.device import status_slug
from cloud.fleet.devices import Devices, Recorded
from protos.codec import decode
from protos.errors import InvalidPayloadError
from protos.v1.device_state_pb2 import DeviceState
from wayside.backoff import Backoff

SUBSCRIPTION = "fleet-state"
_FLOW = Flow(max_messages=200)
_MAX_SEQ = 2**63 - 1
_log = structlog.get_logger(__name__)


class StateWorker:
    """Keeps the table of devices up to date.

    Args:
        devices: the table.
        subscriber: from Pub/Sub.
        publisher: to the dead letter.
        backoff: the waits while the database is away.
    """

    def __init__(
        self,
        devices: Devices,
        subscriber: Subscriber,
        publisher: Publisher,
        backoff: Backoff | None = None,
    ) -> None:
        self._devices = devices
        self._subscriber = subscriber
        self._publisher = publisher
        self._backoff = backoff or Backoff(0.2, 10.0)
        self._told: set[str] = set()  # devices of which it was said that they are ignored
        self._stop = threading.Event()
        self._subscription: Subscription | None = None

    @property
    def running(self) -> bool:
        """True while states are taken."""
        return self._subscription is not None and self._subscription.listening

    def start(self) -> None:
        """Begin to take states; returns at once."""
        self._subscription = self._subscriber.subscribe(SUBSCRIPTION, self.take, _FLOW)

    def stop(self) -> None:
        """Take no more."""
        self._stop.set()
        if self._subscription is not None:
            self._subscription.stop()

    def take(self, received: Received) -> None:
        """Keep one state, and acknowledge it."""
        try:
            state = _decode(received.data)
        except InvalidPayloadError as error:
            refuse(self._publisher, received, SUBSCRIPTION, str(error))
            return
        try:
            # Judged by when it came to Pub/Sub: it may have waited there for this process.
            recorded = self._devices.record(state, received.published_ns or None)
        except StoreAwayError as error:
            wait_s = self._backoff.next_s()
            _log.warning("fleet database away", retry_s=round(wait_s, 1), reason=str(error))
            received.nack()
            # This thread has nothing else to do, and Pub/Sub keeps the rest.
            self._stop.wait(wait_s)
            return
        self._backoff.reset()
        received.ack()
        self._tell(state, recorded)

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
