"""Bridges that elect one over a network that delays, loses and dies, in simulated time."""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from cloud.bridge.election import Candidate, Move, Pace, Role, Said, Word


@dataclass
class Node:
    """One bridge.

    Attributes:
        candidate: of its connection; None where it has none.
        subscribed: as the broker sees it.
        was_active: when its last connection broke.
        stalled_until_s: it does and hears nothing until then; what came waits for it.
    """

    candidate: Candidate | None = None
    subscribed: bool = False
    was_active: bool = False
    stalled_until_s: float = 0.0
    arrivals_s: dict[int, float] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        return self.candidate is not None


class World:
    """Time goes on by `run`; between the runs, things happen to the bridges.

    Args:
        count: bridges, none of them connected yet.
        pace: theirs.
        rng: of ids, jitters, delays and losses.
        delay_s: no message takes longer while the network is well.
    """

    def __init__(self, count: int, pace: Pace, rng: random.Random, delay_s: float) -> None:
        self.now_s = 0.0
        self.loss = 0.0
        self.worst_delay_s = delay_s
        self.nodes = [Node() for _ in range(count)]
        self.spans: list[tuple[float, float, int]] = []
        """(from, until, how many were subscribed), in order."""
        self._pace = pace
        self._rng = rng
        self._delay_s = delay_s
        self._order = itertools.count()
        self._mail: list[tuple[float, int, Callable[[], None]]] = []

    def calm_down(self) -> None:
        """No more losses nor long delays, nor of what is on its way."""
        self.loss, self.worst_delay_s = 0.0, self._delay_s
        latest_s = self.now_s + self._delay_s
        self._mail = sorted((min(at_s, latest_s), order, act) for at_s, order, act in self._mail)
        for node in self.nodes:
            node.stalled_until_s = min(node.stalled_until_s, self.now_s)
            for sender in node.arrivals_s:
                node.arrivals_s[sender] = min(node.arrivals_s[sender], latest_s)

    def connect(self, number: int) -> None:
        """A bridge starts, or comes back; one that is about to end is replaced."""
        node = self.nodes[number]
        if node.candidate is not None and node.candidate.role is not Role.LEAVING:
            return
        self.cut(number)
        own = self._rng.getrandbits(64)
        node.candidate = Candidate(
            own, self._pace, self.now_s, was_active=node.was_active, draw=self._rng.random
        )
        node.was_active = False
        self._act(number, node.candidate.begin())

    def cut(self, number: int, will_after_s: float = 0.0, *, forgets: bool = True) -> None:
        """A connection ends without a goodbye; the broker notices after a while."""
        node = self.nodes[number]
        if node.candidate is None:
            return
        own = node.candidate.own
        node.was_active = not forgets and node.candidate.role is Role.ACTIVE
        node.candidate = None
        node.subscribed = False
        node.stalled_until_s = 0.0
        self._post(will_after_s, lambda: self._say(number, Said(own, Word.LEAVES)))

    def leave(self, number: int) -> None:
        """SIGTERM; the connection ends in order as soon as the bridge may go."""
        node = self.nodes[number]
        if node.candidate is not None:
            self._act(number, node.candidate.leave(self.now_s))
            self._end_if_gone(node)

    def stall(self, number: int, for_s: float) -> None:
        """A bridge does nothing for a while, as its machine is busy with something else."""
        self.nodes[number].stalled_until_s = self.now_s + for_s

    def run(self, for_s: float) -> None:
        """Let so much time pass."""
        until_s = self.now_s + for_s
        while True:
            number, at_s = self._next_tick()
            mail_s = self._mail[0][0] if self._mail else math.inf
            next_s = max(self.now_s, min(at_s, mail_s))
            if next_s > until_s:
                self._advance(until_s)
                return
            self._advance(next_s)
            if mail_s <= at_s:
                heapq.heappop(self._mail)[2]()
            else:
                self._tick(number)

    @property
    def active(self) -> list[int]:
        """The bridges that think that they are."""
        return [
            number
            for number, node in enumerate(self.nodes)
            if node.candidate is not None and node.candidate.role is Role.ACTIVE
        ]

    @property
    def subscribed(self) -> list[int]:
        """The bridges that get the devices' messages."""
        return [number for number, node in enumerate(self.nodes) if node.subscribed]

    def longest_s(self, wrong: Callable[[int], bool]) -> float:
        """The longest time without an end in which the number of subscribed ones was wrong."""
        longest_s = since_s = 0.0
        for begin_s, end_s, count in self.spans:
            since_s = since_s + end_s - begin_s if wrong(count) else 0.0
            longest_s = max(longest_s, since_s)
        return longest_s

    def _advance(self, to_s: float) -> None:
        if to_s > self.now_s:
            self.spans.append((self.now_s, to_s, len(self.subscribed)))
            self.now_s = to_s

    def _next_tick(self) -> tuple[int, float]:
        due = [
            (max(node.candidate.due_s, node.stalled_until_s), number)
            for number, node in enumerate(self.nodes)
            if node.candidate is not None
        ]
        at_s, number = min(due, default=(math.inf, -1))
        return number, at_s

    def _tick(self, number: int) -> None:
        node = self.nodes[number]
        assert node.candidate is not None
        self._act(number, node.candidate.tick(self.now_s))
        self._end_if_gone(node)

    def _act(self, number: int, actions: object) -> None:
        node = self.nodes[number]
        assert node.candidate is not None
        assert isinstance(actions, tuple)
        for action in actions:
            if isinstance(action, Move):
                node.subscribed = action is Move.SUBSCRIBE
            else:
                self._say(number, Said(node.candidate.own, action))

    def _say(self, sender: int, said: Said) -> None:
        """To everybody, the sender too; in order from each to each, as a broker promises."""
        for number, node in enumerate(self.nodes):
            if node.candidate is None or self._rng.random() < self.loss:
                continue
            at_s = self.now_s + self._rng.uniform(0.0, self.worst_delay_s)
            at_s = max(at_s, node.arrivals_s.get(sender, 0.0))
            node.arrivals_s[sender] = at_s
            self._post(at_s - self.now_s, self._delivery(number, node.candidate.own, said))

    def _delivery(self, number: int, connection: int, said: Said) -> Callable[[], None]:
        def deliver() -> None:
            node = self.nodes[number]
            if node.candidate is None or node.candidate.own != connection:
                return
            if node.stalled_until_s > self.now_s:
                self._post(node.stalled_until_s - self.now_s, deliver)
                return
            self._act(number, node.candidate.hear(said, self.now_s))
            self._end_if_gone(node)

        return deliver

    def _post(self, after_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._mail, (self.now_s + after_s, next(self._order), act))

    def _end_if_gone(self, node: Node) -> None:
        if node.candidate is not None and node.candidate.role is Role.GONE:
            node.candidate = None
            node.subscribed = False
