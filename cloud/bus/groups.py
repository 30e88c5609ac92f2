"""Messages of a subscription in groups, for whoever handles many at once."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloud.bus.port import Flow, Received, Subscriber, Subscription


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """When a group is full.

    Attributes:
        max_messages: messages in a group at most.
        max_bytes: bytes of their payloads; the message that reaches it is the group's last.
        max_wait_s: how long the first message waits for others.
    """

    max_messages: int
    max_bytes: int
    max_wait_s: float


class GroupReader:
    """Gathers messages and hands them over, in a thread of its own.

    What is held is bounded by the flow: two groups, one that is handled and one that is gathered.

    Args:
        subscriber: from Pub/Sub.
        subscription: its id, as in `topology`; also the thread's name.
        handle: gets one group at a time, never an empty one, and acknowledges each message or
            gives it back, now or later.
        limits: of a group.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        subscription: str,
        handle: Callable[[Sequence[Received]], None],
        limits: GroupLimits,
    ) -> None:
        self._subscriber = subscriber
        self._name = subscription
        self._handle = handle
        self._limits = limits
        # Not bounded itself: the subscription's flow limits are its bound.
        self._queue: queue.SimpleQueue[Received | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._subscription: Subscription | None = None
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """True while messages are taken and handled."""
        taking = self._subscription is not None and self._subscription.listening
        return taking and self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to take messages; returns at once."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()
        flow = Flow(2 * self._limits.max_messages, 2 * self._limits.max_bytes)
        self._subscription = self._subscriber.subscribe(self._name, self._queue.put, flow)

    def stop(self) -> None:
        """Take no more, and end after the group that is handled; the rest comes again."""
        self._stop.set()
        if self._subscription is not None:
            self._subscription.stop()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
        while not self._queue.empty():
            left = self._queue.get()
            if left is not None:
                left.nack()

    def pause(self, seconds: float) -> None:
        """For `handle`: wait before the next group, but never longer than until `stop`."""
        self._stop.wait(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            group = self._gather()
            if self._stop.is_set():
                for received in group:
                    received.nack()
            elif group:
                self._handle(group)

    def _gather(self) -> list[Received]:
        group: list[Received] = []
        size_bytes = 0
        deadline = 0.0
        while len(group) < self._limits.max_messages and size_bytes < self._limits.max_bytes:
            try:
                timeout_s = max(0.0, deadline - time.monotonic()) if group else None
                received = self._queue.get(timeout=timeout_s)
            except queue.Empty:
                break
            if received is None:
                break
            if not group:
                deadline = time.monotonic() + self._limits.max_wait_s
            group.append(received)
            size_bytes += len(received.data)
        return group
