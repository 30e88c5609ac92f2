"""An ingest worker as a process, on a store that takes its time.

    python -m benchmarks.slow_ingest ENDPOINT PROJECT WRITE_MS MAX_BATCHES

It prints the number of events of each write.
"""

import os
import sys
import time
from collections.abc import Sequence
from typing import cast

from cloud.bus.google_publisher import GooglePublisher
from cloud.bus.google_subscriber import GoogleSubscriber
from cloud.bus.settings import BusSettings
from cloud.ingest.settings import IngestSettings
from cloud.ingest.worker import IngestWorker
from cloud.store.port import EventRecord, EventStore
from wayside.logging import configure
from wayside.process import stop_on_signals


def _tell(what: object) -> None:
    """A line in one piece, as workers share a pipe."""
    os.write(1, f"{what}\n".encode())


class SlowStore:
    """The writing half of `cloud.store.port.EventStore`, which is all that ingest uses.

    Args:
        write_s: how long a write takes.
    """

    def __init__(self, write_s: float) -> None:
        self._write_s = write_s

    def prepared(self, events: Sequence[EventRecord]) -> Sequence[EventRecord]:
        """The events as they are."""
        return events

    def write(self, events: Sequence[EventRecord]) -> None:
        """Wait, and tell how many came."""
        time.sleep(self._write_s)
        _tell(len(events))


def main(endpoint: str, project: str, write_ms: float, max_batches: int) -> None:
    """Work until told to stop."""
    configure()
    stop = stop_on_signals()
    bus = BusSettings(endpoint=endpoint, project=project)
    publisher, subscriber = GooglePublisher(bus), GoogleSubscriber(bus)
    # A worker that holds the whole backlog leaves nothing for the other one.
    settings = IngestSettings(max_batches=max_batches, max_messages=2 * max_batches)
    store = cast(EventStore, SlowStore(write_ms / 1000))
    worker = IngestWorker(settings, store, subscriber, publisher)
    worker.start()
    _tell("listens")
    stop.wait()
    worker.stop()
    subscriber.close()
    publisher.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
