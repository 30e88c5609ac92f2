"""The InfluxDB store's own: points, cap, journal, a server that comes and goes."""

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.errors import StartError, StoreAwayError, StoreRefusedError
from cloud.store.influxdb import lines
from cloud.store.influxdb.influxql import Database, InfluxQl
from cloud.store.influxdb.journal import Journal, Places
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.port import CountQuery, EventQuery, SequenceRow
from cloud.store.settings import InfluxDbSettings
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.stored import START_NS, crossing, person, stored

S = 1_000_000_000
Open = Callable[..., InfluxDbStore]


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(influx: InfluxDb) -> str:
    return influx.new_bucket()


@pytest.fixture
def opened(influx: InfluxDb, bucket: str) -> Iterator[Open]:
    """Opens stores on one bucket, as ingest workers and readers of several processes do."""
    with contextlib.ExitStack() as stack:

        def open_store(**given: object) -> InfluxDbStore:
            chosen = {
                "kind": "influxdb",
                "url": influx.url,
                "bucket": bucket,
                "gzip": True,
                **given,
            }
            store = InfluxDbStore(InfluxDbSettings.model_validate(chosen))
            return stack.enter_context(contextlib.closing(store))

        yield open_store


def test_points_are_laid_out_as_designed(influx: InfluxDb, bucket: str, opened: Open) -> None:
    opened().write(stored(crossing(1_234)))

    answer = json.loads(influx.query("SELECT * FROM /.*/ GROUP BY *", bucket))
    points = {one["name"]: one for one in answer["results"][0]["series"]}
    assert set(points) == {"rule", "journal"}
    rule = points["rule"]
    assert {key: text for key, text in rule["tags"].items() if text} == {
        "camera": "door", "class": "person", "device": "cam-box",
        "kind": "line-crossed", "rule": "door-line",
    }  # fmt: skip
    fields = dict(zip(rule["columns"], rule["values"][0], strict=True))
    assert fields["time"] == START_NS + 1_234 * 1_000_000 + 234
    assert fields["event_id"] == "cam-box/0000000000000007/state/1234"
    assert (fields["dwell_s"], fields["left"], fields["target"]) == (1.5, 0.5, "line-a")


