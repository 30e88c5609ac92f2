"""Receipts: which events of a device stand in the store, coalesced and sent down.

A receipt may be lost, and one that cannot be published is dropped: the device sends again what
has no receipt, and the store takes it for what it has.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait

import structlog

from cloud.bus import attributes as attr
from cloud.bus import topology
from cloud.bus.port import Publisher
from cloud.store.runs import Run, merged
from protos import topics
from protos.codec import SCHEMA, encode
from protos.ids import Lane
from protos.v1.receipt_pb2 import Receipt

SUB_FOLDER = f"commands/{topics.RECEIPTS}"
_MAX_RANGES = 1000
"""In one receipt; a device with more gets several."""

_MAX_IN_FLIGHT = 1000
_log = structlog.get_logger(__name__)

_Ranges = dict[tuple[int, Lane], list[Run]]


class Receipts:
    """Stored ranges on their way down. Any thread may add.

    Args:
        publisher: to Pub/Sub.
        interval_s: between two receipts of one device.
        max_ranges: that wait, all devices together; more are dropped, with a warning.
    """

    def __init__(
        self, publisher: Publisher, interval_s: float = 0.2, max_ranges: int = 10_000
    ) -> None:
        self._publisher = publisher
        self._interval_s = interval_s
        self._max_ranges = max_ranges
        self._lock = threading.Lock()
        self._waiting: dict[str, _Ranges] = {}
        self._ranges = 0
        self._dropped = 0
        self._in_flight = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send what waits, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def add(self, device: str, boot: int, lane: Lane, run: Run) -> None:
        """Have the device told that these seqs are stored."""
        with self._lock:
            runs = self._waiting.setdefault(device, defaultdict(list))[boot, lane]
            if runs and runs[-1].last_seq + 1 == run.first_seq:
                runs[-1] = Run(runs[-1].first_seq, run.last_seq)
            elif self._ranges < self._max_ranges:
                runs.append(run)
                self._ranges += 1
            else:
                self._dropped += 1

    def flush(self) -> None:
        """Publish what waits, at least one message for each device that has something."""
        self._tell(self._dropped_since() + self._send_all(self._published)[1])

    def deliver(self, timeout_s: float) -> None:
        """Publish what waits, and return once Pub/Sub has it, or it is known that it has not."""
        futures, dropped = self._send_all(self._landed)
        done, late = wait(futures, timeout_s)
        failed = sum(future.exception() is not None for future in done)
        self._tell(self._dropped_since() + dropped + failed + len(late))

    def _dropped_since(self) -> int:
        """How many were dropped since this was last asked."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def _send_all(
        self, on_done: "Callable[[Future[str]], None]"
    ) -> "tuple[list[Future[str]], int]":
        """What is on its way now, and how many are not as too many are already."""
        with self._lock:
            waiting, self._waiting, self._ranges = self._waiting, {}, 0
        sent, dropped = [], 0
        for device, ranges in waiting.items():
            for receipt in _receipts(device, ranges):
                future = self._publish(receipt, on_done)
                if future is None:
                    dropped += 1
                else:
                    sent.append(future)
        return sent, dropped

    @staticmethod
    def _tell(dropped: int) -> None:
        if dropped:
            _log.warning("receipts dropped, devices will send again", receipts=dropped)

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self.flush()

    def _publish(
        self, receipt: Receipt, on_done: "Callable[[Future[str]], None]"
    ) -> "Future[str] | None":
        """None: too many are on their way already."""
        with self._lock:
            if self._in_flight >= _MAX_IN_FLIGHT:
                return None
            self._in_flight += 1
        future = self._publisher.publish(
            topology.DOWNLINK,
            encode(receipt),
            {attr.DEVICE_ID: receipt.device, attr.SUB_FOLDER: SUB_FOLDER},
        )
        future.add_done_callback(on_done)
        return future

    def _landed(self, done: "Future[str]") -> None:
        with self._lock:
            self._in_flight -= 1

    def _published(self, done: "Future[str]") -> None:
        self._landed(done)
        error = done.exception()
        with self._lock:
            self._dropped += error is not None
        if error is not None:
            _log.debug("receipt not published", error=str(error))


def _receipts(device: str, ranges: _Ranges) -> Iterator[Receipt]:
    found = [
        Receipt.Range(
            boot=boot, lane=f"LANE_{lane.name}", first_seq=run.first_seq, last_seq=run.last_seq
        )
        for (boot, lane), runs in ranges.items()
        for run in merged(runs)
    ]
    for first in range(0, len(found), _MAX_RANGES):
        yield Receipt(schema=SCHEMA, device=device, ranges=found[first : first + _MAX_RANGES])
