"""The push endpoint as Pub/Sub and everybody else meets it."""

import asyncio
import base64
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cloud.bus import topology
from cloud.bus.push_message import PushMessage
from cloud.bus.push_token import PushToken
from cloud.errors import BusError
from cloud.ingest.push import create_push_app
from cloud.ingest.push_door import PushDoor
from cloud.ingest.settings import IngestSettings
from cloud.ingest.worker import IngestWorker
from cloud.store.port import EventQuery, EventRecord
from protos.codec import decode, encode
from protos.v1.receipt_pb2 import Receipt
from tests.support.fake_bus import FakeBus
from tests.support.fake_store import FakeStore
from tests.support.push_tokens import AUDIENCE, PUSHER, TokenKey
from tests.support.stored import batch_of, person
from wayside.backoff import Backoff

KEY = TokenKey.new()
TOKEN = KEY.token()
MAX_BYTES = 100_000


class HeldStore(FakeStore):
    """Writes only while the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def prepared(self, events: Sequence[EventRecord]) -> Sequence[EventRecord]:
        return events

    def write(self, events: Sequence[EventRecord]) -> None:
        self.gate.wait(20)
        super().write(events)


class Endpoint:
    """The application before a worker, on a bus and a store in memory."""

    def __init__(self, **ingest: float) -> None:
        self.bus = FakeBus()
        self.store = HeldStore()
        publisher = self.bus.publisher()
        self.door = PushDoor(publisher)
        self.worker = IngestWorker(
            IngestSettings.model_validate({"max_wait_ms": 1, **ingest}),
            self.store, self.door, publisher, Backoff(0.001, 0.002), receipt_timeout_s=5,
        )  # fmt: skip
        self.certificates_away = False
        who = PushToken(AUDIENCE, frozenset({PUSHER}), self._certificates)
        self.app = create_push_app(
            self.door, who.verify, self.store, lambda: self.worker.running, MAX_BYTES
        )

    def _certificates(self) -> dict[str, str]:
        if self.certificates_away:
            raise BusError("no certificates")
        return KEY.certificates()

    async def push_async(
        self, body: "bytes | AsyncIterator[bytes]", token: str = TOKEN, **headers: str
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://push") as client:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            if token:
                sent["Authorization"] = f"Bearer {token}"
            return await client.post("/push", content=body, headers=sent)

    def push(self, body: bytes, token: str = TOKEN, **headers: str) -> httpx.Response:
        return asyncio.run(self.push_async(body, token, **headers))

    def get(self, path: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://push") as client:
                return await client.get(path)

        return asyncio.run(ask())

    def stored_seqs(self) -> set[int]:
        return {event.id.seq for event in self.store.events(EventQuery(limit=1000)).events}

    def letters(self) -> list[str]:
        return [
            message.attributes["reason"]
            for topic, message in self.bus.published
            if topic == topology.DEAD_LETTER
        ]

    def receipted(self) -> set[int]:
        return {
            seq
            for topic, message in self.bus.published
            if topic == topology.DOWNLINK
            for one in decode(Receipt, message.data).ranges
            for seq in range(one.first_seq, one.last_seq + 1)
        }


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    made.worker.start()
    yield made
    made.store.gate.set()
    made.worker.stop()


def batch(first_seq: int, count: int = 3) -> bytes:
    return encode(batch_of(*[person(seq) for seq in range(first_seq, first_seq + count)]))


def wrapped(data: bytes, **attributes: str) -> bytes:
    message = {
        "data": base64.b64encode(data).decode(),
        "attributes": attributes,
        "messageId": "42",
    }
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


def test_a_wrapped_batch_is_stored_and_its_receipt_is_out_before_the_answer(
    endpoint: Endpoint,
) -> None:
    answer = endpoint.push(wrapped(batch(1), deviceId="cam-box"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert endpoint.stored_seqs() == endpoint.receipted() == {1, 2, 3}


def test_an_unwrapped_batch_is_stored(endpoint: Endpoint) -> None:
    assert endpoint.push(batch(1), deviceid="cam-box").status_code == 204
    assert endpoint.push(batch(1)).status_code == 204
    assert endpoint.stored_seqs() == {1, 2, 3}


def test_requests_that_come_together_are_written_together() -> None:
    endpoint = Endpoint(max_wait_ms=200)
    endpoint.worker.start()

    async def push_all() -> list[httpx.Response]:
        return await asyncio.gather(
            *(endpoint.push_async(wrapped(batch(first))) for first in range(1, 61, 3))
        )

    answers = asyncio.run(push_all())
    endpoint.worker.stop()
    assert {answer.status_code for answer in answers} == {204}
    assert endpoint.stored_seqs() == endpoint.receipted() == set(range(1, 61))
    assert len(endpoint.store.writes) < 20


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"garbage", "no EventBatch"),
        (b"", "no schema version"),
        (b"{", "no message of Pub/Sub"),
        (wrapped(b"garbage"), "no EventBatch"),
        (b'{"message": {"data": "!"}}', "base64"),
    ],
)
def test_poison_goes_to_the_dead_letter_and_never_comes_again(
    endpoint: Endpoint, body: bytes, reason: str
) -> None:
    assert endpoint.push(body).status_code == 204
    [letter] = endpoint.letters()
    assert reason in letter


def test_a_batch_that_the_store_refuses_never_comes_again(endpoint: Endpoint) -> None:
    endpoint.store.refuses = lambda event: event.id.seq == 2
    assert endpoint.push(wrapped(batch(1))).status_code == 204
    assert len(endpoint.letters()) == 1
    assert endpoint.receipted() == {1, 3}


def test_poison_whose_attributes_pubsub_would_refuse_is_kept_without_them(
    endpoint: Endpoint,
) -> None:
    assert endpoint.push(wrapped(b"garbage", deviceId="x" * 2000)).status_code == 204
    [(_, letter)] = endpoint.bus.published
    assert set(letter.attributes) == {"reason", "source", "size"}


def test_poison_that_finds_no_dead_letter_comes_again(endpoint: Endpoint) -> None:
    endpoint.bus.away = True
    assert endpoint.push(b"garbage").status_code == 503


def test_while_the_store_is_away_it_comes_again(endpoint: Endpoint) -> None:
    endpoint.store.away = True
    answer = endpoint.push(wrapped(batch(1)))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert endpoint.get("/readyz").status_code == 503
    endpoint.store.away = False
    assert endpoint.push(wrapped(batch(1))).status_code == 204
    assert endpoint.get("/readyz").status_code == 200


def test_a_receipt_that_cannot_be_published_does_not_unstore_the_batch(endpoint: Endpoint) -> None:
    endpoint.bus.away = True
    assert endpoint.push(wrapped(batch(1))).status_code == 204
    assert endpoint.stored_seqs() == {1, 2, 3}
    endpoint.bus.away = False
    assert endpoint.push(wrapped(batch(1))).status_code == 204
    assert endpoint.receipted() == {1, 2, 3}


async def _never_read() -> AsyncIterator[bytes]:
    raise AssertionError("the body was read before the token was verified")
    yield b""


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("", 401),
        ("a.b.c", 401),
        (KEY.token({"aud": "https://other.example"}), 401),
        (TokenKey.new().token(), 401),
        (KEY.token({"exp": 1_000_000_000}), 401),
        (KEY.token({"email": "other@wayside.iam.gserviceaccount.com"}), 403),
    ],
)
def test_nobody_else_gets_in_and_their_body_is_not_read(
    endpoint: Endpoint, token: str, status: int
) -> None:
    answer = asyncio.run(endpoint.push_async(_never_read(), token))
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    for secret in (token, AUDIENCE, PUSHER):
        assert not secret or secret not in answer.text
    assert endpoint.store.writes == []


def test_while_nobody_can_be_verified_everything_comes_again(endpoint: Endpoint) -> None:
    endpoint.certificates_away = True
    assert endpoint.push(wrapped(batch(1))).status_code == 503
    assert endpoint.store.writes == []


def test_a_body_beyond_the_limit_is_not_read(endpoint: Endpoint) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 40_000

    assert endpoint.push(b"x" * (MAX_BYTES + 1)).status_code == 413
    assert asyncio.run(endpoint.push_async(endless())).status_code == 413
    assert endpoint.letters() == []
    assert endpoint.push(wrapped(batch(1))).status_code == 204


@pytest.mark.parametrize("announced", ["-1", "x", "9" * 30, "9" * 5000])
def test_a_length_that_is_none_is_no_length(endpoint: Endpoint, announced: str) -> None:
    answer = endpoint.push(wrapped(batch(1)), content_length=announced)
    assert answer.status_code == 204


def test_what_cannot_be_held_comes_again() -> None:
    endpoint = Endpoint(max_messages=1)
    endpoint.worker.start()
    endpoint.store.gate.clear()

    async def push_two() -> tuple[httpx.Response, httpx.Response]:
        first = asyncio.create_task(endpoint.push_async(wrapped(batch(1))))
        while endpoint.door.take_room(1):
            endpoint.door.give_room(1)
            await asyncio.sleep(0.005)
        second = await endpoint.push_async(wrapped(batch(4)))
        endpoint.store.gate.set()
        return await first, second

    first, second = asyncio.run(push_two())
    endpoint.worker.stop()
    assert (first.status_code, second.status_code) == (204, 503)


def test_bytes_are_bounded_and_one_large_message_still_comes() -> None:
    endpoint = Endpoint(max_bytes=1024)
    endpoint.worker.start()
    door = endpoint.door
    assert door.take_room(5000)
    assert not door.take_room(1)
    door.give_room(5000)
    assert door.take_room(1000)
    assert not door.take_room(1000)
    endpoint.worker.stop()
    assert not endpoint.worker.running
    assert not door.take_room(1)


def test_after_the_end_everything_comes_again(endpoint: Endpoint) -> None:
    endpoint.worker.stop()
    assert endpoint.get("/readyz").status_code == 503
    assert endpoint.push(wrapped(batch(1))).status_code == 503
    assert endpoint.door.hand_in(PushMessage(batch(1))).result(5) is False


def test_what_waits_at_the_end_comes_again(endpoint: Endpoint) -> None:
    endpoint.store.gate.clear()
    waiting = [endpoint.door.hand_in(PushMessage(batch(first))) for first in (1, 4, 7)]
    with contextlib.ExitStack() as stack:
        stopping = threading.Thread(target=endpoint.worker.stop)
        stopping.start()
        stack.callback(stopping.join)
        endpoint.store.gate.set()
    settled = [future.result(5) for future in waiting]
    assert len(endpoint.stored_seqs()) == 3 * sum(settled)


_HEADERS = st.dictionaries(
    st.sampled_from(["x-goog-pubsub-message-id", "deviceid", "lane", "content-type"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    max_size=3,
)
_BODIES = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(wrapped),
    st.binary(max_size=30).map(b'{"message": '.__add__),
    st.integers(0, 200).map(lambda cut: batch(1)[:cut]),
)


@given(_BODIES, _HEADERS)
@hypothesis_settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_body_with_a_good_token_is_stored_or_dead_lettered(
    endpoint: Endpoint, body: bytes, headers: dict[str, str]
) -> None:
    before = len(endpoint.letters()) + len(endpoint.store.writes)
    answer = asyncio.run(endpoint.push_async(body, **headers))
    assert answer.status_code == 204
    assert len(endpoint.letters()) + len(endpoint.store.writes) == before + 1
    assert all(endpoint.letters()), "each with its reason"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
@hypothesis_settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_token_that_is_none_is_denied(endpoint: Endpoint, token: str) -> None:
    assert endpoint.push(wrapped(batch(1)), token=token).status_code == 401