@settings(
    max_examples=30, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(text=st.text(min_size=1, max_size=30))
def test_any_text_is_found_by_itself(opened: Open, text: str) -> None:
    store = opened(series_per_camera=10_000)
    event = crossing(1, rule=text, target=text, camera=text)
    event.object.class_name = text
    written = stored(event)
    store.write(written)

    query = EventQuery(camera=text, class_name=text, rule=text, target=text, order="captured")
    assert list(store.events(query).events) == written


def test_classes_beyond_the_cap_become_other_and_stay_so(opened: Open) -> None:
    events = [
        event
        for seq in range(1, 9)
        for event in stored(person(seq, class_name=f"class-{seq}", camera="door"))
    ]
    opened(series_per_camera=5).write(events)
    opened(series_per_camera=5).write(events[::-1])
    store = opened(series_per_camera=5)
    store.write(events)

    assert store.sequences() == [SequenceRow("cam-box", 7, Lane.STATE, 8, 8, 1, 8)]
    counted = store.counts(CountQuery(START_NS, START_NS + S, 1, group_by=("class",)))
    assert {row.group[0]: row.count for row in counted} == {
        "class-1": 1, "class-2": 1, "class-3": 1, "class-4": 1, "class-5": 1, "other": 3,
    }  # fmt: skip
    assert store.events(EventQuery(class_name="class-7")).events == (events[6],)
    store.write(stored(person(9, class_name="class-9", camera="yard")))
    assert store.counts(CountQuery(START_NS, START_NS + S, 1, class_name="class-9"))[0].count == 1


def test_a_refused_line_is_named(influx: InfluxDb, bucket: str, opened: Open) -> None:
    influx.write(bucket, f'object,device=x confidence="text" {START_NS}')

    with pytest.raises(StoreRefusedError, match=r"confidence.*is type float"):
        opened().write(stored(person(1)))


def test_a_bucket_that_is_not_there_blames_the_server_not_the_data(influx: InfluxDb) -> None:
    settings = InfluxDbSettings(kind="influxdb", url=influx.url, bucket="nowhere")
    with contextlib.closing(InfluxDbStore(settings)) as store:
        for ask in (store.check, store.sequences, lambda: store.write(stored(person(1)))):
            with pytest.raises(StoreAwayError, match="nowhere"):
                ask()


def test_a_killed_server_keeps_what_was_written(tmp_path: Path) -> None:
    server = influxdb(tmp_path)
    server.start()
    settings = InfluxDbSettings(kind="influxdb", url=server.url, bucket=server.bucket)
    with contextlib.closing(InfluxDbStore(settings)) as store:
        written = stored(person(1), crossing(2))
        store.write(written)
        server.kill()
        with pytest.raises(StoreAwayError):
            store.write(stored(person(3)))
        with pytest.raises(StoreAwayError):
            store.check()
        server.start()
        store.write(stored(person(3)))
        assert {event.id.seq for event in store.events(EventQuery()).events} == {1, 2, 3}
    server.stop()


def test_the_journal_of_a_worker_whose_clock_steps_back_skips_nothing(
    influx: InfluxDb, bucket: str, opened: Open
) -> None:
    store = opened()
    store.write(stored(person(1)))
    seen = store.events(EventQuery())
    database = InfluxQl(influx.url, Database.of_bucket(bucket), "", 10, None)
    late = stored(person(2))
    restarted = Journal(database, "ingest", clock_ns=lambda: START_NS)
    [line] = restarted.lines_for(late)
    influx.write(bucket, line)
    store.write(late)

    new = store.events(EventQuery(cursor=seen.cursor))
    assert {event.id.seq for event in new.events} == {2}
    places: Places = {}
    entries, more = restarted.entries(EventQuery(), places, 10)
    times = [entry.at_ns for entry in entries]
    assert not more
    assert times == sorted(set(times))
    database.close()


def test_a_worker_whose_clock_is_behind_is_not_skipped(opened: Open) -> None:
    reader = opened()
    ahead, behind = opened(writer="ahead"), opened(writer="behind")
    behind._journal._clock_ns = lambda: START_NS
    ahead.write(stored(person(1)))
    seen = reader.events(EventQuery())
    behind.write(stored(person(2)))

    new = reader.events(EventQuery(cursor=seen.cursor))
    assert [event.id.seq for event in new.events] == [2]


def test_an_event_delivered_twice_is_listed_once_a_page(opened: Open) -> None:
    store = opened()
    store.write(stored(person(1), person(2)))
    store.write(stored(person(2), person(3)))

    assert [event.id.seq for event in store.events(EventQuery()).events] == [1, 2, 3]
    first = store.events(EventQuery(limit=2))
    rest = store.events(EventQuery(limit=2, cursor=first.cursor))
    assert [event.id.seq for event in (*first.events, *rest.events)] == [1, 2, 2, 3]


def test_counts_that_an_earlier_release_kept_among_the_rules_are_listed_once(
    influx: InfluxDb, bucket: str, opened: Open
) -> None:
    counts = crossing(1, rule="traffic")
    counts.kind = EventBatch.COUNTS
    [record] = stored(counts)
    line = lines.line(record, lines.tags(record))
    assert line.startswith("counts,")
    influx.write(bucket, line.replace("counts,", "rule,", 1))
    query = EventQuery(rule="traffic", order="captured")
    store = opened()
    assert store.events(query).events == (record,), "as it was"
    store.write([record])
    assert store.events(query).events == (record,), "and where it came again since"


def test_a_page_that_finds_nothing_in_much_says_go_on(opened: Open) -> None:
    store = opened()
    for seq in range(1, 601, 2):
        store.write(stored(person(seq), person(seq + 2000)))
    store.write(stored(person(5000, class_name="car")))

    query, pages = EventQuery(class_name="car"), 0
    while (page := store.events(query)).more:
        query, pages = replace(query, cursor=page.cursor), pages + 1
        assert page.events == ()
    assert pages == 1
    assert [event.id.seq for event in page.events] == [5000]


@contextlib.contextmanager
def stub(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything in one way; gives its URL and the tokens it saw."""
    tokens: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            tokens.append(self.headers.get("Authorization", ""))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", tokens
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_answers_that_blame_the_server_mean_away_and_show_no_token(
    status: int, tmp_path: Path
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("secret-token\nsecond line")
    with stub(status, b'{"message": "no"}') as (url, tokens):
        settings = InfluxDbSettings(
            kind="influxdb", url=url, token_file=token_file, retry_within_s=0
        )
        with contextlib.closing(InfluxDbStore(settings)) as store:
            with pytest.raises(StoreAwayError, match=str(status)) as asked:
                store.check()
            with pytest.raises(StoreAwayError, match=str(status)) as written:
                store._post(["m f=1 1"])
    assert set(tokens) == {"Token secret-token"}
    assert "secret" not in f"{asked.value}{written.value}{settings!r}"


def test_an_answer_that_is_no_json_means_away() -> None:
    with stub(200, b"<html>") as (url, _):
        settings = InfluxDbSettings(kind="influxdb", url=url)
        store = InfluxDbStore(settings)
        with contextlib.closing(store), pytest.raises(StoreAwayError, match="no answer"):
            store.check()


def test_a_token_or_a_ca_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    for wrong in (
        {"token_file": tmp_path / "none"},
        {"token_variable": "WAYSIDE_TEST_NO_SUCH_TOKEN"},
        {"url": "https://127.0.0.1", "ca_file": tmp_path / "none"},
    ):
        settings = InfluxDbSettings.model_validate({"kind": "influxdb", **wrong})
        with pytest.raises(StartError, match="cannot be read"):
            InfluxDbStore(settings)
    settings = InfluxDbSettings(kind="influxdb", url="https://127.0.0.1:9", bucket="db/policy")
    store = InfluxDbStore(settings)
    with contextlib.closing(store), pytest.raises(StoreAwayError):
        store.check()
