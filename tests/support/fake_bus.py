"""The bus in memory, held to the port by `tests/contracts/test_bus.py`."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace

from cloud.bus.port import Flow, Outcome, Received
from cloud.bus.topology import SUBSCRIPTIONS, TOPICS
from cloud.errors import BusError, BusRefusedError

MAX_BYTES = 10_000_000
MAX_ATTRIBUTE_BYTES = 1024


class FakeBus:
    """A broker with the topology's topics; its publisher and subscriber may be many.

    Attributes:
        away: set it, and publishing fails with BusError, as after an outage that was too long.
        published: every message that was taken, as (topic, message).
    """

    def __init__(self) -> None:
        self.away = False
        self.published: list[tuple[str, Received]] = []
        self._ids = itertools.count(1)
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[Received]] = {item.name: deque() for item in SUBSCRIPTIONS}

    def publisher(self) -> "FakePublisher":
        """A publisher on this bus."""
        return FakePublisher(self)

    def subscriber(self) -> "FakeSubscriber":
        """A subscriber on this bus."""
        return FakeSubscriber(self)

    def take_in(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """Give a message to every subscription of a topic; returns its id."""
        if self.away:
            raise BusError("the fake bus is away")
        if topic not in TOPICS:
            raise BusError(f"there is no topic {topic!r}")
        if not data and not attributes:
            raise BusRefusedError("neither data nor attributes")
        if len(data) > MAX_BYTES:
            raise BusRefusedError("too large")
        try:
            _ = [text.encode() for item in attributes.items() for text in item]
        except UnicodeEncodeError as error:
            raise BusRefusedError(f"an attribute is no text: {error}") from error
        if any(len(value.encode()) > MAX_ATTRIBUTE_BYTES for value in attributes.values()):
            raise BusRefusedError("an attribute is too long")
        with self._changed:
            message = Received(data, dict(attributes), str(next(self._ids)), time.time_ns())
            self.published.append((topic, message))
            for item in SUBSCRIPTIONS:
                if item.topic == topic:
                    self._waiting[item.name].append(message)
            self._changed.notify_all()
            return message.message_id

    def wait_for(self, listening: "FakeSubscription") -> Received | None:
        """The next message that a subscriber has room for; None once it was stopped."""
        with self._changed:
            while not listening.stopped:
                waiting = self._waiting.get(listening.name)
                if waiting and len(listening.outstanding) < listening.flow.max_messages:
                    message = waiting.popleft()
                    listening.outstanding[message.message_id] = message
                    return message
                self._changed.wait()
            return None

    def settle(self, listening: "FakeSubscription", message_id: str, *, again: bool) -> None:
        """End a delivery."""
        with self._changed:
            message = listening.outstanding.pop(message_id, None)
            if again and message is not None:
                self._waiting[listening.name].append(message)
            self._changed.notify_all()

    def stop(self, listening: "FakeSubscription") -> None:
        """End a subscription; what it has not settled waits for another one."""
        with self._changed:
            listening.stopped = True
            if listening.outstanding:
                self._waiting[listening.name].extendleft(reversed(listening.outstanding.values()))
                listening.outstanding.clear()
            self._changed.notify_all()


class FakePublisher:
    """`cloud.bus.port.Publisher` in memory."""

    def __init__(self, bus: FakeBus) -> None:
        self._bus = bus
        self._closed = False

    def publish(
        self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None
    ) -> "Future[str]":
        future: Future[str] = Future()
        future.set_running_or_notify_cancel()
        if self._closed:
            future.set_exception(BusError("the publisher was closed"))
            return future
        try:
            future.set_result(self._bus.take_in(topic, data, attributes or {}))
        except BusError as error:
            future.set_exception(error)
        return future

    def send(
        self,
        topic: str,
        data: bytes,
        attributes: Mapping[str, str],
        done: Callable[[Outcome], None],
    ) -> None:
        future = self.publish(topic, data, attributes)
        error = future.exception()
        done(error if isinstance(error, BusError) else future.result())

    def close(self, timeout_s: float = 10.0) -> None:
        self._closed = True


class FakeSubscriber:
    """`cloud.bus.port.Subscriber` in memory."""

    def __init__(self, bus: FakeBus) -> None:
        self._bus = bus
        self._subscriptions: list[FakeSubscription] = []

    def subscribe(
        self, subscription: str, callback: Callable[[Received], None], flow: Flow | None = None
    ) -> "FakeSubscription":
        listening = FakeSubscription(self._bus, subscription, callback, flow or Flow())
        self._subscriptions.append(listening)
        return listening

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.stop()


class FakeSubscription:
    """`cloud.bus.port.Subscription` in memory; its messages come from a thread of its own."""

    def __init__(
        self, bus: FakeBus, name: str, callback: Callable[[Received], None], flow: Flow
    ) -> None:
        self.name = name
        self.flow = flow
        self.stopped = False
        self.outstanding: dict[str, Received] = {}
        self._bus = bus
        self._callback = callback
        self._thread = threading.Thread(target=self._run, name=f"fake-bus-{name}", daemon=True)
        self._thread.start()

    @property
    def listening(self) -> bool:
        return not self.stopped

    def stop(self) -> None:
        self._bus.stop(self)
        self._thread.join()

    def _run(self) -> None:
        while (message := self._bus.wait_for(self)) is not None:
            self._deliver(message)

    def _deliver(self, message: Received) -> None:
        number = message.message_id

        def ack() -> None:
            self._bus.settle(self, number, again=False)

        def nack() -> None:
            self._bus.settle(self, number, again=True)

        try:
            self._callback(replace(message, ack=ack, nack=nack))
        except Exception:  # noqa: BLE001 - as the real one: the message comes again
            nack()
