"""A subscription's messages in memory: leases, order, redelivery. Pure: time is handed in.

A window holds the oldest messages of the backlog that is on disk, up to a capacity. It is
`behind` while there are messages on disk after its tail; the owner then loads more. What the
window says is settled, its owner deletes from the disk.

Invariants, which the tests check:
- every message that was offered or loaded and not settled is in the window, in one state;
- of an ordering key, at most the oldest message is not QUEUED;
- a consumer's counters are those of the messages leased to him.
"""

import heapq
import itertools
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloud.embedded.pubsub.messages import Consumer, Message, State
from cloud.embedded.pubsub.policy import Policy

_leases = itertools.count(time.time_ns())
"""Numbers of leases; from the clock on, so that no lease of an earlier run has the same."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a window holds at most; one message that is larger still enters, alone."""

    messages: int = 10_000
    bytes: int = 32 * 1024 * 1024


class Window:
    """The messages of one subscription that are in memory.

    Args:
        policy: the subscription's rules.
        capacity: how much is held.
        head: id of the newest message on disk; the window begins empty, hence behind it.
    """

    def __init__(self, policy: Policy, capacity: Capacity, head: int = 0) -> None:
        self.policy = policy
        self.loading = False
        self._capacity = capacity
        self._tail = 0
        self._head = head
        self._messages: dict[int, Message] = {}
        self._bytes = 0
        self._ready: list[int] = []
        self._leased: dict[int, Message] = {}
        self._delayed: dict[int, Message] = {}
        self._keys: dict[str, deque[int]] = {}

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def tail(self) -> int:
        """Id of the newest message that was ever in the window."""
        return self._tail

    @property
    def head(self) -> int:
        """Id of the newest message on disk."""
        return self._head

    @property
    def behind(self) -> bool:
        """True while messages on disk are not in the window yet."""
        return self._tail < self._head

    @property
    def wants_more(self) -> bool:
        """True when the owner should load messages after the tail."""
        return (
            self.behind
            and not self.loading
            and len(self._messages) <= self._capacity.messages // 2
            and self._bytes <= self._capacity.bytes // 2
        )

    def room(self) -> Capacity:
        """How much may be loaded now."""
        return Capacity(
            max(1, self._capacity.messages - len(self._messages)),
            max(1, self._capacity.bytes - self._bytes),
        )

    def offer(self, messages: Sequence[Message]) -> None:
        """Take messages that were just stored, as far as they fit and follow on the tail."""
        if not self.behind:
            for message in messages:
                if message.id <= self._tail:
                    continue  # a load had already seen it on disk
                if self._messages and not self._fits(message):
                    break
                self._add(message)
        self._head = max(self._head, messages[-1].id)

    def loaded(self, messages: Iterable[Message], complete: bool, up_to: int) -> None:
        """Take messages that were read from the disk.

        Args:
            messages: in the order of their ids, all after the tail.
            complete: nothing else is between the tail and `up_to`.
            up_to: the head that was known when the disk was read.
        """
        self.loading = False
        for message in messages:
            self._add(message)
        if complete:
            self._tail = max(self._tail, up_to)

    def take(
        self, consumer: Consumer, now_s: float, max_messages: int, max_bytes: int
    ) -> list[Message]:
        """Lease ready messages to a consumer, oldest first.

        Args:
            consumer: his flow control bounds what he gets.
            now_s: monotonic time.
            max_messages: at most so many.
            max_bytes: about so many; one message that is larger comes alone.
        """
        taken: list[Message] = []
        size = 0
        while self._ready and len(taken) < max_messages:
            message = self._messages.get(self._ready[0])
            if message is None or message.state is not State.READY:
                heapq.heappop(self._ready)
                continue
            if not consumer.has_room(message.size) or (taken and size + message.size > max_bytes):
                break
            heapq.heappop(self._ready)
            self._lease(message, consumer, now_s)
            taken.append(message)
            size += message.size
        return taken

    def settle(self, message_id: int) -> None:
        """Forget a message: acknowledged (also late, by an old lease), or dead-lettered."""
        message = self._messages.pop(message_id, None)
        if message is None:
            return
        self._bytes -= message.size
        self._end_lease(message)
        self._delayed.pop(message_id, None)
        if message.ordering_key:
            self._advance(message)

    def extend(self, message_id: int, lease: int, now_s: float, seconds: int) -> None:
        """Let a lease end `seconds` from now, if it still stands."""
        message = self._leased.get(message_id)
        if message is not None and message.lease == lease:
            message.due_s = now_s + seconds

    def nack(self, message_id: int, lease: int, now_s: float) -> Message | None:
        """End a lease, if it still stands; see `expire` for what is returned."""
        message = self._leased.get(message_id)
        if message is None or message.lease != lease:
            return None
        return self._release(message, now_s)

    def expire(self, now_s: float) -> list[Message]:
        """End the leases and the backoffs that are over.

        Returns:
            messages whose deliveries are used up; they wait until they are settled, or sent
            back by `not_forwarded`.
        """
        for message in [item for item in self._delayed.values() if item.due_s <= now_s]:
            del self._delayed[message.id]
            self._make_ready(message)
        over = [item for item in self._leased.values() if item.due_s <= now_s]
        released = (self._release(message, now_s) for message in over)
        return [message for message in released if message is not None]

    def not_forwarded(self, message: Message, now_s: float, wait_s: float) -> None:
        """Deliver a used-up message once more, after a wait: its dead-letter topic is away."""
        if message.state is State.FORWARDED:
            self._delay(message, now_s + wait_s)

    def drop_before(self, published_ns: int) -> None:
        """Forget what was published before a time."""
        for message in [m for m in self._messages.values() if m.published_ns < published_ns]:
            self.settle(message.id)

    def _fits(self, message: Message) -> bool:
        return (
            len(self._messages) < self._capacity.messages
            and self._bytes + message.size <= self._capacity.bytes
        )

    def _add(self, message: Message) -> None:
        self._messages[message.id] = message
        self._bytes += message.size
        self._tail = message.id
        if self.policy.ordered and message.ordering_key:
            key = self._keys.setdefault(message.ordering_key, deque())
            key.append(message.id)
            if len(key) > 1:
                message.state = State.QUEUED
                return
        else:
            message.ordering_key = ""
        self._make_ready(message)

    def _make_ready(self, message: Message) -> None:
        message.state = State.READY
        heapq.heappush(self._ready, message.id)

    def _lease(self, message: Message, consumer: Consumer, now_s: float) -> None:
        message.state = State.LEASED
        message.attempts += 1
        message.lease = next(_leases)
        message.due_s = now_s + (consumer.ack_deadline_s or self.policy.ack_deadline_s)
        message.consumer = consumer
        consumer.add(message.size)
        self._leased[message.id] = message

    def _end_lease(self, message: Message) -> None:
        if self._leased.pop(message.id, None) is not None and message.consumer is not None:
            message.consumer.remove(message.size)
            message.consumer = None

    def _release(self, message: Message, now_s: float) -> Message | None:
        self._end_lease(message)
        if self.policy.exhausted(message.attempts):
            message.state = State.FORWARDED
            return message
        backoff_s = self.policy.backoff_s(message.attempts)
        if backoff_s > 0:
            self._delay(message, now_s + backoff_s)
        else:
            self._make_ready(message)
        return None

    def _delay(self, message: Message, due_s: float) -> None:
        message.state = State.DELAYED
        message.due_s = due_s
        self._delayed[message.id] = message

    def _advance(self, message: Message) -> None:
        """Let the next message of an ordering key follow one that is gone."""
        key = self._keys[message.ordering_key]
        was_first = key[0] == message.id
        key.remove(message.id)
        if not key:
            del self._keys[message.ordering_key]
        elif was_first:
            self._make_ready(self._messages[key[0]])
