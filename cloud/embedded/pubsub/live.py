"""Topics and subscriptions as they are in memory."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cloud.embedded.pubsub.policy import Policy
from cloud.embedded.pubsub.window import Window


@dataclass(frozen=True, slots=True)
class Clock:
    """The two times: one for leases, one for messages."""

    monotonic_s: Callable[[], float] = time.monotonic
    wall_ns: Callable[[], int] = time.time_ns


@dataclass(slots=True, eq=False)
class LiveSubscription:
    """A subscription, its messages in memory, and who waits for them.

    Attributes:
        waiting: an event of each pull that waits; woken in turn.
        used_ns: when a pull last waited here.
        stored_used_ns: what the disk knows of it.
    """

    id: int
    config: Any
    window: Window
    used_ns: int
    stored_used_ns: int
    waiting: deque[asyncio.Event] = field(default_factory=deque)
    deleted: bool = False

    @property
    def policy(self) -> Policy:
        return self.window.policy

    def wake(self) -> None:
        """Have every pull look for messages, each time another one first."""
        for event in self.waiting:
            event.set()
        self.waiting.rotate(-1)


@dataclass(slots=True, eq=False)
class LiveTopic:
    """A topic and who gets its messages."""

    config: Any
    subscriptions: dict[str, LiveSubscription] = field(default_factory=dict)
