"""One simulated device: connection after connection, birth, heartbeats, batches, receipts.

What it does is what the agent does (edge/publish, edge/heartbeat.py), with less care: a message
that the broker refuses is tried again and again instead of being set aside.
"""

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import Callable
from functools import partial

from cloud.simulate.client import Broker, Connection
from cloud.simulate.events import CAMERA, MODEL, MODEL_VERSION, Scene
from cloud.simulate.faults import Faults
from cloud.simulate.outbox import Batch, Outbox
from cloud.simulate.plan import Plan
from cloud.simulate.tally import Tally
from protos import codec, topics
from protos.errors import WireError
from protos.ids import Lane, new_boot
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.receipt_pb2 import Receipt
from wayside.backoff import Backoff
from wayside.errors import NotConnectedError
from wayside.mqtt.messages import FIRST_FAILURE, NO_SUBSCRIBERS, Will

RETRY_S = 1.0
"""Wait before a batch that nobody took goes out again."""

_HEARTBEAT_JITTER = 0.1
_LANES = frozenset(int(lane) for lane in Lane)


class SimulatedDevice:
    """One device, driven by its fleet's loop.

    Args:
        device: its id.
        plan: the fleet's.
        broker: where it connects.
        tally: the fleet's counters.
        rng: of its choices.
        clock: monotonic seconds.

    Attributes:
        device: its id.
        boot: of this start.
        outbox: what has no receipt.
        scene: what it sees.
    """

    def __init__(
        self,
        device: str,
        plan: Plan,
        broker: Broker,
        tally: Tally,
        rng: random.Random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.device = device
        self.boot = new_boot()
        self.outbox = Outbox(plan.receipt_timeout_s)
        self.scene = Scene(device, self.boot, rng)
        self._plan = plan
        self._broker = broker
        self._tally = tally
        self._rng = rng
        self._clock = clock
        self._faults = Faults(plan.duplicates, plan.reorder, rng)
        settings = broker.settings
        self._backoff = Backoff(settings.retry_initial_s, settings.retry_max_s, rng=rng)
        self._stopping = asyncio.Event()
        self._connection: Connection | None = None
        self._waits_for_puback: dict[int, Batch] = {}
        self._session = 0
        self._state_seqs = itertools.count(1)
        self._heartbeat_at_s = 0.0

    async def run(self) -> None:
        """Connect, and again whenever the connection ends, until `stop`."""
        while not self._stopping.is_set():
            connection = Connection(self._broker, self.device, self._will(), self)
            try:
                await connection.open()
            except NotConnectedError:
                self._tally.failures += 1
            else:
                self._backoff.reset()
                self._connected(connection)
                await connection.closed.wait()
                self._connection = None
            if not self._stopping.is_set():
                await self._sleep(self._backoff.next_s())

    def stop(self) -> None:
        """Say goodbye and disconnect; `run` returns soon."""
        self._stopping.set()
        if self._connection is not None:
            self._say(DeviceState.STOPPED)
            self._connection.disconnect()

    def drop(self) -> None:
        """Lose the connection, as in a storm."""
        if self._connection is not None:
            self._connection.drop()

    def make_batch(self) -> None:
        """See something, keep it, and send it."""
        lane, count = self.scene.lane(), self._plan.events_per_batch
        payload = self.scene.batch(lane, self.outbox.next_seq(lane), count)
        self._tally.made += 1
        self._send(self.outbox.append(lane, count, payload))

    def tick(self) -> None:
        """What time alone brings: heartbeats, receipts that are overdue, signs of life."""
        if self._connection is None:
            return
        now_s = self._clock()
        if now_s >= self._heartbeat_at_s:
            self._say(DeviceState.ALIVE)
        for batch in self.outbox.due(now_s):
            self._send(batch)
        self._connection.keep_alive()

    # What the connection tells.

    def on_puback(self, mid: int, code: int) -> None:
        """A batch is taken, or nobody was there; heartbeats' are of no interest."""
        batch = self._waits_for_puback.pop(mid, None)
        if batch is None:
            return
        if code == NO_SUBSCRIBERS or code >= FIRST_FAILURE:
            self._tally.nobody += code == NO_SUBSCRIBERS
            self._tally.refused += code >= FIRST_FAILURE
            batch.due_s = self._clock() + RETRY_S
            return
        self._tally.pubacked += 1
        self.outbox.taken(batch, self._clock())

    def on_message(self, topic: str, payload: bytes) -> None:
        """Take a receipt; nothing else that comes down is for a simulated device."""
        if topic != topics.command(self.device, topics.RECEIPTS):
            return
        try:
            receipt = codec.decode(Receipt, payload)
        except WireError:
            return
        now_s = self._clock()
        for item in receipt.ranges:
            if item.boot != self.boot or int(item.lane) not in _LANES:
                continue
            lane = Lane(item.lane)
            for batch in self.outbox.stored(lane, item.first_seq, item.last_seq, now_s):
                self._tally.round_trip(now_s - (batch.sent_s or now_s))

    # How.

    def _connected(self, connection: Connection) -> None:
        self._tally.connections += 1
        self._connection = connection
        self._waits_for_puback.clear()
        connection.subscribe(topics.commands_filter(self.device))
        self._say(DeviceState.BIRTH)
        for batch in self.outbox.waiting():
            self._send(batch)

    def _send(self, batch: Batch) -> None:
        """Send it, now or held back, once or twice; without a connection it waits for one."""
        if self._connection is None:
            return
        self._tally.resent += self.outbox.sending(batch, self._clock())
        own_s, *copies_s = self._faults.delays_s()
        self._tally.held_back += own_s > 0
        self._tally.duplicates += len(copies_s)
        if own_s == 0:
            self._publish(self._connection, batch)
        loop = asyncio.get_running_loop()
        for delay_s in [*copies_s, *([own_s] if own_s > 0 else [])]:
            loop.call_later(delay_s, partial(self._publish, self._connection, batch))

    def _publish(self, connection: Connection, batch: Batch) -> None:
        """Publish on the connection that it was meant for; the next one sends it anyway."""
        if connection is not self._connection:
            return
        try:
            mid = connection.publish(topics.events(self.device, batch.lane), batch.payload)
        except NotConnectedError:
            return
        self._tally.sent += 1
        self._waits_for_puback[mid] = batch

    def _say(self, status: DeviceState.Status) -> None:
        if self._connection is None:
            return
        state = self._state(status)
        state.seq = next(self._state_seqs)
        state.outbox.rows = self.outbox.rows
        state.cameras.add(camera=CAMERA, state="running", fps=10.0)
        state.models.add(model=MODEL, version=MODEL_VERSION, engine="none")
        jitter = 1 + _HEARTBEAT_JITTER * self._rng.uniform(-1, 1)
        self._heartbeat_at_s = self._clock() + self._plan.heartbeat_s * jitter
        try:
            self._connection.publish(topics.state(self.device), codec.encode(state), retain=True)
        except NotConnectedError:
            return
        self._tally.heartbeats += 1

    def _will(self) -> Will:
        self._session = secrets.randbits(64) or 1
        payload = codec.encode(self._state(DeviceState.DISCONNECTED))
        return Will(topics.state(self.device), payload)

    def _state(self, status: DeviceState.Status) -> DeviceState:
        """What every state says, the last will's with it, whose seq is 0."""
        return DeviceState(
            schema=codec.SCHEMA,
            device=self.device,
            boot=self.boot,
            session=self._session,
            status=status,
            reported_ns=time.time_ns(),
            clock_synced=True,
            anchor_id=1,
            agent_version="simulated",
            heartbeat_interval_s=round(self._plan.heartbeat_s),
        )

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not beyond `stop`."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except asyncio.TimeoutError:
            return
