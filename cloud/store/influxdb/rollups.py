"""Which minutes of a question rollups answer, and which a round counts again (decision 42).

A rollup is what one count of a minute's points said: by kind and class, of the whole fleet. Each
start of the job is an epoch, which writes rollups of its own; a state says what they stand for.

What a state promises of the minutes from `since_ns` until `until_ns`: the newest rollup of one
was counted after each write that its places name was there, and after each erasure that it names
had ended. So where no later write and no other erasure touches a minute, its newest rollup counts
every acknowledged event of it; where none is found, whyever, its points have to be counted.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cloud.store.questions import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
HOUR_NS = 3600 * NS_PER_S

LONGEST_PAUSE_NS = HOUR_NS
"""An epoch without a round for longer is not gone on with, nor read, by whoever's clock."""

_CURRENT_NS = 300 * NS_PER_S
"""An epoch whose state is so much older than another's is taken for ended."""

_LATE_NS = 30 * NS_PER_S
"""A minute waits so long after its end until it is counted first, as events are on their way."""

Span = tuple[int, int]
"""From, and up to but without, a time in ns."""


@dataclass(frozen=True, slots=True)
class Mark:
    """That events of a range are being deleted, or were.

    Attributes:
        at_ns: when it began; tells it from others.
        device: as text; empty: all.
        done: the deletion has ended.
    """

    at_ns: int
    device: str
    span: Span
    done: bool = False

    def holds(self, other: "Mark") -> bool:
        """Whether this one's deletion does all that the other's does."""
        begins, ends = self.span[0] <= other.span[0], other.span[1] <= self.span[1]
        return begins and ends and self.device in ("", other.device)


