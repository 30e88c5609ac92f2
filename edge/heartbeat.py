"""How the device says that it lives: birth, heartbeat, goodbye, last will.

A part of the uplink. Every message is a whole `DeviceState`, retained, so the newest one alone
tells how the device is. The last will carries the session number of its own connection: a will
that the broker publishes late, when the device is back already, is told from the truth by it.
"""

import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable

import structlog
from pydantic import BaseModel, ConfigDict, Field

from edge.publish.clock import clock_offset_ns, clock_synced
from edge.publish.rows import Depth
from edge.publish.uplink import OnPuback
from protos import topics
from protos.codec import SCHEMA, encode
from protos.v1.device_state_pb2 import DeviceState
from wayside.errors import NotConnectedError
from wayside.mqtt.messages import FIRST_FAILURE, Will

MAX_ERRORS = 10
"""Errors that a heartbeat repeats, the newest ones."""

_MAX_ERROR_CHARS = 300

_log = structlog.get_logger(__name__)

Publish = Callable[[str, bytes, OnPuback], None]
"""Hands a retained QoS 1 message to the uplink; raises NotConnectedError."""


class HeartbeatSettings(BaseModel):
    """How often the device says that it lives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interval_s: float = Field(60.0, gt=0, le=3600, description="s between heartbeats")
    jitter: float = Field(
        0.1, ge=0, le=0.5, description="share of the interval by which it varies, both ways"
    )
    goodbye_timeout_s: float = Field(
        2.0, gt=0, le=60, description="s that a clean stop waits for the broker to take the goodbye"
    )


class Heartbeat:
    """Publishes the device's state at connect, each interval, and at a clean stop.

    Args:
        device: id of the device.
        boot: of this start of the agent.
        settings: intervals.
        publish: hands a retained message to the uplink.
        content: cameras, models, agent version, config revision and anchor, as the agent knows
            them now; every other field is the heartbeat's own.
        depth: of the outbox.
        health: of agent and machine.
        synced: is the wall clock disciplined.
        offset_ns: of the wall clock, as its time service estimates it.
        now_ns: Unix time.
        rng: source of the jitter.
    """

    def __init__(
        self,
        device: str,
        boot: int,
        settings: HeartbeatSettings,
        *,
        publish: Publish,
        content: Callable[[], DeviceState],
        depth: Callable[[], Depth],
        health: Callable[[], DeviceState.Health],
        synced: Callable[[], bool] = clock_synced,
        offset_ns: Callable[[], int] = clock_offset_ns,
        now_ns: Callable[[], int] = time.time_ns,
        rng: random.Random | None = None,
    ) -> None:
        self._topic = topics.state(device)
        self._device = device
        self._boot = boot
        self._settings = settings
        self._publish = publish
        self._content = content
        self._depth = depth
        self._health = health
        self._synced = synced
        self._offset_ns = offset_ns
        self._now_ns = now_ns
        self._rng = rng or random.Random()
        self._session = 0
        self._seq = 0
        self._errors: deque[str] = deque(maxlen=MAX_ERRORS)
        self._changed = threading.Condition()
        self._born = False
        self._connected = False
        self._stopping = False
        self._hurried = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def will(self) -> Will:
        """The last will of the next connection, which begins a session of its own."""
        with self._changed:
            self._session = secrets.randbits(64) or 1
            state = DeviceState(status=DeviceState.DISCONNECTED, seq=0)
            self._sign(state)
        return Will(self._topic, encode(state))

    def note_error(self, text: str) -> None:
        """Have the next heartbeats repeat an error."""
        with self._changed:
            self._errors.append(text[:_MAX_ERROR_CHARS])

    def hurry(self) -> None:
        """Have the state told now, not an interval later: something changed that somebody awaits.

        What is asked for while a heartbeat is on its way is one more heartbeat, not several.
        """
        with self._changed:
            self._hurried = True
            self._changed.notify()

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye, as long as there is a connection; call it before the uplink's stop."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()
        taken = threading.Event()
        if self._say(DeviceState.STOPPED, lambda code: taken.set()):
            taken.wait(self._settings.goodbye_timeout_s)

    # What the uplink tells.

    def on_connected(self) -> None:
        """Have the birth published."""
        with self._changed:
            self._connected, self._born = True, False
            self._changed.notify()

    def on_disconnected(self, reason: str) -> None:
        """Stay silent until the next connection."""
        with self._changed:
            self._connected = False
            self._changed.notify()

    def on_message(self, topic: str, payload: bytes) -> None:
        """Nothing that comes down is the heartbeat's."""

    # Its own thread: content may take locks that the network's thread must not wait for.

    def _run(self) -> None:
        while True:
            with self._changed:
                interval_s = self._settings.interval_s * (
                    1 + self._settings.jitter * self._rng.uniform(-1, 1)
                )
                self._changed.wait_for(self._due_at_once, interval_s)
                if self._stopping:
                    return
                if not self._connected:
                    self._changed.wait_for(lambda: self._connected or self._stopping)
                    continue
                status = DeviceState.ALIVE if self._born else DeviceState.BIRTH
                self._born, self._hurried = True, False
            self._say(status, self._on_puback)

    def _due_at_once(self) -> bool:
        return self._stopping or self._hurried or not self._connected or not self._born

    def _say(self, status: DeviceState.Status, on_puback: OnPuback) -> bool:
        """Publish the state of now; False where there is no connection."""
        state = DeviceState()
        state.CopyFrom(self._content())
        state.status = status
        depth = self._depth()
        state.outbox.CopyFrom(
            DeviceState.Outbox(
                rows=depth.rows, bytes=depth.bytes, oldest_ns=depth.oldest_ns,
                set_aside=depth.set_aside, lost=depth.lost,
            )
        )  # fmt: skip
        state.health.CopyFrom(self._health())
        with self._changed:
            self._seq += 1
            state.seq = self._seq
            self._sign(state)
            state.last_errors[:] = self._errors
        try:
            self._publish(self._topic, encode(state), on_puback)
        except NotConnectedError:
            return False
        return True

    def _sign(self, state: DeviceState) -> None:
        """What every message carries, whoever publishes it."""
        state.schema = SCHEMA
        state.device = self._device
        state.boot = self._boot
        state.session = self._session
        state.reported_ns = self._now_ns()
        state.clock_synced = self._synced()
        state.clock_offset_ns = self._offset_ns()
        state.heartbeat_interval_s = max(1, round(self._settings.interval_s))

    def _on_puback(self, code: int) -> None:
        if code >= FIRST_FAILURE:
            _log.error(
                "heartbeat refused by the broker", topic=self._topic, code=f"0x{code:02x}",
                remedy="check its access list",
            )  # fmt: skip
