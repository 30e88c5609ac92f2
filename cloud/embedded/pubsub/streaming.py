"""One StreamingPull: messages out as flow control allows, acknowledgements in."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from google.pubsub_v1 import types

from cloud.embedded.pubsub.catalog import Catalog
from cloud.embedded.pubsub.delivery import MAX_TAKEN, Post
from cloud.embedded.pubsub.errors import StatusError, invalid, unavailable
from cloud.embedded.pubsub.live import LiveSubscription
from cloud.embedded.pubsub.messages import Consumer, Message, ack_id
from cloud.embedded.pubsub.rpc import Context

ReceivedMessage = types.ReceivedMessage.pb()
StreamingPullResponse = types.StreamingPullResponse.pb()

_MIN_ACK_DEADLINE_S = 10
_MAX_ACK_DEADLINE_S = 600


@contextmanager
def waiting(subscription: LiveSubscription) -> Iterator[asyncio.Event]:
    """An event that is set whenever the subscription may have messages."""
    event = asyncio.Event()
    subscription.waiting.append(event)
    try:
        yield event
    finally:
        subscription.waiting.remove(event)


def received_messages(subscription: LiveSubscription, messages: Iterable[Message]) -> list[Any]:
    """Leased messages as they go out."""
    counted = bool(subscription.policy.dead_letter_topic)
    received: list[Any] = []
    for message in messages:
        item = ReceivedMessage(ack_id=ack_id(subscription.id, message))
        item.message.ParseFromString(message.body)
        if counted:
            item.delivery_attempt = message.attempts
        received.append(item)
    return received


class StreamingPull:
    """One call, from its first request to its end.

    Args:
        catalog: for the subscription.
        post: hands messages out and takes acknowledgements.
        stopping: set when the server ends.
        context: the call.
    """

    def __init__(
        self, catalog: Catalog, post: Post, stopping: asyncio.Event, context: Context
    ) -> None:
        self._catalog = catalog
        self._post = post
        self._stopping = stopping
        self._context = context
        self._consumer = Consumer()
        self._failure: StatusError | None = None
        self._half_closed = False

    async def run(self, requests: AsyncIterator[Any]) -> None:
        """Serve until the client closes its side.

        Raises:
            StatusError: NOT_FOUND, INVALID_ARGUMENT, or UNAVAILABLE when the server ends.
        """
        first = await anext(requests, None)
        if first is None:
            raise invalid("the stream ended before its first request")
        subscription = self._catalog.subscription(first.subscription)
        self._begin(first)
        with waiting(subscription) as woken:
            reader = asyncio.create_task(self._read(subscription, first, requests, woken))
            try:
                await self._write(subscription, woken)
            finally:
                reader.cancel()
                subscription.used_ns = self._catalog.now_ns()

    def _begin(self, first: Any) -> None:
        self._set_deadline(first.stream_ack_deadline_seconds)
        if first.max_outstanding_messages < 0 or first.max_outstanding_bytes < 0:
            return  # negative: no limit, as Google has it
        self._consumer.max_messages = first.max_outstanding_messages
        self._consumer.max_bytes = first.max_outstanding_bytes

    def _set_deadline(self, seconds: int) -> None:
        if not _MIN_ACK_DEADLINE_S <= seconds <= _MAX_ACK_DEADLINE_S:
            raise invalid(f"Invalid stream_ack_deadline_seconds: {seconds} is not within 10 to 600")
        self._consumer.ack_deadline_s = seconds

    async def _write(self, subscription: LiveSubscription, woken: asyncio.Event) -> None:
        while not self._half_closed:
            if self._failure is not None:
                raise self._failure
            if self._stopping.is_set():
                raise unavailable("the server is stopping")
            self._catalog.check_alive(subscription)
            woken.clear()
            messages = self._post.take(subscription, self._consumer, MAX_TAKEN)
            if messages:
                received = received_messages(subscription, messages)
                await self._context.write(StreamingPullResponse(received_messages=received))
            else:
                await woken.wait()

    async def _read(
        self,
        subscription: LiveSubscription,
        first: Any,
        requests: AsyncIterator[Any],
        woken: asyncio.Event,
    ) -> None:
        try:
            self._handle(subscription, first)
            async for request in requests:
                if request.stream_ack_deadline_seconds:
                    self._set_deadline(request.stream_ack_deadline_seconds)
                self._handle(subscription, request)
            self._half_closed = True
        except StatusError as error:
            self._failure = error
        finally:
            woken.set()

    def _handle(self, subscription: LiveSubscription, request: Any) -> None:
        if request.ack_ids:
            self._post.acknowledge(subscription, request.ack_ids)
        if len(request.modify_deadline_ack_ids) != len(request.modify_deadline_seconds):
            raise invalid("modify_deadline_ack_ids and modify_deadline_seconds differ in length")
        for text, seconds in zip(
            request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True
        ):
            self._post.modify(subscription, [text], seconds)