@dataclass(frozen=True, slots=True)
class State:
    """What the rollups of an epoch stand for, after one of its rounds.

    Attributes:
        at_ns: when the round began.
        places: by writer, the time of the last entry of the journal that was read.
        since_ns: begin of the first minute that is rolled up.
        until_ns: end of the last.
        marks: `at_ns` of the erasures after whose end their minutes were counted.
    """

    at_ns: int
    places: Mapping[str, int]
    since_ns: int
    until_ns: int
    marks: frozenset[int] = frozenset()

    def text(self) -> str:
        """As one value, so that it is there whole or not at all; without `at_ns`."""
        parts = {
            "places": dict(self.places), "since_ns": self.since_ns, "until_ns": self.until_ns,
            "marks": sorted(self.marks),
        }  # fmt: skip
        return json.dumps(parts, separators=(",", ":"))

    @classmethod
    def of_text(cls, at_ns: int, text: str) -> "State":
        """What `text` made the text of."""
        parts = json.loads(text)
        return cls(
            at_ns, parts["places"], parts["since_ns"], parts["until_ns"], frozenset(parts["marks"])
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A round.

    Attributes:
        spans: whole minutes to count, newest first.
        state: what holds once all of them are written.
        behind: there is more to do at once.
    """

    spans: Sequence[Span]
    state: State
    behind: bool


def first_state(now_ns: int, places: Mapping[str, int]) -> State:
    """Of an epoch that begins: it stands for nothing yet, but knows where the journal ends."""
    begin_ns = (now_ns - _LATE_NS) // MINUTE_NS * MINUTE_NS
    return State(now_ns, dict(places), begin_ns, begin_ns)


def planned(
    state: State,
    now_ns: int,
    floor_ns: int,
    read: tuple[Mapping[str, int], Sequence[Span]],
    marks: Iterable[Mark],
) -> Plan:
    """The next round, after `state`; the next one too if this one fails.

    What a round that failed has written is written anew by the next one, under a higher number:
    it begins where that one began, and its spans hold all of that one's.

    Args:
        state: after the last round that did not fail.
        now_ns: its begin.
        floor_ns: where rolling up backwards ends; the same for all rounds of an epoch.
        read: the places now, and what the entries after those of the state touch.
        marks: all that there are, read before anything is counted.
    """
    places, written = read
    ended = [mark for mark in marks if mark.done]
    since_ns = state.since_ns
    if since_ns > floor_ns:
        since_ns = max(floor_ns, since_ns - HOUR_NS) // MINUTE_NS * MINUTE_NS
    until_ns = max(state.until_ns, (now_ns - _LATE_NS) // MINUTE_NS * MINUTE_NS)
    again = [*written, *(mark.span for mark in ended if mark.at_ns not in state.marks)]
    spans = merged([
        (since_ns, state.since_ns), (state.until_ns, until_ns),
        *clipped(map(minutes_of, again), (state.since_ns, state.until_ns)),
    ])  # fmt: skip
    after = State(
        max(now_ns, state.at_ns + 1), dict(places), since_ns, until_ns,
        state.marks.union(mark.at_ns for mark in ended),
    )  # fmt: skip
    return Plan(spans[::-1], after, behind=since_ns > floor_ns)


def chosen(states: Mapping[str, State], asked: Span, now_ns: int) -> str | None:
    """The epoch that answers most of a range, the newest of several; None: there is none."""
    known = {
        epoch: state
        for epoch, state in states.items()
        if abs(now_ns - state.at_ns) <= LONGEST_PAUSE_NS
    }
    if not known:
        return None
    newest_ns = max(state.at_ns for state in known.values())

    def worth(epoch: str) -> tuple[int, int]:
        state = known[epoch]
        both = clipped([asked], (state.since_ns, state.until_ns))
        return sum(until - since for since, until in both), state.at_ns

    return max((e for e, s in known.items() if newest_ns - s.at_ns <= _CURRENT_NS), key=worth)


def clean(state: State, asked: Span, written: Iterable[Span], marks: Iterable[Mark]) -> list[Span]:
    """The whole minutes of a range of which the newest rollups hold.

    Args:
        state: read first of all.
        asked: the range.
        written: what the entries after the state's places touch, read after it.
        marks: all that there are, read after the state.
    """
    since_ns, until_ns = -(-asked[0] // MINUTE_NS) * MINUTE_NS, asked[1] // MINUTE_NS * MINUTE_NS
    whole = clipped([(since_ns, until_ns)], (state.since_ns, state.until_ns))
    erased = [mark.span for mark in marks if mark.at_ns not in state.marks]
    return without(whole, map(minutes_of, [*written, *erased]))


def minutes_of(span: Span) -> Span:
    """The minutes that a range touches."""
    return span[0] // MINUTE_NS * MINUTE_NS, -(-span[1] // MINUTE_NS) * MINUTE_NS


def clipped(spans: Iterable[Span], within: Span) -> list[Span]:
    """What of them lies within another; none is empty."""
    found = ((max(since, within[0]), min(until, within[1])) for since, until in spans)
    return [(since, until) for since, until in found if since < until]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same times, in order, in spans that neither meet nor overlap."""
    found: list[Span] = []
    for since, until in sorted(span for span in spans if span[0] < span[1]):
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((since, until))
    return found


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """What of spans lies in no hole."""
    gaps = merged(holes)
    found = []
    for since, until in merged(spans):
        at = since
        for begin, end in clipped(gaps, (since, until)):
            if at < begin:
                found.append((at, begin))
            at = end
        if at < until:
            found.append((at, until))
    return found


def at_most(number: int, spans: Iterable[Span]) -> list[Span]:
    """So many spans that hold all of them: the narrowest gaps are closed."""
    found = merged(spans)
    if len(found) <= number:
        return found
    gaps = sorted(range(1, len(found)), key=lambda i: found[i][0] - found[i - 1][1], reverse=True)
    left = sorted(gaps[: number - 1])
    firsts, lasts = [0, *left], [*(i - 1 for i in left), len(found) - 1]
    return [(found[a][0], found[b][1]) for a, b in zip(firsts, lasts, strict=True)]
