"""Writes that are put off or refused: by a scripted server, and by the real InfluxDB."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from cloud.errors import StoreAwayError, StoreRefusedError
from cloud.store.halves import Refusal
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.influxdb.writer import LineWriter
from cloud.store.port import EventQuery, EventRecord
from cloud.store.settings import InfluxDbSettings
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.scripted_influxdb import (
    Answer,
    ScriptedInfluxDb,
    scripted_influxdb,
    too_many_requests,
    unavailable,
    v2_error,
    v3_partial,
)
from tests.support.stored import START_NS, Event, crossing, person, stored

LINES = [f"m value={n}i {n}" for n in range(200)]
TAKEN = Answer(204)


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def scripted() -> Iterator[ScriptedInfluxDb]:
    with scripted_influxdb() as server:
        yield server


Writer = Callable[..., LineWriter]


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def writer(scripted: ScriptedInfluxDb, waits: list[float]) -> Iterator[Writer]:
    with contextlib.ExitStack() as stack:

        def make(**given: object) -> LineWriter:
            chosen = {"kind": "influxdb", "url": scripted.url, **given}
            made = LineWriter(InfluxDbSettings.model_validate(chosen), "", None, waits.append)
            return stack.enter_context(contextlib.closing(made))

        yield make


def test_a_write_that_is_put_off_is_tried_again_when_the_server_says(
    scripted: ScriptedInfluxDb, writer: Writer, waits: list[float]
) -> None:
    scripted.say(too_many_requests(1), unavailable(2.5), TAKEN)

    assert writer().write(LINES) is None

    assert waits == [1, 2.5]
    assert scripted.writes == [LINES] * 3


@pytest.mark.parametrize("header", [None, "soon", "-1", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_without_a_time_that_is_understood_the_waits_are_ours(
    scripted: ScriptedInfluxDb, writer: Writer, waits: list[float], header: object
) -> None:
    scripted.say(unavailable(header), unavailable(header), TAKEN)

    assert writer().write(LINES) is None

    assert len(waits) == 2
    assert all(0.1 <= wait <= 2 for wait in waits)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_puts_off_for_too_long_is_away(
    scripted: ScriptedInfluxDb, writer: Writer, waits: list[float], status: int
) -> None:
    scripted.script = lambda lines: v2_error(status, "busy", "not now", 2)

    with pytest.raises(StoreAwayError, match=f"{status}: not now; wants 2.0 s"):
        writer(retry_within_s=5).write(LINES)

    assert waits == [2, 2]


@pytest.mark.parametrize(
    "answer",
    [
        v2_error(401, "unauthorized", "unauthorized access"),
        v2_error(404, "not found", 'bucket "wayside" not found'),
        v2_error(500, "internal error", "disk full"),
        Answer(502, b"<html>\xff\xfe of a proxy</html>"),
    ],
)
def test_what_is_not_the_lines_fault_means_away(
    scripted: ScriptedInfluxDb, writer: Writer, waits: list[float], answer: Answer
) -> None:
    scripted.say(answer)

    with pytest.raises(StoreAwayError, match="bucket 'wayside'"):
        writer().write(LINES)
    assert (waits, len(scripted.writes)) == ([], 1)


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (v2_error(400, "invalid", "unable to parse 'm 1': missing fields"), False),
        (v2_error(422, "unprocessable entity", "failure writing points to database: partial "
                  "write: points beyond retention policy dropped=3"), False),
        (v2_error(422, "unprocessable entity", "failure writing points to database: partial "
                  "write: field type conflict: input field ... dropped=200"), True),
        (v2_error(422, "unprocessable entity", "failure writing points to database: partial "
                  "write: field type conflict: input field ... dropped=3"), False),
        (v2_error(413, "request too large", "too large"), False),
        (v3_partial([(2, "m value=", "invalid field value")]), False),
        (Answer(400, b'{"error":"partial write: field type conflict dropped=1"}'), False),
    ],
)  # fmt: skip
def test_what_blames_the_lines_is_a_refusal(
    scripted: ScriptedInfluxDb, writer: Writer, answer: Answer, whole: bool
) -> None:
    scripted.say(answer)

    refusal = writer().write(LINES)

    assert isinstance(refusal, Refusal)
    assert str(answer.status) in refusal.reason
    assert refusal.whole == whole


def test_large_writes_are_compressed_where_it_pays(
    scripted: ScriptedInfluxDb, writer: Writer
) -> None:
    scripted.script = lambda lines: TAKEN
    writer(gzip=True).write(LINES)
    writer(gzip=True).write(LINES[:2])
    writer().write(LINES)

    assert scripted.encodings == ["gzip", None, None]
    assert scripted.writes == [LINES, LINES[:2], LINES]


@contextlib.contextmanager
def opened(url: str, bucket: str, **given: object) -> Iterator[InfluxDbStore]:
    chosen = {"kind": "influxdb", "url": url, "bucket": bucket, **given}
    with contextlib.closing(InfluxDbStore(InfluxDbSettings.model_validate(chosen))) as store:
        yield store


def sevens(lines: Sequence[str]) -> Answer | None:
    """A 2.x that refuses every event whose seq ends in 77, and takes nothing of such a write."""
    bad = [line for line in lines if "seq=77i" in line or "seq=177i" in line]
    return v2_error(400, "invalid", f"unable to parse {bad[0][:20]!r}") if bad else None


def test_only_the_bad_events_are_refused_whatever_the_server_took_of_the_write(
    influx: InfluxDb,
) -> None:
    with scripted_influxdb(influx.url) as server:
        server.script = sevens
        with opened(server.url, influx.new_bucket(), lines_per_write=120) as store:
            written = stored(*[person(seq) for seq in range(1, 251)])
            with pytest.raises(StoreRefusedError, match="and 1 more") as caught:
                store.write(written)

            assert {event_id.seq for event_id in caught.value.reasons} == {77, 177}
            assert "unable to parse" in next(iter(caught.value.reasons.values()))
            page = store.events(EventQuery(limit=1000))
            assert {event.id.seq for event in page.events} == set(range(1, 251)) - {77, 177}


def test_a_write_that_is_too_large_goes_in_smaller_ones(influx: InfluxDb) -> None:
    with scripted_influxdb(influx.url) as server:
        server.script = lambda lines: (
            v2_error(413, "request too large", "too large") if len(lines) > 10 else None
        )
        with opened(server.url, influx.new_bucket()) as store:
            store.write(stored(*[person(seq) for seq in range(1, 101)]))
            assert len(store.events(EventQuery()).events) == 100


def test_a_server_that_refuses_the_journal_is_away(influx: InfluxDb) -> None:
    with scripted_influxdb(influx.url) as server:
        server.script = lambda lines: (
            v2_error(400, "invalid", "no") if lines[0].startswith("journal") else None
        )
        with (
            opened(server.url, influx.new_bucket()) as store,
            pytest.raises(StoreAwayError, match="refuses the journal"),
        ):
            store.write(stored(person(1)))


def of_a_type_that_another_wrote(seq: int) -> EventRecord:
    """Its `value` is a float, where the bucket has text."""
    [event] = stored(crossing(seq))
    return event


def with_a_name_of_64_kib(seq: int) -> EventRecord:
    """Its tags are longer than InfluxDB's index takes."""
    return stored(person(seq, camera="c" * 65_536))[0]


