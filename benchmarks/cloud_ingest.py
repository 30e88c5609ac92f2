"""Ingest into a store, against what the store itself takes for the same events.

Ours is the ingest worker: batches as Pub/Sub hands them over are decoded, made into records,
written, their receipts gathered and made, and acknowledged; a round ends with the last
acknowledgement. The references do the last step alone, with everything made beforehand: the same
lines posted to InfluxDB, the same insert into DuckDB. Both sides write new events in every round,
as many in a write, into a database of their own that grows alike.
"""

import http.client
import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from urllib.parse import urlencode, urlsplit

from benchmarks.report import Row, interleaved, markdown
from cloud.bus.port import Flow, Received
from cloud.ingest.settings import IngestSettings
from cloud.ingest.worker import IngestWorker
from cloud.simulate.events import LANES, Scene
from cloud.store.duckdb.columns import columns, insert_missing
from cloud.store.duckdb.schema import open_file
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.influxdb import lines
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.port import EventRecord, EventStore
from cloud.store.records import records
from cloud.store.settings import DuckDbSettings, InfluxDbSettings
from protos.codec import decode_batch
from tests.support.influxdb import InfluxDb, influxdb
from wayside.process import frozen_heap

DEVICES = 20
BATCHES = IngestSettings().max_batches
"""In a write, as the worker gathers them at most."""

EVENTS = 10
"""In a batch."""

WRITES = 10
"""In a round: of a stream that does not end, so that the first is not all."""

ROUNDS = 15
BOUND = 1 / 0.5
"""Time an event of ours / of the reference: at least half of its events a second."""

Write = list[bytes]
"""The payloads that are written together."""


class Downlink:
    """`cloud.bus.port.Publisher` that takes everything at once: receipts are made, not sent."""

    def publish(
        self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None
    ) -> "Future[str]":
        """Take a message."""
        taken: Future[str] = Future()
        taken.set_result("")
        return taken

    def close(self, timeout_s: float = 10.0) -> None:
        """Nothing is open."""


class Deliveries:
    """`cloud.bus.port.Subscriber`, and the subscription, of a worker that is given messages."""

    listening = True

    def __init__(self) -> None:
        self.deliver: Callable[[Received], None] | None = None

    def subscribe(
        self, subscription: str, callback: Callable[[Received], None], flow: Flow | None = None
    ) -> "Deliveries":
        """Begin to listen."""
        self.deliver = callback
        return self

    def stop(self) -> None:
        """Nothing comes by itself."""

    def close(self) -> None:
        """Nothing is open."""


