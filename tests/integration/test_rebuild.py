"""A store that is lost and rebuilt from the archive answers as before."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from cloud.archive.archive import Archive
from cloud.archive.keys import day_of
from cloud.archive.replay import replay
from cloud.archive.settings import ArchiveSettings
from cloud.archive.upkeep import compact
from cloud.archive.worker import ArchiveWorker
from cloud.blobs.obstore import ObstoreBlobs
from cloud.bus import topology
from cloud.ingest.settings import IngestSettings
from cloud.ingest.worker import IngestWorker
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.port import CountQuery, EventQuery, EventRecord, EventStore
from cloud.store.settings import InfluxDbSettings
from protos.codec import encode
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.archived import DAY_NS
from tests.support.fake_bus import FakeBus
from tests.support.influxdb import influxdb
from tests.support.processes import wait_until
from tests.support.stored import START_NS, batch_of, crossing, person
from tests.support.watched_subscriber import WatchedSubscriber

MakeStore = Callable[[], EventStore]
HOUR_NS = 3_600_000_000_000


@pytest.fixture(params=["duckdb", "influxdb"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStore]:
    with contextlib.ExitStack() as ends:
        if request.param == "duckdb":
            names = iter(["first.duckdb", "second.duckdb"])

            def make() -> EventStore:
                return ends.enter_context(contextlib.closing(DuckDbStore(tmp_path / next(names))))
        else:
            server = influxdb(tmp_path / "influxdb")
            server.start()
            ends.callback(server.stop)

            def make() -> EventStore:
                settings = InfluxDbSettings(
                    kind="influxdb", url=server.url, bucket=server.new_bucket()
                )
                return ends.enter_context(contextlib.closing(InfluxDbStore(settings)))

        yield make


def fleet() -> list[EventBatch]:
    """Two devices over three days, in three lanes, some of it of a newer peer, some twice."""
    batches = []
    for device in ("cam-box", "other-box"):
        for first in range(1, 301, 10):
            at_ns = START_NS + first * DAY_NS // 100
            events = [
                crossing(seq, at_ns + seq, camera="yard" if seq % 3 else "door",
                         rule="gate-line" if seq % 2 else "door-line")
                if seq % 4 else person(seq, at_ns + seq, class_name="car")
                for seq in range(first, first + 10)
            ]  # fmt: skip
            lane = (Lane.STATE, Lane.ALARM, Lane.STATS)[first // 100]
            batches.append(batch_of(*events, device=device, lane=lane))
    newer = person(1, START_NS)
    newer.kind = 77  # type: ignore[assignment]
    return [*batches, batch_of(newer, boot=2**64 - 1), *batches[::7]]


def everything(store: EventStore, query: EventQuery) -> list[EventRecord]:
    """All pages, each event once, in an order that does not depend on when it came."""
    found: dict[object, EventRecord] = {}
    while True:
        page = store.events(query)
        found.update((event.id, event) for event in page.events)
        if not page.more:
            return sorted(found.values(), key=lambda event: (event.captured_ns, event.id))
        query = replace(query, cursor=page.cursor)


def ten_answers(store: EventStore) -> list[object]:
    days = CountQuery(START_NS, START_NS + 4 * DAY_NS, 86_400)
    hours = replace(days, interval_s=3600)
    return [
        everything(store, EventQuery(limit=100)),
        everything(store, EventQuery(order="captured", limit=77)),
        everything(store, EventQuery(device="other-box", kind="line-crossed")),
        everything(store, EventQuery(camera="door", lane=Lane.ALARM)),
        everything(store, EventQuery(class_name="car", since_ns=START_NS + DAY_NS)),
        everything(store, EventQuery(rule="gate-line", until_ns=START_NS + DAY_NS)),
        list(store.counts(replace(days, group_by=("device", "kind")))),
        list(store.counts(replace(hours, group_by=("class", "camera")))),
        list(store.counts(replace(hours, device="cam-box", rule="door-line"))),
        list(store.sequences()),
    ]


def test_a_store_rebuilt_from_the_archive_gives_the_same_ten_answers(
    new_store: MakeStore,
) -> None:
    bus, store = FakeBus(), new_store()
    archive = Archive(ObstoreBlobs(MemoryStore(), "memory"))
    archiving = WatchedSubscriber(bus.subscriber())
    ingesting = WatchedSubscriber(bus.subscriber())
    batches = fleet()
    for batch in batches:
        bus.publisher().publish(topology.EVENTS, encode(batch), {"deviceId": "x"}).result()
    workers = (
        IngestWorker(IngestSettings(), store, ingesting, bus.publisher()),
        ArchiveWorker(ArchiveSettings(max_batches=20, max_wait_s=0.05), archive, archiving),
    )
    for worker in workers:
        worker.start()
    for taken in (ingesting, archiving):
        wait_until(lambda taken=taken: len(set(taken.acked)) == len(batches), "taken")  # type: ignore[misc]
    for worker in workers:
        worker.stop()
    before = ten_answers(store)
    assert [bool(answer) for answer in before] == [True] * 10
    store.close()

    rebuilt = new_store()
    replay(archive, rebuilt, until_ns=START_NS + DAY_NS)  # broken off after a day
    progress: list[tuple[int, int]] = []
    done = replay(archive, rebuilt, on_file=lambda done, total: progress.append((done, total)))
    assert ten_answers(rebuilt) == before
    assert done.refused == 0
    assert progress[-1][0] == progress[-1][1]

    compact(archive, before=day_of(START_NS + 10 * DAY_NS))
    assert replay(archive, rebuilt).events == 601, "each event stands once now"
    assert ten_answers(rebuilt) == before
    archive.close()
