"""What ingest keeps: events of newer peers, and of devices whose clocks are wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cloud.bus import topology
from cloud.bus.port import Received
from cloud.ingest.handler import Handler
from cloud.ingest.receipts import Receipts
from cloud.store.port import EventQuery, EventRecord
from cloud.store.records import record
from protos.codec import SCHEMA, encode
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.fake_bus import FakeBus
from tests.support.fake_store import FakeStore
from tests.support.stored import START_NS, batch_of, person

HOUR_NS = 3600 * 10**9
NEWER_FIELD = b"\xc2\x3e\x03new"
"""Field 1000, a text: what a release after this one may add to an event or a batch."""


class Ingest:
    """A handler between a store and a bus in memory."""

    def __init__(self) -> None:
        self.bus = FakeBus()
        self.store = FakeStore()
        self.receipts = Receipts(self.bus.publisher())
        self.handler = Handler(
            self.store, self.bus.publisher(), self.receipts, clock_ns=lambda: START_NS
        )

    def take(self, data: bytes) -> str:
        """What became of a payload."""
        became: list[str] = []
        batch = self.handler.decode(
            Received(data, ack=lambda: became.append("acked"), nack=lambda: became.append("back"))
        )
        self.handler.write([batch] if batch else [])
        [word] = became
        return word

    def stored(self) -> tuple[EventRecord, ...]:
        return self.store.events(EventQuery(limit=1000)).events

    def refusals(self) -> list[str]:
        return [
            message.attributes["reason"]
            for topic, message in self.bus.published
            if topic == topology.DEAD_LETTER
        ]


@pytest.fixture
def ingest() -> Ingest:
    return Ingest()


def test_events_of_a_newer_schema_are_kept_with_all_that_they_say(ingest: Ingest) -> None:
    event = EventBatch.Event.FromString(encode(person(1)) + NEWER_FIELD)
    batch = batch_of(event)
    batch.schema = SCHEMA + 1
    batch.events[0].kind = 77  # type: ignore[assignment]

    assert ingest.take(encode(batch) + NEWER_FIELD) == "acked"
    [found] = ingest.stored()
    assert found.kind == "kind-77"
    assert found.class_name == "person"
    assert NEWER_FIELD in found.payload
    assert record(found.id, found.payload) == found
    assert ingest.refusals() == []


@pytest.mark.parametrize("synced", [True, False])
def test_a_stored_event_says_whether_its_clock_was_right(ingest: Ingest, synced: bool) -> None:
    batch = batch_of(person(1), person(2))
    batch.clock_synced = synced
    ingest.take(encode(batch))
    for found in ingest.stored():
        assert found.clock_synced is synced
        assert record(found.id, found.payload).clock_synced is synced


def test_an_event_says_of_its_clock_only_what_its_batch_says(ingest: Ingest) -> None:
    event = person(1)
    event.clock_synced = True
    ingest.take(encode(batch_of(event)))
    [found] = ingest.stored()
    assert found.clock_synced is False


def test_events_from_the_future_are_stored_and_told_of(ingest: Ingest) -> None:
    early, late = person(1, START_NS + HOUR_NS), person(2, START_NS + 2 * HOUR_NS)
    with capture_logs() as logs:
        assert ingest.take(encode(batch_of(early, late))) == "acked"
    assert [event.captured_ns for event in ingest.stored()] == [
        START_NS + HOUR_NS, START_NS + 2 * HOUR_NS,
    ]  # fmt: skip
    [told] = [one for one in logs if "clock" in one["event"]]
    assert (told["device_id"], told["ahead_s"]) == ("cam-box", 7200)


def test_a_clock_that_is_a_little_ahead_is_nothing_to_tell(ingest: Ingest) -> None:
    with capture_logs() as logs:
        ingest.take(encode(batch_of(person(1, START_NS + 10 * 10**9))))
    assert logs == []


def test_a_clock_that_starts_in_1970_is_no_reason_to_refuse(ingest: Ingest) -> None:
    assert ingest.take(encode(batch_of(person(1, 1)))) == "acked"
    assert [event.captured_ns for event in ingest.stored()] == [1]


_VALID = encode(batch_of(person(1), person(2)))


@given(
    st.one_of(
        st.binary(max_size=300),
        st.tuples(st.integers(0, len(_VALID)), st.binary(max_size=20)).map(
            lambda parts: _VALID[: parts[0]] + parts[1] + _VALID[parts[0] :]
        ),
        st.tuples(st.integers(0, len(_VALID) - 1), st.integers(1, 255)).map(
            lambda parts: (
                _VALID[: parts[0]] + bytes([_VALID[parts[0]] ^ parts[1]]) + _VALID[parts[0] + 1 :]
            )
        ),
    )
)
def test_any_payload_is_stored_or_refused_with_a_reason(data: bytes) -> None:
    ingest = Ingest()
    assert ingest.take(data) == "acked"
    if ingest.stored():
        assert ingest.refusals() == []
    else:
        [reason] = ingest.refusals()
        assert reason


def test_the_first_version_of_the_wire_is_taken(ingest: Ingest) -> None:
    golden = Path(__file__).parents[2] / "protos" / "golden" / "event_batch.v1.hex"
    assert ingest.take(bytes.fromhex(golden.read_text())) == "acked"
    assert not ingest.refusals()
    assert [str(event.id) for event in ingest.stored()] == [
        "gate-cam-01/0123456789abcdef/alarm/41",
        "gate-cam-01/0123456789abcdef/alarm/42",
    ]