class Ingest:
    """The worker on a store, with writes that come by themselves.

    Args:
        store: where to.
        writes: what comes.
    """

    def __init__(self, store: EventStore, writes: Iterator[Write]) -> None:
        self._deliveries = Deliveries()
        # As many in a write as the references have, however slow the machine is.
        settings = IngestSettings(max_wait_ms=1000)
        self._worker = IngestWorker(settings, store, self._deliveries, Downlink())
        self._worker.start()
        self._writes = writes
        self._waiting = 0
        self._all_stored = threading.Event()

    def run(self) -> None:
        """A round.

        Raises:
            RuntimeError: not every batch was stored, so that times say nothing.
        """
        assert self._deliveries.deliver is not None
        messages = [data for write in itertools.islice(self._writes, WRITES) for data in write]
        self._waiting = len(messages)
        self._all_stored.clear()
        for data in messages:
            self._deliveries.deliver(Received(data, ack=self._ack))
        if not self._all_stored.wait(60):
            raise RuntimeError(f"{self._waiting} of {len(messages)} batches were not stored")

    def close(self) -> None:
        """End the worker."""
        self._worker.stop()

    def _ack(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._all_stored.set()


def batches_of_a_fleet(count: int, seed: int = 7) -> list[bytes]:
    """So many payloads of DEVICES by turns, with events of every lane.

    Made at once: their making must not stand in anybody's time.
    """
    rng = Random(seed)
    scenes = [Scene(f"bench-{number}", 1, rng) for number in range(DEVICES)]
    next_seqs = [dict.fromkeys(LANES, 1) for _ in scenes]

    def batch(number: int) -> bytes:
        scene, next_seq = scenes[number % DEVICES], next_seqs[number % DEVICES]
        lane = scene.lane()
        first_seq = next_seq[lane]
        next_seq[lane] += EVENTS
        return scene.batch(lane, first_seq, EVENTS)

    return [batch(number) for number in range(count)]


def writes_of_a_fleet(count: int) -> list[Write]:
    """What so many writes are made of."""
    batches = iter(batches_of_a_fleet(count * BATCHES))
    return [list(itertools.islice(batches, BATCHES)) for _ in range(count)]


def records_of(write: Write) -> list[EventRecord]:
    """The records that ingest makes of a write."""
    return [record for data in write for record in records(decode_batch(data))]


class RawLines:
    """The same lines over one connection that stays open, made beforehand.

    Args:
        url: of the server.
        bucket: where to.
        writes: what is posted, a body each.
    """

    def __init__(self, url: str, bucket: str, writes: Sequence[Write]) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self._path = f"/api/v2/write?{urlencode({'org': 'wayside', 'bucket': bucket})}"
        self._bodies = iter([_body(write) for write in writes])

    def run(self) -> None:
        """A round.

        Raises:
            RuntimeError: the server refused some lines.
        """
        for body in itertools.islice(self._bodies, WRITES):
            self._connection.request("POST", self._path, body)
            response = self._connection.getresponse()
            answer = response.read()
            if response.status != http.client.NO_CONTENT:
                raise RuntimeError(f"{response.status}: {answer.decode()}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _body(write: Write) -> bytes:
    return "\n".join(lines.line(one, lines.tags(one)) for one in records_of(write)).encode()


def into_influxdb(folder: Path, rounds: int = ROUNDS) -> Row:
    """The row of InfluxDB; both sides reach it over the same way, beside this process."""
    server = influxdb(folder)
    facade = server.facade_apart()
    with ExitStack() as ends:
        ends.callback(server.stop)
        server.start()
        ends.callback(facade.stop)
        facade.start()
        url = f"http://127.0.0.1:{facade.port}"
        return _compare_lines(server, url, writes_of_a_fleet((rounds + 1) * WRITES), rounds)


def _compare_lines(server: InfluxDb, url: str, writes: Sequence[Write], rounds: int) -> Row:
    settings = InfluxDbSettings(kind="influxdb", url=url, bucket=server.new_bucket())
    with (
        closing(InfluxDbStore(settings)) as store,
        closing(RawLines(url, server.new_bucket(), writes)) as raw,
        closing(Ingest(store, iter(writes))) as ours,
    ):
        return _row("ingest into InfluxDB (raw lines)", ours.run, raw.run, rounds)


def into_duckdb(folder: Path, rounds: int = ROUNDS) -> Row:
    """The row of DuckDB."""
    writes = writes_of_a_fleet((rounds + 1) * WRITES)
    limit_mb = DuckDbSettings().memory_limit_mb
    first_seqs = itertools.count(1, BATCHES * EVENTS)
    prepared = iter([columns(records_of(write), next(first_seqs)) for write in writes])
    with (
        closing(DuckDbStore(folder / "ours.duckdb", memory_limit_mb=limit_mb)) as store,
        closing(open_file(folder / "reference.duckdb", limit_mb)) as connection,
        closing(Ingest(store, iter(writes))) as ours,
    ):

        def insert() -> None:
            for parameters in itertools.islice(prepared, WRITES):
                insert_missing(connection, parameters)

        return _row("ingest into DuckDB (the insert alone)", ours.run, insert, rounds)


def _row(
    name: str, ours: Callable[[], object], reference: Callable[[], object], rounds: int
) -> Row:
    """In ms for 1,000 events."""
    thousands = WRITES * BATCHES * EVENTS // 1000
    return interleaved(
        f"{name}, 1,000 events", ours, reference, rounds=rounds, units=thousands, bound=BOUND
    )


def measure() -> list[Row]:
    """Ingest into each store, against the store alone; in a process that is settled, as `serve`."""
    with tempfile.TemporaryDirectory() as folder, frozen_heap():
        return [into_influxdb(Path(folder)), into_duckdb(Path(folder))]


if __name__ == "__main__":
    print(markdown(measure()))
