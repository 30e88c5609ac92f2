"""What is known of each message that went out: how often, and what became of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.publish.rows import Stream


@dataclass(slots=True)
class Trial:
    """The fate of a message, over all its sendings.

    Attributes:
        sends: how often it went out.
        overdue: how often its receipt did not come in time.
        missed: how often its receipt stayed away while a later message got one.
        blames: how many connections closed while it was not settled.
        first_puback_s: when the broker first took it.
    """

    sends: int = 0
    overdue: int = 0
    missed: int = 0
    blames: int = 0
    first_puback_s: float | None = None


@dataclass(slots=True)
class Sent:
    """A message that is on its way, or waits for its receipt.

    Attributes:
        stream: of its events.
        first: their first seq.
        last: their last seq.
        trial: its fate so far.
        sent_s: when it was handed to the connection.
        old: True where it was not sent as soon as it could be (todo.py).
        acked_s: when its PUBACK came, None before.
    """

    stream: Stream
    first: int
    last: int
    trial: Trial
    sent_s: float
    old: bool = False
    acked_s: float | None = None


class Trials:
    """Trials by the first event of their message."""

    def __init__(self) -> None:
        self._trials: dict[Stream, dict[int, Trial]] = {}

    def begin(self, stream: Stream, first: int, last: int) -> Trial:
        """The trial of a message that goes out now, with what weighs on those it swallowed."""
        known = self._trials.setdefault(stream, {})
        trial = known.setdefault(first, Trial())
        for seq in [seq for seq in known if first < seq <= last]:
            trial.blames = max(trial.blames, known.pop(seq).blames)
        trial.sends += 1
        return trial

    def end(self, stream: Stream, first: int, last: int) -> None:
        """Forget the messages that begin in this range."""
        known = self._trials.get(stream, {})
        for seq in [seq for seq in known if first <= seq <= last]:
            del known[seq]
        if not known:
            self._trials.pop(stream, None)

    def blamed(self, least: int) -> Iterator[tuple[Stream, int]]:
        """Messages on which at least so many connections closed, in the order of sending."""
        for stream in sorted(self._trials):
            for seq, trial in sorted(self._trials[stream].items()):
                if trial.blames >= least:
                    yield stream, seq
