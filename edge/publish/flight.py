"""What to send next, and what to send again: every rule of it, and no I/O.

An event is to do, on its way (sent, until its receipt), or aside. It leaves by a receipt, or
because it is gone from the outbox. Times are seconds of one monotonic clock, handed in.

Finding what a broker refuses (decision 9; measured with Mosquitto 2.0: it answers PUBACK 0x87,
or 0 on MQTT 3.1.1, and then closes): a connection that closes blames every message that has no
PUBACK, or a fresh one. As soon as a message was blamed once less than it takes, suspects
travel alone, each until its PUBACK has settled; the one on which the connection closes then is
set aside. The next message of its lane travels alone as well: when it is refused too, the
whole lane is.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from edge.publish.gates import Gate
from edge.publish.ranges import Ranges
from edge.publish.receipt_timeout import ReceiptTimeout
from edge.publish.rows import Stream
from edge.publish.settings import ForwarderSettings
from edge.publish.trials import Sent, Trials
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
    """The state of what is to be sent, is on its way, or is set aside."""

    def __init__(
        self, settings: ForwarderSettings, new_backoff: Callable[[float, float], Backoff] = Backoff
    ) -> None:
        self._settings = settings
        self._up = False
        self._todo: dict[Stream, Ranges] = {}
        self._ready_s: dict[Stream, float] = {}
        self._known: dict[Stream, int] = {}
        self._aside: dict[Stream, Ranges] = {}
        self._aside_until_s: dict[Lane, float] = {}
        self._sent: dict[int, Sent] = {}
        self._awaiting: Counter[Lane] = Counter()
        self._unacked = 0
        self._settling: dict[int, float] = {}
        self._due: list[tuple[float, int]] = []
        self._token = 0
        self._trials = Trials()
        self._weighed = False
        self._progress_s = 0.0
        self._newest_stored_s = float("-inf")
        self._gates = {
            lane: Gate(
                new_backoff(settings.nobody_retry_initial_s, settings.nobody_retry_max_s),
                settings.aside_retry_s,
            )
            for lane in Lane
        }
        self.timeout = ReceiptTimeout(
            settings.receipt_timeout_min_s,
            settings.receipt_timeout_max_s,
            settings.receipt_timeout_factor,
        )

    @property
    def on_the_way(self) -> int:
        """Messages without a receipt, with or without PUBACK."""
        return len(self._sent)

    @property
    def aside(self) -> int:
        """Events that are set aside."""
        return sum(held.count for held in self._aside.values())

    # What happens.

    def connected(self, now_s: float) -> None:
        """A connection stands."""
        self._up = True
        self._progress_s = now_s

    def disconnected(self, now_s: float, *, blame: bool = True) -> list[Refusal]:
        """The connection is gone: everything without a receipt is to be sent again.

        Args:
            now_s: now.
            blame: False where the network is known to be the cause.
        """
        self._settle(now_s)
        unsettled = [sent for token, sent in self._sent.items() if self._is_unsettled(token)]
        everything = list(self._sent.values())
        self._up = False
        self._sent.clear()
        self._awaiting.clear()
        self._settling.clear()
        self._due.clear()
        self._unacked = 0
        for sent in everything:
            self._again(sent.stream, sent.first, sent.last, now_s)
        if not blame:
            return []
        for sent in unsettled:
            sent.trial.blames += 1
            self._weighed = True
        if len(unsettled) != 1:
            return []
        (sent,) = unsettled
        enough = sent.trial.blames >= self._settings.refusals_before_aside
        if enough or self._gates[sent.stream.lane].refused:
            return self._put_aside(sent, "the connection closes on it", now_s)
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
        linger_s = 0.0 if stream.lane is Lane.ALARM else self._settings.linger_ms / 1000
        self._todo.setdefault(stream, Ranges()).add(first, last)
        self._ready_s.setdefault(stream, now_s + linger_s)

    def gone(self, stream: Stream, first: int, last: int) -> None:
        """The outbox has none of these events."""
        self._forget(stream, first, last)

    def sending(self, stream: Stream, first: int, last: int, now_s: float) -> tuple[int, bool]:
        """A message is about to be handed to the connection.

        Returns:
            the token that names it, and True where it went out before.
        """
        self._token += 1
        self._take(self._todo, stream, first, last)
        trial = self._trials.begin(stream, first, last)
        self._sent[self._token] = Sent(stream, first, last, trial, now_s)
        self._awaiting[stream.lane] += 1
        if self._unacked == 0:
            self._progress_s = now_s
        self._unacked += 1
        return self._token, trial.sends > 1

    def not_sent(self, token: int, now_s: float) -> None:
        """There was no connection after all; wait for the next one."""
        self._up = False
        sent = self._drop(token)
        if sent is not None:
            sent.trial.sends -= 1
            self._again(sent.stream, sent.first, sent.last, now_s)

    def answered(self, token: int, code: int, now_s: float) -> tuple[Sent | None, list[Refusal]]:
        """PUBACK.

        Returns:
            the message where the broker took it and somebody else too, and refusals.
        """
        sent = self._sent.get(token)
        if sent is None or sent.acked_s is not None:
            return None, []
        self._progress_s = now_s
        gate = self._gates[sent.stream.lane]
        if code == SUCCESS:
            self._unacked -= 1
            sent.acked_s = now_s
            sent.trial.first_puback_s = sent.trial.first_puback_s or now_s
            self._settling[token] = now_s + self._settings.settle_s
            heapq.heappush(self._due, (now_s + self.timeout.after(sent.trial.overdue), token))
            if not gate.refused:
                gate.accepted()
            return sent, []
        self._drop(token)
        if code >= FIRST_FAILURE:
            return None, self._put_aside(sent, f"PUBACK reason code 0x{code:02x}", now_s)
        gate.nobody_there(now_s)
        sent.trial.sends -= 1
        sent.trial.blames = 0
        self._again(sent.stream, sent.first, sent.last, now_s)
        return None, []

    def stored(self, stream: Stream, first: int, last: int, now_s: float) -> None:
        """A receipt for these events."""
        for token, sent in list(self._sent.items()):
            if sent.stream != stream or sent.last < first or last < sent.first:
                continue
            self._newest_stored_s = max(self._newest_stored_s, sent.sent_s)
            if first <= sent.first and sent.last <= last:
                if sent.trial.first_puback_s is not None:
                    self.timeout.observe(now_s - sent.trial.first_puback_s)
                self._drop(token)
        self._forget(stream, first, last)

    def tick(self, now_s: float) -> list[Refusal]:
        """Let time pass: receipts that are overdue, PUBACKs that have settled, new attempts."""
        self._settle(now_s)
        for lane, until_s in list(self._aside_until_s.items()):
            if until_s <= now_s:
                self._readmit(lane, now_s)
        refusals: list[Refusal] = []
        while self._due and self._due[0][0] <= now_s:
            _, token = heapq.heappop(self._due)
            sent = self._drop(token)
            if sent is None:
                continue
            sent.trial.overdue += 1
            sent.trial.missed += self._newest_stored_s > sent.sent_s
            if sent.trial.missed >= self._settings.refusals_before_aside:
                refusals += self._put_aside(sent, "others get receipts, it gets none", now_s)
            else:
                self._again(sent.stream, sent.first, sent.last, now_s)
        return refusals

    # What follows.

    def choose(self, now_s: float) -> Choice | None:
        """What to send now, or None."""
        if not self._up or self._unacked >= self._settings.window:
            return None
        if self._careful(now_s):
            if self._unacked or self._settling:
                return None
            for stream, first in self._suspects():
                found = self._todo[stream].starting_at(first)
                if found and not self._gates[stream.lane].closed(now_s):
                    return Choice(stream, *found)
        for stream in sorted(self._todo):
            if self._may_send(stream, now_s):
                return Choice(stream, *self._todo[stream].first())
        return None

    def wake_s(self, now_s: float) -> float | None:
        """The next time at which time alone changes something, None where only an event can.

        Args:
            now_s: the time at which `tick` and `choose` were last asked.
        """
        if not self._up:
            return None
        times = list(self._aside_until_s.values())
        times += [
            max(self._ready_s[stream], self._gates[stream.lane].wait_until())
            for stream in self._todo
        ]
        if self._due:
            times.append(self._due[0][0])
        if self._unacked:
            times.append(self._progress_s + self._settings.puback_timeout_s)
        if self._settling:
            times.append(next(iter(self._settling.values())))
        return min((time_s for time_s in times if time_s > now_s), default=None)

    def stuck(self, now_s: float) -> bool:
        """True where the broker has answered nothing for too long."""
        silent_s = now_s - self._progress_s
        return self._up and self._unacked > 0 and silent_s >= self._settings.puback_timeout_s

    # How.

    def _careful(self, now_s: float) -> bool:
        """True while messages travel one by one, because one of them may be refused."""
        if self._weighed and self._suspects():
            return True
        doubted = {lane for lane, gate in self._gates.items() if gate.refused}
        return bool(doubted) and (
            any(self._trying(lane) for lane in doubted)
            or any(
                stream.lane in doubted
                and not self._gates[stream.lane].closed(now_s)
                and self._awaiting[stream.lane] < self._settings.max_awaiting
                for stream in self._todo
            )
        )

    def _suspects(self) -> list[tuple[Stream, int]]:
        if not self._weighed:
            return []
        least = max(1, self._settings.refusals_before_aside - 1)
        blamed = list(self._trials.blamed(least))
        self._weighed = bool(blamed)
        return [
            (stream, seq)
            for stream, seq in blamed
            if stream in self._todo and seq in self._todo[stream]
        ]

    def _may_send(self, stream: Stream, now_s: float) -> bool:
        gate = self._gates[stream.lane]
        waiting = self._awaiting[stream.lane]
        first, last = self._todo[stream].first()
        full = last - first + 1 >= self._settings.max_batch_events
        return (
            waiting < self._settings.max_awaiting
            and not gate.closed(now_s)
            and not (gate.trying and self._trying(stream.lane))
            and (full or now_s >= self._ready_s[stream])
        )

    def _trying(self, lane: Lane) -> bool:
        return any(
            sent.stream.lane is lane and self._is_unsettled(token)
            for token, sent in self._sent.items()
        )

    def _is_unsettled(self, token: int) -> bool:
        return self._sent[token].acked_s is None or token in self._settling

    def _settle(self, now_s: float) -> None:
        for token in [token for token, until_s in self._settling.items() if until_s <= now_s]:
            del self._settling[token]
            sent = self._sent[token]
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
            for other in [other for other in self._todo if other.lane is lane]:
                for first, last in self._todo.pop(other):
                    self._aside.setdefault(other, Ranges()).add(first, last)
                del self._ready_s[other]
        else:
            gate.doubt()
        return [] if known else [Refusal(stream, sent.first, sent.last, reason, refused)]

    def _readmit(self, lane: Lane, now_s: float) -> None:
        del self._aside_until_s[lane]
        for stream in [stream for stream in self._aside if stream.lane is lane]:
            for first, last in self._aside.pop(stream):
                self._again(stream, first, last, now_s)
        self._gates[lane].doubt()

    def _again(self, stream: Stream, first: int, last: int, now_s: float) -> None:
        self._todo.setdefault(stream, Ranges()).add(first, last)
        self._ready_s[stream] = min(now_s, self._ready_s.get(stream, now_s))

    def _drop(self, token: int) -> Sent | None:
        sent = self._sent.pop(token, None)
        if sent is not None:
            self._awaiting[sent.stream.lane] -= 1
            if sent.acked_s is None:
                self._unacked -= 1
            self._settling.pop(token, None)
        return sent

    def _forget(self, stream: Stream, first: int, last: int) -> None:
        self._take(self._todo, stream, first, last)
        self._take(self._aside, stream, first, last)
        self._trials.end(stream, first, last)

    def _take(self, of: dict[Stream, Ranges], stream: Stream, first: int, last: int) -> None:
        held = of.get(stream)
        if held is None:
            return
        held.remove(first, last)
        if not held:
            del of[stream]
            if of is self._todo:
                del self._ready_s[stream]