def beyond_the_last_time(seq: int) -> EventRecord:
    """Captured in the year 2262, later than 64 bits of nanoseconds say."""
    return stored(person(seq))[0]._replace(captured_ns=2**63 + 1000)


def with_a_count_of_another_type(seq: int) -> EventRecord:
    """`share_road` of the bucket is text."""
    event = Event(seq=seq, captured_ns=START_NS + seq, kind="SEGMENTATION")
    event.segmentation.areas.add(class_name="road", share=0.5)
    return stored(event)[0]


BAD: Sequence[tuple[Callable[[int], EventRecord], str]] = (
    (of_a_type_that_another_wrote, "field type conflict"),
    (with_a_name_of_64_kib, "max key length exceeded"),
    (beyond_the_last_time, "out of range|outside range"),
    (with_a_count_of_another_type, "field type conflict"),
)


@pytest.mark.parametrize(("bad", "why"), BAD, ids=lambda case: getattr(case, "__name__", ""))
@pytest.mark.parametrize("compressed", [False, True])
def test_the_real_database_loses_nothing_but_the_bad_lines(
    influx: InfluxDb, bad: Callable[[int], EventRecord], why: str, compressed: bool
) -> None:
    bucket = influx.new_bucket()
    influx.write(bucket, f'rule,device=x value="text" {START_NS}')
    influx.write(bucket, f'segmentation,device=x share_road="text" {START_NS}')
    written = [bad(n) if n in (3, 40) else stored(person(n))[0] for n in range(1, 51)]
    with opened(influx.url, bucket, gzip=compressed) as store:
        for _ in range(2):
            with pytest.raises(StoreRefusedError, match=why) as caught:
                store.write(written)

            assert {event_id.seq for event_id in caught.value.reasons} == {3, 40}
        found = store.events(EventQuery(limit=1000)).events
        assert {event.id.seq for event in found} == set(range(1, 51)) - {3, 40}


def test_events_beyond_the_retention_are_taken_and_not_kept(influx: InfluxDb) -> None:
    bucket = influx.new_bucket()
    influx.query(f'CREATE RETENTION POLICY "short" ON "{bucket}" DURATION 1h REPLICATION 1')
    with opened(influx.url, f"{bucket}/short") as store:
        old = [person(seq) for seq in range(1, 301)]
        new = [person(seq, time.time_ns() + seq) for seq in range(301, 304)]
        store.write(stored(*old))
        store.write(stored(*old[:50], *new, *old[50:]))
        found = store.events(EventQuery(limit=1000)).events
        assert {event.id.seq for event in found} == {301, 302, 303}


def test_a_bad_event_is_told_apart_from_those_beyond_the_retention(influx: InfluxDb) -> None:
    bucket = influx.new_bucket()
    influx.query(f'CREATE RETENTION POLICY "short" ON "{bucket}" DURATION 1h REPLICATION 1')
    now_ns = time.time_ns()
    mixed = [
        *stored(*[person(seq) for seq in range(1, 20)]),
        *stored(person(20, now_ns)),
        with_a_name_of_64_kib(21)._replace(captured_ns=now_ns),
        *stored(*[person(seq) for seq in range(22, 40)]),
    ]
    with opened(influx.url, f"{bucket}/short") as store:
        with pytest.raises(StoreRefusedError, match="max key length") as caught:
            store.write(mixed)
        assert {event_id.seq for event_id in caught.value.reasons} == {21}
        found = store.events(EventQuery(limit=1000)).events
        assert {event.id.seq for event in found} == {20}
