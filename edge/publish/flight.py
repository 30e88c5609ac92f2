"""What to send next, and what to send again: every rule of it, and no I/O.

An event is to do, on its way (sent, until its receipt), or aside. It leaves by a receipt, or
because it is gone from the outbox. Times are seconds of one monotonic clock, handed in.

What is fresh goes at once. Old events (todo.py) go at a pace, no more of them at a time than
receipts allow, and they leave half of the window to what is fresh.

Finding what a broker refuses (decision 9; measured with Mosquitto 2.0: it answers PUBACK 0x87,
or 0 on MQTT 3.1.1, and then closes): a connection that closes blames every message that has no
PUBACK, or a fresh one. As soon as a message was blamed once less than it takes, suspects
travel alone, each until its PUBACK has settled; the one on which the connection closes then is
set aside. The next message of its lane travels alone as well: when it is refused too, the
whole lane is.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from edge.publish.congestion import Congestion
from edge.publish.gates import Cause, Gate
from edge.publish.pace import Pace
from edge.publish.ranges import Ranges
from edge.publish.receipt_timeout import ReceiptTimeout
from edge.publish.rows import Stream
from edge.publish.settings import ForwarderSettings
from edge.publish.todo import LIVE_S, Candidate, Todo
from edge.publish.trials import Sent, Trials
from edge.publish.window import Window
from protos.ids import Lane
from wayside.backoff import Backoff
from wayside.mqtt.messages import FIRST_FAILURE, SUCCESS


@dataclass(frozen=True, slots=True)
class Choice:
    """Send a batch that begins with `first`, of events up to `last`."""

    stream: Stream
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message was set aside, or with `whole_lane` all that its lane has."""

    stream: Stream
    first: int
    last: int
    reason: str
    whole_lane: bool


