"""Which of several bridges takes the devices' messages, where there are no shared subscriptions.

MQTT 3.1.1 gives every message to every subscriber. So the bridges of a share group tell each other
on a topic of their own which of them is active; only that one subscribes to the devices' topics.

asks      a bridge that has just connected: is anybody active?
active    said by the active one when it becomes so, every interval, and to whoever asks
leaves    the active one stops; as the last will of a connection, it has gone without a word

Nobody needs to be right. Two active bridges do double work, and the one with the greater id steps
down as soon as it hears of the other; with none active, devices send again what got no receipt
(decision 5). What a bridge knows it has heard within the last seconds. No I/O, and no clock.
"""

import enum
import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_SPREAD = 0.25
"""Bridges that wait for the same thing wait differently long, by up to this share of an interval,
so that the first one is heard before the second one acts."""


class Word(enum.Enum):
    """What a bridge says; the values are the words on the wire."""

    ASKS = "asks"
    ACTIVE = "active"
    LEAVES = "leaves"


class Move(enum.Enum):
    """What a bridge does about the devices' topics."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"


Action = Word | Move
"""A word to be said, or a move to be made, in the order given."""


class Role(enum.Enum):
    """What a bridge is to the others."""

    STANDBY = "standby"
    ACTIVE = "active"
    LEAVING = "leaving"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Said:
    """A word of a bridge.

    Attributes:
        bridge: random, one for each connection; 64 bits.
        word: what it says.
    """

    bridge: int
    word: Word

    def encode(self) -> bytes:
        """As it stands on the wire: `active 0123456789abcdef`."""
        return f"{self.word.value} {self.bridge:016x}".encode()


def parse(payload: bytes) -> Said | None:
    """What a payload says; None for what no bridge of this version says."""
    match = _SAID.fullmatch(payload)
    return None if match is None else Said(int(match[2], 16), Word(match[1].decode()))


_SAID = re.compile(rb"(asks|active|leaves) ([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a bridge is heard, and how much silence is too much.

    Attributes:
        interval_s: between two words of the active one.
        timeout_s: a standby that has heard none for so long takes over.
    """

    interval_s: float
    timeout_s: float

    @property
    def spread_s(self) -> float:
        """The most by which two bridges' waits differ."""
        return _SPREAD * self.interval_s

    @property
    def longest_silence_s(self) -> float:
        """A standby has taken over this long after the last word, messages' delays apart."""
        return self.timeout_s + self.spread_s


class Candidate:
    """One connection's part in the election.

    Every method gives the actions that follow, to be carried out at once and in order. One thread
    at a time calls them.

    Args:
        own: id of this connection.
        pace: how long things take.
        now_s: the time at which it connected; monotonic, as all others.
        was_active: the connection before this one was the active one's when it broke. Then nobody
            is waited for that has not answered at once, as after a restart of the broker.
        draw: a random share of 1.
    """

    def __init__(
        self,
        own: int,
        pace: Pace,
        now_s: float,
        *,
        was_active: bool = False,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.own = own
        self.role = Role.STANDBY
        self._pace = pace
        self._draw = draw
        self._followed: int | None = None
        self._is_confirmed = False
        self._echo_s = now_s
        listening_s = pace.spread_s if was_active else pace.interval_s
        self.due_s = now_s + listening_s + self._jitter_s()
        """When `tick` has something to do, if nothing is heard before."""

    @property
    def settled(self) -> bool:
        """True once it is known who takes the devices' messages, and that the broker knows.

        Its own word comes back to a bridge only after the broker has seen the SUBSCRIBE before it.
        """
        return self._is_confirmed or self._followed is not None

    def is_deaf(self, now_s: float) -> bool:
        """True where the broker brings an active bridge not even its own words."""
        return self.role is Role.ACTIVE and now_s - self._echo_s > self._pace.timeout_s

    def begin(self) -> Sequence[Action]:
        """Connected, and subscribed to the bridges' topic."""
        return (Word.ASKS,)

    def tick(self, now_s: float) -> Sequence[Action]:
        """Time has passed."""
        if now_s < self.due_s:
            return ()
        if self.role is Role.ACTIVE:
            self._is_confirmed = True  # a deaf one will never know better
            self.due_s = now_s + self._pace.interval_s
            return (Word.ACTIVE,)
        if self.role is Role.STANDBY:
            return self._take_over(now_s)
        self._go()
        return ()

    def hear(self, said: Said, now_s: float) -> Sequence[Action]:
        """A bridge has said something, perhaps this one."""
        if said.bridge == self.own:
            self._echo_s = now_s
            self._is_confirmed |= said.word is Word.ACTIVE
            return ()
        if said.word is Word.ASKS:
            return (Word.ACTIVE,) if self.role is Role.ACTIVE else ()
        if said.word is Word.LEAVES:
            if self.role is Role.STANDBY and said.bridge == self._followed:
                self.due_s = min(self.due_s, now_s + self._jitter_s())
            return ()
        return self._hear_active(said.bridge, now_s)

    def leave(self, now_s: float) -> Sequence[Action]:
        """Asked to stop. An active one goes on until it hears its successor, or an interval long.

        The successor speaks after it has subscribed, so no message finds nobody.
        """
        if self.role is Role.ACTIVE:
            self.role = Role.LEAVING
            self.due_s = now_s + self._pace.interval_s
            return (Word.LEAVES,)
        if self.role is Role.STANDBY:
            self._go()
        return ()

    def _hear_active(self, other: int, now_s: float) -> Sequence[Action]:
        if self.role is Role.ACTIVE:
            if self.own < other:
                return (Word.ACTIVE,)  # the other one steps down when it hears that
            self._follow(other, now_s)
            return (Move.UNSUBSCRIBE,)
        if self.role is Role.STANDBY:
            self._follow(other, now_s)
        elif self.role is Role.LEAVING:
            self._go()
        return ()

    def _follow(self, other: int, now_s: float) -> None:
        self.role = Role.STANDBY
        self._is_confirmed = False
        self._followed = other
        self.due_s = now_s + self._pace.timeout_s + self._jitter_s()

    def _take_over(self, now_s: float) -> Sequence[Action]:
        """Subscribed first: whoever hears the word may count on it."""
        self.role = Role.ACTIVE
        self._followed = None
        self._echo_s = now_s
        self.due_s = now_s + self._pace.interval_s
        return (Move.SUBSCRIBE, Word.ACTIVE)

    def _go(self) -> None:
        self.role = Role.GONE
        self.due_s = math.inf

    def _jitter_s(self) -> float:
        return self._pace.spread_s * self._draw()
