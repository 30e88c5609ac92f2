"""The outbox through the flight to the uplink, and receipts the way back.

One thread owns the flight. The network's callbacks, and the outbox's, only leave a note and
wake it, so nothing waits for anything, and no lock is held around a publish.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from edge.histogram import Distribution, Histogram
from edge.publish.batches import make_batch
from edge.publish.flight import Choice, Flight, Refusal
from edge.publish.outbox import Outbox
from edge.publish.rows import SeqRange
from edge.publish.settings import ForwarderSettings
from edge.publish.uplink import Uplink
from protos import codec, topics
from protos.errors import WireError
from protos.ids import Lane
from protos.v1.receipt_pb2 import Receipt
from wayside.backoff import Backoff
from wayside.errors import NotConnectedError

KEEPALIVE_TIMEOUT = "Keep alive timeout"
"""The reason that means the network and no message."""

_MAX_NOTES = 10_000
"""Receipts beyond so many unread notes are dropped; their events go out again, and get others."""

FILLS = (1, 2, 5, 10, 20, 50, 100)
"""Upper bounds of the buckets of events in a batch."""

_LANES = frozenset(int(lane) for lane in Lane)

_log = structlog.get_logger(__name__)
Note = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class ForwarderStats:
    """What the forwarder did since it was started.

    Attributes:
        connected: a connection stands.
        on_the_way: batches without a receipt now.
        sent: batches handed to a connection.
        resent: of these, those that had gone out before.
        receipts: ranges that receipts held.
        set_aside: events that the broker refuses, now.
        receipt_s: smoothed time from PUBACK to receipt, None before the first.
        replay_window: old batches of a lane that may be without a receipt now.
    """

    connected: bool
    on_the_way: int
    sent: int
    resent: int
    receipts: int
    set_aside: int
    receipt_s: float | None
    replay_window: int


class Forwarder:
    """Publishes what the outbox holds until receipts have emptied it. A part of the uplink.

    Args:
        outbox: where events wait.
        uplink: the session; the caller attaches the forwarder to it.
        settings: limits and waits.
        device: id of the device.
        clock: monotonic seconds.
        new_backoff: makes the waits while nobody subscribes, from shortest and longest.
        now_ns: the clock by which frames are captured.
    """

    def __init__(
        self,
        outbox: Outbox,
        uplink: Uplink,
        settings: ForwarderSettings,
        device: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        new_backoff: Callable[[float, float], Backoff] = Backoff,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._outbox = outbox
        self._uplink = uplink
        self._settings = settings
        self._device = device
        self._clock = clock
        self._now_ns = now_ns
        self._flight = Flight(settings, new_backoff)
        self._latency = {lane: Histogram() for lane in Lane}
        self._fill = Histogram(FILLS, scale=1)
        self._changed = threading.Condition()
        self._notes: deque[Note] = deque()
        self._committed = True
        self._stopping = False
        self._sent = self._resent = self._receipts = 0
        self._log = _log.bind(device_id=device)
        self._thread = threading.Thread(target=self._run, name="forwarder", daemon=True)

    @property
    def stats(self) -> ForwarderStats:
        """Counters and states of this moment."""
        return ForwarderStats(
            connected=self._uplink.connected,
            on_the_way=self._flight.on_the_way,
            sent=self._sent,
            resent=self._resent,
            receipts=self._receipts,
            set_aside=self._outbox.set_aside,
            receipt_s=self._flight.timeout.observed_s,
            replay_window=int(self._flight.congestion.window),
        )

    def latency(self) -> dict[Lane, Distribution]:
        """From an event's frame being captured to the first PUBACK of its batch, by lane.

        What waited for a connection has waited in it.
        """
        return {lane: times.distribution for lane, times in self._latency.items()}

    @property
    def fill(self) -> Distribution:
        """Events of the batches sent."""
        return self._fill.distribution

    def start(self) -> None:
        """Begin to forward; returns at once."""
        self._outbox.subscribe(self._on_commit)
        self._thread.start()

    def stop(self) -> None:
        """End; what has no receipt stays in the outbox. The uplink may still stand."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def drained(self, timeout_s: float) -> bool:
        """Wait until receipts have emptied the outbox; False: not within `timeout_s`.

        Raises:
            OutboxError: the outbox is damaged.
        """
        return self._outbox.wait_empty(timeout_s)

    # What the uplink and the outbox tell, from their threads.

    def on_connected(self) -> None:
        """A connection stands: everything without a receipt goes out."""
        self._note(self._flight.connected)

    def on_disconnected(self, reason: str) -> None:
        """The connection is gone."""
        blame = reason != KEEPALIVE_TIMEOUT
        self._note(lambda now_s: self._report(self._flight.disconnected(now_s, blame=blame)))

    def on_message(self, topic: str, payload: bytes) -> None:
        """Take a receipt; bytes that are none are logged and ignored."""
        if topic != topics.command(self._device, topics.RECEIPTS):
            return
        try:
            receipt = codec.decode(Receipt, payload)
        except WireError as error:
            self._log.warning("receipt ignored", reason=str(error))
            return
        if receipt.device != self._device:
            self._log.warning("receipt ignored", reason=f"it is for {receipt.device}")
            return
        ranges = [
            SeqRange(item.boot, Lane(item.lane), item.first_seq, item.last_seq)
            for item in receipt.ranges
            if int(item.lane) in _LANES and 1 <= item.first_seq <= item.last_seq
        ]
        if len(self._notes) < _MAX_NOTES:
            self._note(partial(self._on_receipt, ranges))

    def _on_puback(self, token: int, captured_ns: Sequence[int], code: int) -> None:
        self._note(partial(self._answered, token, captured_ns, code))

    def _on_commit(self) -> None:
        with self._changed:
            self._committed = True
            self._changed.notify()

    def _note(self, note: Note) -> None:
        with self._changed:
            self._notes.append(note)
            self._changed.notify()

    # The forwarder's own thread.

    def _run(self) -> None:
        wake_s: float | None = None
        while (notes := self._wait(wake_s)) is not None:
            # One time for a whole round: what is not due at it is what wake_s waits for.
            now_s = self._clock()
            # Before the notes: what was durable when a connection came is old, and not fresh.
            for stream, last in self._outbox.streams():
                self._flight.available(stream, last, now_s)
            for note in notes:
                note(now_s)
            self._report(self._flight.tick(now_s))
            while (choice := self._flight.choose(now_s)) is not None:
                self._send(choice, now_s)
            self._outbox.set_aside = self._flight.aside
            if self._flight.stuck(now_s):
                self._uplink.reconnect("no PUBACK for too long")
            wake_s = self._flight.wake_s(now_s)

    def _wait(self, wake_s: float | None) -> list[Note] | None:
        """Sleep until there is a note, a commit, or that time; None when it is time to end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._notes or self._committed or self._stopping,
                None if wake_s is None else wake_s - self._clock(),
            )
            if self._stopping:
                return None
            notes = list(self._notes)
            self._notes.clear()
            self._committed = False
            return notes

    def _send(self, choice: Choice, now_s: float) -> None:
        stream = choice.stream
        limit = 1 if stream.lane is Lane.EVIDENCE else self._settings.max_batch_events
        rows = self._outbox.read(stream, choice.first, choice.last, limit)
        if not rows:
            self._flight.gone(stream, choice.first, choice.last)
            return
        if rows[0].seq > choice.first:
            self._flight.gone(stream, choice.first, rows[0].seq - 1)
        batch = make_batch(
            self._device, stream, rows,
            max_events=self._settings.max_batch_events, max_bytes=self._settings.max_batch_bytes,
        )  # fmt: skip
        captured_ns = [row.captured_ns for row in rows if row.seq <= batch.last]
        token, again = self._flight.sending(stream, batch.first, batch.last, now_s)
        try:
            self._uplink.publish(
                topics.events(self._device, stream.lane), batch.payload,
                partial(self._on_puback, token, captured_ns),
            )  # fmt: skip
        except NotConnectedError:
            self._flight.not_sent(token)
        else:
            self._sent += 1
            self._fill.record(len(captured_ns))
            self._resent += again

    def _answered(self, token: int, captured_ns: Sequence[int], code: int, now_s: float) -> None:
        taken, refusals = self._flight.answered(token, code, now_s)
        if taken is not None:
            self._outbox.mark_taken(taken.stream, taken.first, taken.last)
            if taken.trial.first_puback_s == now_s:  # not when it went out again for its receipt
                now_ns, latency = self._now_ns(), self._latency[taken.stream.lane]
                for time_ns in captured_ns:
                    latency.record(now_ns - time_ns)
        self._report(refusals)

    def _on_receipt(self, ranges: list[SeqRange], now_s: float) -> None:
        self._receipts += len(ranges)
        for item in ranges:
            stream = self._outbox.find(item.boot, item.lane)
            if stream is not None:
                self._flight.stored(stream, item.first, item.last, now_s)
        self._outbox.delete(ranges)

    def _report(self, refusals: list[Refusal]) -> None:
        for refusal in refusals:
            self._log.error(
                "lane set aside" if refusal.whole_lane else "message set aside",
                topic=topics.events(self._device, refusal.stream.lane),
                first_seq=refusal.first, last_seq=refusal.last, reason=refusal.reason,
                retry_s=self._settings.aside_retry_s,
                remedy="check the broker's access list and its limit on the size of messages",
            )  # fmt: skip