class Flight:
    """The state of what is to be sent, is on its way, or is set aside.

    Args:
        settings: limits and waits.
        new_backoff: makes the waits while nobody subscribes, from shortest and longest.
        share: a number from 0 to 1 by chance: of the wait before a replay.

    Attributes:
        timeout: how long receipts may take, and take.
        congestion: how many old batches may be without a receipt.
    """

    def __init__(
        self,
        settings: ForwarderSettings,
        new_backoff: Callable[[float, float], Backoff] = Backoff,
        share: Callable[[], float] = random.random,
    ) -> None:
        self.timeout = ReceiptTimeout(
            settings.receipt_timeout_min_s,
            settings.receipt_timeout_max_s,
            settings.receipt_timeout_factor,
        )
        self.congestion = Congestion(settings.max_awaiting // 2)
        self._pace = Pace(settings.replay_max_per_s, settings.replay_start_max_s, share)
        self._settings = settings
        self._up = False
        self._known: dict[Stream, int] = {}
        self._todo = Todo()
        self._aside: dict[Stream, Ranges] = {}
        self._aside_until_s: dict[Lane, float] = {}
        self._window = Window(settings.settle_s)
        self._trials = Trials()
        self._blamed = False
        self._progress_s = 0.0
        self._newest_stored_s = float("-inf")
        self._gates = {
            lane: Gate(
                new_backoff(settings.nobody_retry_initial_s, settings.nobody_retry_max_s),
                settings.aside_retry_s,
            )
            for lane in Lane
        }

    @property
    def on_the_way(self) -> int:
        """Messages without a receipt, with or without PUBACK."""
        return len(self._window)

    @property
    def backlog(self) -> int:
        """Old events that are still to be sent."""
        return self._todo.old

    @property
    def aside(self) -> int:
        """Events that are set aside."""
        return sum(held.count for held in self._aside.values())

    # What happens.

    def connected(self, now_s: float) -> None:
        """A connection stands."""
        self._up = True
        self._progress_s = now_s
        self._todo.age()
        self._pace.begin(self._todo.old, now_s)

    def disconnected(self, now_s: float, *, blame: bool = True) -> list[Refusal]:
        """The connection is gone: everything without a receipt is to be sent again.

        Args:
            now_s: now.
            blame: False where the network is known to be the cause.
        """
        self._settle(now_s)
        self._up = False
        unsettled = self._window.unsettled()
        for sent in self._window.clear():
            self._todo.add_old(sent.stream, sent.first, sent.last)
        if not blame:
            return []
        for sent in unsettled:
            sent.trial.blames += 1
            self._blamed = True
        if len(unsettled) != 1:
            return []
        (alone,) = unsettled
        enough = alone.trial.blames >= self._settings.refusals_before_aside
        if enough or self._gates[alone.stream.lane].refused:
            return self._put_aside(alone, "the connection closes on it", now_s)
        return []

    def available(self, stream: Stream, last: int, now_s: float) -> None:
        """The stream has durable events up to `last`."""
        first = self._known.get(stream, 0) + 1
        if last < first:
            return
        self._known[stream] = last
        gate = self._gates[stream.lane]
        if gate.refused and gate.closed(now_s):
            self._aside.setdefault(stream, Ranges()).add(first, last)
            return
        if not self._up or gate.cause is Cause.NOBODY:
            self._todo.add_old(stream, first, last)
            return
        linger_s = 0.0 if stream.lane is Lane.ALARM else self._settings.linger_ms / 1000
        self._todo.add(stream, first, last, now_s + linger_s)

    def gone(self, stream: Stream, first: int, last: int) -> None:
        """The outbox has none of these events."""
        self._forget(stream, first, last)

    def sending(self, stream: Stream, first: int, last: int, now_s: float) -> tuple[int, bool]:
        """A message is about to be handed to the connection.

        Returns:
            the token that names it, and True where it went out before.
        """
        old = self._todo.take(stream, first, last)
        if old:
            self._pace.spend(old, now_s)
        if self._window.unacked == 0:
            self._progress_s = now_s
        trial = self._trials.begin(stream, first, last)
        token = self._window.begin(Sent(stream, first, last, trial, now_s, old=old > 0))
        return token, trial.sends > 1

    def not_sent(self, token: int) -> None:
        """There was no connection after all; wait for the next one."""
        self._up = False
        sent = self._window.drop(token)
        if sent is not None:
            sent.trial.sends -= 1
            self._todo.add_old(sent.stream, sent.first, sent.last)

    def answered(self, token: int, code: int, now_s: float) -> tuple[Sent | None, list[Refusal]]:
        """PUBACK.

        Returns:
            the message where the broker took it and somebody else too, and refusals.
        """
        sent = self._window.get(token)
        if sent is None or sent.acked_s is not None:
            return None, []
        self._progress_s = now_s
        gate = self._gates[sent.stream.lane]
        if code == SUCCESS:
            self._window.acked(token, now_s + self.timeout.after(sent.trial.overdue), now_s)
            sent.trial.first_puback_s = sent.trial.first_puback_s or now_s
            if not gate.refused:
                gate.accepted()
            return sent, []
        self._window.drop(token)
        if code >= FIRST_FAILURE:
            return None, self._put_aside(sent, f"PUBACK reason code 0x{code:02x}", now_s)
        gate.nobody_there(now_s)
        sent.trial.sends -= 1
        sent.trial.blames = 0
        self._todo.add_old(sent.stream, sent.first, sent.last)
        return None, []

    def stored(self, stream: Stream, first: int, last: int, now_s: float) -> None:
        """A receipt for these events."""
        for token, sent in self._window.overlapping(stream, first, last):
            self._newest_stored_s = max(self._newest_stored_s, sent.sent_s)
            if first <= sent.first and sent.last <= last:
                if sent.trial.first_puback_s is not None:
                    self.timeout.observe(now_s - sent.trial.first_puback_s)
                if not sent.trial.overdue:
                    self.congestion.in_time()
                self._window.drop(token)
        self._forget(stream, first, last)

    def tick(self, now_s: float) -> list[Refusal]:
        """Let time pass: receipts that are overdue, PUBACKs that have settled, new attempts."""
        self._settle(now_s)
        self._todo.age(now_s - LIVE_S)
        for lane in [lane for lane, until_s in self._aside_until_s.items() if until_s <= now_s]:
            self._readmit(lane)
        refusals: list[Refusal] = []
        for sent in self._window.overdue(now_s):
            sent.trial.overdue += 1
            self.congestion.overdue(now_s, self.timeout.after(0))
            self.timeout.missed(now_s)
            sent.trial.missed += self._newest_stored_s > sent.sent_s
            if sent.trial.missed >= self._settings.refusals_before_aside:
                refusals += self._put_aside(sent, "others get receipts, it gets none", now_s)
            else:
                self._todo.add_old(sent.stream, sent.first, sent.last)
        return refusals

    # What follows.

    def choose(self, now_s: float) -> Choice | None:
        """What to send now, or None."""
        if not self._up or self._window.unacked >= self._settings.window:
            return None
        suspects, candidates = self._suspects(), self._todo.candidates()
        if suspects or self._doubts(now_s):
            if self._window.unsettled():
                return None
            candidates.sort(key=lambda one: not self._gates[one.stream.lane].refused)
            for stream, first in suspects:
                found = self._todo.starting_at(stream, first)
                if found and not self._gates[stream.lane].closed(now_s):
                    return Choice(stream, *found)
        for one in candidates:
            if self._may_send(one, now_s):
                return Choice(one.stream, one.first, one.last)
        return None

    def wake_s(self, now_s: float) -> float | None:
        """The next time at which time alone changes something, None where only an event can.

        Args:
            now_s: the time at which `tick` and `choose` were last asked.
        """
        if not self._up:
            return None
        times = [*self._aside_until_s.values(), *self._window.next_s()]
        times += [
            max(one.ready_s, self._gates[one.stream.lane].wait_until(), self._opens_s(one))
            for one in self._todo.candidates()
        ]
        if self._window.unacked:
            times.append(self._progress_s + self._settings.puback_timeout_s)
        return min((time_s for time_s in times if time_s > now_s), default=None)

    def stuck(self, now_s: float) -> bool:
        """True where the broker has answered nothing for too long."""
        silent_s = now_s - self._progress_s
        waits = self._up and self._window.unacked > 0
        return waits and silent_s >= self._settings.puback_timeout_s

    # How.

    def _suspects(self) -> list[tuple[Stream, int]]:
        """Messages to send that were blamed once less than it takes: each travels alone."""
        if not self._blamed:
            return []
        least = max(1, self._settings.refusals_before_aside - 1)
        blamed = list(self._trials.blamed(least))
        self._blamed = bool(blamed)
        return [(stream, seq) for stream, seq in blamed if self._todo.starting_at(stream, seq)]

    def _doubts(self, now_s: float) -> bool:
        """True while a message that shows whether its lane is refused is out, or to be sent."""
        doubted = {lane for lane, gate in self._gates.items() if gate.refused}
        return any(self._window.unsettled(lane) for lane in doubted) or any(
            stream.lane in doubted
            and not self._gates[stream.lane].closed(now_s)
            and self._window.awaiting(stream.lane) < self._settings.max_awaiting
            for stream in self._todo.streams()
        )

    def _may_send(self, one: Candidate, now_s: float) -> bool:
        lane, gate = one.stream.lane, self._gates[one.stream.lane]
        full = one.last - one.first + 1 >= self._settings.max_batch_events
        return (
            self._window.awaiting(lane) < self._settings.max_awaiting
            and not gate.closed(now_s)
            and not (gate.trying and self._window.unsettled(lane))
            and (full or now_s >= one.ready_s)
            and (gate.refused or self._has_its_turn(one, now_s))
        )

    def _has_its_turn(self, one: Candidate, now_s: float) -> bool:
        return not one.old or (
            now_s >= self._opens_s(one) and not self._old_have_their_share(one.stream.lane)
        )

    def _opens_s(self, one: Candidate) -> float:
        urgent = one.stream.lane is Lane.ALARM
        return self._pace.opens_s(urgent=urgent) if one.old else float("-inf")

    def _old_have_their_share(self, lane: Lane) -> bool:
        return (
            self._window.old_unacked >= max(1, self._settings.window // 2)
            or self._window.old_awaiting(lane) >= int(self.congestion.window)
        )  # fmt: skip

    def _settle(self, now_s: float) -> None:
        for sent in self._window.settle(now_s):
            sent.trial.blames = 0
            gate = self._gates[sent.stream.lane]
            if gate.refused:
                gate.accepted()

    def _put_aside(self, sent: Sent, reason: str, now_s: float) -> list[Refusal]:
        """Set the message aside, its whole lane where it is the second one; what is news of it."""
        stream, lane = sent.stream, sent.stream.lane
        gate = self._gates[lane]
        refused, known = gate.refused, gate.refused and gate.closed(now_s)
        self._forget(stream, sent.first, sent.last)
        self._aside.setdefault(stream, Ranges()).add(sent.first, sent.last)
        self._aside_until_s[lane] = now_s + self._settings.aside_retry_s
        if refused:
            gate.refuse(now_s)
            for other, first, last in self._todo.take_lane(lane):
                self._aside.setdefault(other, Ranges()).add(first, last)
        else:
            gate.doubt()
        return [] if known else [Refusal(stream, sent.first, sent.last, reason, refused)]

    def _readmit(self, lane: Lane) -> None:
        del self._aside_until_s[lane]
        for stream in [stream for stream in self._aside if stream.lane is lane]:
            for first, last in self._aside.pop(stream):
                self._todo.add_old(stream, first, last)
        self._gates[lane].doubt()

    def _forget(self, stream: Stream, first: int, last: int) -> None:
        self._todo.take(stream, first, last)
        self._trials.end(stream, first, last)
        if stream in self._aside:
            self._aside[stream].remove(first, last)
            if not self._aside[stream]:
                del self._aside[stream]
