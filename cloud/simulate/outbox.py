"""Batches until their receipts, in memory. No I/O.

It forgets by receipts alone, as a device's real outbox does; a PUBACK only starts the time
after which a batch without a receipt goes out again.
"""

import math
from dataclasses import dataclass, field

from protos.ids import Lane

_MAX_DOUBLINGS = 5
_TIMES_OBSERVED = 4.0
_GAIN_UP, _GAIN_DOWN = 1 / 2, 1 / 8
"""Of the smoothed time to a receipt, as in the agent (edge/publish/receipt_timeout.py)."""


@dataclass(slots=True, eq=False)
class Batch:
    """A payload for the wire, and which of its events have no receipt.

    Attributes:
        first: seq of its first event.
        last: seq of its last event.
        missing: seqs without a receipt.
        sent_s: when it went out first, None before.
        taken_s: when it had a PUBACK first, None before.
        due_s: when it goes out again; infinite until a PUBACK.
        sendings: how often it went out.
    """

    lane: Lane
    first: int
    last: int
    payload: bytes
    missing: set[int] = field(init=False)
    sent_s: float | None = None
    taken_s: float | None = None
    due_s: float = math.inf
    sendings: int = 0

    def __post_init__(self) -> None:
        self.missing = set(range(self.first, self.last + 1))


class Outbox:
    """What a device has made and has no receipt for.

    Args:
        receipt_timeout_s: s after PUBACK before a batch is due again, at least; doubled with
            each sending, and some times what receipts take, so that a slow cloud is not flooded.

    Attributes:
        last_seqs: the last seq of every lane, also of what is long forgotten.
    """

    def __init__(self, receipt_timeout_s: float) -> None:
        self._receipt_timeout_s = receipt_timeout_s
        self._observed_s = 0.0
        self._batches: dict[Lane, dict[int, Batch]] = {}
        self.last_seqs: dict[Lane, int] = {}

    @property
    def rows(self) -> int:
        """Events without a receipt."""
        return sum(len(batch.missing) for batch in self.waiting())

    def next_seq(self, lane: Lane) -> int:
        """The seq that the next event of a lane will have."""
        return self.last_seqs.get(lane, 0) + 1

    def append(self, lane: Lane, count: int, payload: bytes) -> Batch:
        """Keep the payload of the lane's next `count` events."""
        first = self.next_seq(lane)
        batch = Batch(lane, first, first + count - 1, payload)
        self._batches.setdefault(lane, {})[first] = batch
        self.last_seqs[lane] = batch.last
        return batch

    def waiting(self) -> list[Batch]:
        """Every batch without a receipt, in order of seq within its lane."""
        return [batch for batches in self._batches.values() for batch in batches.values()]

    def due(self, now_s: float) -> list[Batch]:
        """Batches whose receipt is overdue."""
        return [batch for batch in self.waiting() if batch.due_s <= now_s]

    def sending(self, batch: Batch, now_s: float) -> bool:
        """A batch goes out; True where it went out before."""
        batch.sendings += 1
        batch.due_s = math.inf
        if batch.sent_s is None:
            batch.sent_s = now_s
        return batch.sendings > 1

    def taken(self, batch: Batch, now_s: float) -> None:
        """The broker has it: wait so long for the receipt."""
        if batch.taken_s is None:
            batch.taken_s = now_s
        doublings = min(max(0, batch.sendings - 1), _MAX_DOUBLINGS)
        once_s = max(self._receipt_timeout_s, _TIMES_OBSERVED * self._observed_s)
        batch.due_s = now_s + once_s * 2.0**doublings

    def stored(self, lane: Lane, first: int, last: int, now_s: float) -> list[Batch]:
        """Forget what a receipt names; returns the batches that are stored whole by it."""
        batches = self._batches.get(lane, {})
        whole = []
        for batch in [one for one in batches.values() if one.first <= last and first <= one.last]:
            batch.missing.difference_update(
                range(max(first, batch.first), min(last, batch.last) + 1)
            )
            if not batch.missing:
                del batches[batch.first]
                whole.append(batch)
                if batch.taken_s is not None:
                    self._observe(now_s - batch.taken_s)
        return whole

    def _observe(self, seconds: float) -> None:
        gain = _GAIN_UP if seconds > self._observed_s else _GAIN_DOWN
        self._observed_s += gain * (seconds - self._observed_s)
