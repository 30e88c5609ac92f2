"""What the outbox holds, and how it is named."""

from dataclasses import dataclass

from edge.publish.clock import ClockState
from protos.ids import Lane

ROW_OVERHEAD_BYTES = 64
"""What a row costs beyond its payload, in the file and in memory, generously."""


@dataclass(frozen=True, slots=True, order=True)
class Stream:
    """One lane of one start of the agent: a sequence from 1 without a gap.

    Sorts as it is sent: urgent lanes first, and the oldest start first.

    Attributes:
        lane: its priority.
        age: number of the start in this outbox; later starts have larger ones.
        boot: the start's random bits, its name everywhere else.
    """

    lane: Lane
    age: int
    boot: int


@dataclass(frozen=True, slots=True)
class Row:
    """One durable event.

    Attributes:
        seq: its number in its stream.
        captured_ns: Unix time of its frame.
        clock: what was known of the clock when it was appended.
        payload: the wire's `Event`, seq included.
    """

    seq: int
    captured_ns: int
    clock: ClockState
    payload: bytes


@dataclass(frozen=True, slots=True)
class SeqRange:
    """Events first to last, both included, of a stream named as the wire names it."""

    boot: int
    lane: Lane
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits in the outbox.

    Attributes:
        rows: durable events without a receipt.
        bytes: what they occupy, payload and overhead.
        oldest_ns: captured time of the oldest, 0 when empty.
        lost: events given up since this start of the agent.
        set_aside: of the rows, those that the broker refuses for now.
        staged: events in memory that no commit has reached yet.
    """

    rows: int
    bytes: int
    oldest_ns: int
    lost: int
    set_aside: int
    staged: int
