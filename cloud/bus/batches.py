"""Messages gathered into publish requests: full ones at once, others when they are due. No I/O.

A request costs Google's client ten times what a message in it does, so messages wait for each
other: for `batch_latency_ms`, and then for the answer to the topic's requests that are on their
way (as Nagle has it, RFC 896), but not for long; until there are `batch_messages` or `batch_bytes`.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.pubsub_v1 import types

from cloud.bus.port import Outcome

LONGEST_HOLD_S = 0.25
"""A batch that is due waits this long for answers: a request that hangs holds up no other."""

_CHARACTER_BYTES = 4
"""UTF-8 takes no more; to look at each character would cost more than it gains."""

_OVERHEAD_BYTES = 32
"""Of a message in a request, and of an attribute in a message: more than the encoding adds."""


@dataclass(slots=True, eq=False)
class Batch:
    """Messages of one topic that go out in one request.

    Attributes:
        topic: path of the topic.
        due_s: when it goes out even if there is room for more (monotonic).
        request: the protobuf message, as the API defines it.
        dones: who is told what became of each message, in their order.
        size_bytes: never less than the request's encoded messages.
    """

    topic: str
    due_s: float
    request: types.PublishRequest = field(init=False)
    dones: list[Callable[[Outcome], None]] = field(default_factory=list)
    size_bytes: int = 0
    _messages: Any = field(init=False)

    def __post_init__(self) -> None:
        self.request = types.PublishRequest(topic=self.topic)
        # Of the protobuf message itself: proto-plus would copy each one several times.
        self._messages = types.PublishRequest.pb(self.request).messages

    def add(
        self,
        data: bytes,
        attributes: Mapping[str, str],
        size_bytes: int,
        done: Callable[[Outcome], None],
    ) -> None:
        """Put a message in.

        Raises:
            TypeError: the data is no bytes, or an attribute no text; it is not in.
            ValueError: an attribute cannot be encoded; it is not in.
        """
        added = self._messages.add(data=data).attributes
        try:
            for name, value in attributes.items():  # a third faster than handing over the dict
                added[name] = value
        except (TypeError, ValueError):
            del self._messages[-1]
            raise
        self.dones.append(done)
        self.size_bytes += size_bytes

    def apart(self) -> list["Batch"]:
        """The same messages, a batch each."""
        each, rest = divmod(self.size_bytes, len(self.dones))
        found = []
        for message, done in zip(self._messages, self.dones, strict=True):
            one = Batch(self.topic, self.due_s, [done], each + rest)
            one._messages.append(message)
            found.append(one)
            rest = 0
        return found


@dataclass(slots=True)
class Gathering:
    """One open batch for each topic; not for several threads at once.

    Attributes:
        max_messages: of a batch.
        max_bytes: of a batch; a message that is larger makes one alone.
        latency_s: how long a batch stays open.
    """

    max_messages: int
    max_bytes: int
    latency_s: float
    _open: dict[str, Batch] = field(default_factory=dict)
    _on_their_way: Counter[str] = field(default_factory=Counter)

    def batch_for(self, topic: str, size_bytes: int) -> Batch | None:
        """The open batch that takes a message of this size, None where there is none."""
        batch = self._open.get(topic)
        if batch is None or batch.size_bytes + size_bytes > self.max_bytes:
            return None
        return batch

    def open(self, topic: str, now_s: float) -> tuple[Batch, Batch | None]:
        """Begin a batch; with it, the one that was open, which is ready to go out."""
        ready = self._open.get(topic)
        batch = self._open[topic] = Batch(topic, now_s + self.latency_s)
        return batch, ready

    def close_full(self, batch: Batch) -> bool:
        """Close a batch that takes no more; True: it is ready to go out."""
        if len(batch.dones) < self.max_messages and batch.size_bytes < self.max_bytes:
            return False
        del self._open[batch.topic]
        return True

    def next_due_s(self) -> float | None:
        """When the first of the open batches goes out, None where there is none."""
        return min(map(self._goes_out_s, self._open.values()), default=None)

    def take_due(self, now_s: float) -> list[Batch]:
        """Close the batches that are due."""
        due = [batch for batch in self._open.values() if self._goes_out_s(batch) <= now_s]
        for batch in due:
            del self._open[batch.topic]
        return due

    def take_all(self) -> list[Batch]:
        """Close every batch."""
        every = list(self._open.values())
        self._open.clear()
        return every

    def started(self, topic: str, requests: int = 1) -> None:
        """Requests of a topic are on their way."""
        self._on_their_way[topic] += requests

    def ended(self, topic: str) -> None:
        """A request has its answer."""
        self._on_their_way[topic] -= 1

    def has_open(self, topic: str) -> bool:
        """True while a topic has an open batch."""
        return topic in self._open

    def _goes_out_s(self, batch: Batch) -> float:
        """When a batch goes out if nothing more comes (monotonic)."""
        held = self._on_their_way[batch.topic]
        return batch.due_s + LONGEST_HOLD_S if held else batch.due_s


def size_of(data: bytes, attributes: Mapping[str, str]) -> int:
    """What a message takes of a request, never less than its encoding, in bytes."""
    characters = sum(map(len, attributes)) + sum(map(len, attributes.values()))
    return len(data) + _CHARACTER_BYTES * characters + _OVERHEAD_BYTES * (1 + len(attributes))
