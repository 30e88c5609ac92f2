"""Pushed messages as a subscription, so that one worker serves both doors.

A pull worker is handed messages and calls `ack` or `nack`; here these two complete the future
that a request waits for. What is held is bounded by the subscription's flow, as when pulling.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future

from cloud.bus.dead_letters import refuse
from cloud.bus.port import Flow, Publisher, Received
from cloud.bus.push_message import PushMessage
from cloud.ingest.handler import SUBSCRIPTION


class PushSubscription:
    """`cloud.bus.port.Subscription` of a door."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close
        self._open = True

    @property
    def listening(self) -> bool:
        """True until it is stopped."""
        return self._open

    def stop(self) -> None:
        """No further message after this."""
        self._open = False
        self._close()


class PushDoor:
    """`cloud.bus.port.Subscriber` for one subscription, whose messages are handed in.

    Any thread may hand in.

    Args:
        publisher: to the dead letter, for what is no message at all.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._lock = threading.Lock()
        self._callback: Callable[[Received], None] | None = None
        self._flow = Flow()
        self._messages = 0
        self._bytes = 0

    def subscribe(
        self, subscription: str, callback: Callable[[Received], None], flow: Flow | None = None
    ) -> PushSubscription:
        """Begin to let messages in; see `port.Subscriber`."""
        with self._lock:
            self._callback = callback
            self._flow = flow or Flow()
        return PushSubscription(self.close)

    def close(self) -> None:
        """Let nothing in any more."""
        with self._lock:
            self._callback = None

    def take_room(self, size_bytes: int) -> bool:
        """Reserve room for a message that is about to be read; False: there is none now."""
        with self._lock:
            full = self._messages >= self._flow.max_messages
            # One that is larger than everything still comes, alone.
            full |= bool(self._bytes) and self._bytes + size_bytes > self._flow.max_bytes
            if full or self._callback is None:
                return False
            self._messages += 1
            self._bytes += size_bytes
            return True

    def give_room(self, size_bytes: int) -> None:
        """Give back what `take_room` reserved."""
        with self._lock:
            self._messages -= 1
            self._bytes -= size_bytes

    def hand_in(self, message: PushMessage) -> "Future[bool]":
        """Have a message settled.

        Returns:
            a future that always completes: True once the message is taken care of, False where
            it must come again.
        """
        settled = _Settled()
        received = Received(
            message.data, message.attributes, message.message_id,
            ack=settled.ack, nack=settled.nack,
        )  # fmt: skip
        if message.refusal:
            refuse(self._publisher, received, SUBSCRIPTION, message.refusal)
            return settled.future
        # The lock is held, so that nothing is handed over once the worker has drained its queue.
        with self._lock:
            if self._callback is not None:
                self._callback(received)
                return settled.future
        settled.nack()
        return settled.future


class _Settled:
    """The outcome of a message: the first word counts."""

    def __init__(self) -> None:
        self.future: Future[bool] = Future()
        self.future.set_running_or_notify_cancel()  # a client that hangs up cancels no write
        self._lock = threading.Lock()

    def ack(self) -> None:
        self._settle(taken=True)

    def nack(self) -> None:
        self._settle(taken=False)

    def _settle(self, *, taken: bool) -> None:
        with self._lock:
            if not self.future.done():
                self.future.set_result(taken)
