"""Losses in fewer records, as exact as there is room for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from protos.ids import Lane


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that will never arrive.

    Attributes:
        boot: of the start that made them, 0 where that is not known, or of several.
        lane: their lane, or None where a broken file did not tell.
        first: their first seq, 0 where they never had one or it is not known.
        last: their last seq, 0 where they never had one or it is not known.
        count: how many, 0 where a broken file did not tell.
        reason: in words.
    """

    boot: int
    lane: Lane | None
    first: int
    last: int
    count: int
    reason: str


_Joined = tuple[Loss, list[int]]
_Key = Callable[[Loss], tuple[object, ...]]


def condense(losses: Mapping[int, Loss], limit: int) -> list[_Joined]:
    """The same losses in at most `limit` records, or in one for each lane and reason.

    First neighbours are joined, which loses nothing. Where that is not enough, all of one
    start, lane and reason are: their count then says how many of the range are lost. At last
    those of all starts are, and only lane, reason and count are left. The sum of the counts
    is always that of the records.

    Args:
        losses: the records by their ids.
        limit: how many may be left.

    Returns:
        each record that is left, and the ids of those that are in it.
    """
    joined = [(loss, [number]) for number, loss in losses.items()]
    for key, only_neighbours in ((_of_start, True), (_of_start, False), (_of_lane, False)):
        if len(joined) > limit:
            joined = _join(joined, key, only_neighbours=only_neighbours)
    return joined


def _of_start(loss: Loss) -> tuple[object, ...]:
    # Events that never had a seq lie in no range, so they are apart.
    return loss.lane or 0, loss.reason, loss.boot, loss.first == 0


def _of_lane(loss: Loss) -> tuple[object, ...]:
    return loss.lane or 0, loss.reason


def _join(joined: list[_Joined], key: _Key, *, only_neighbours: bool) -> list[_Joined]:
    out: list[_Joined] = []
    for loss, numbers in sorted(joined, key=lambda item: (key(item[0]), item[0].first)):
        if out and key(out[-1][0]) == key(loss):
            before, known = out[-1]
            if not only_neighbours or loss.first <= before.last + 1:
                out[-1] = (_both(before, loss), known + numbers)
                continue
        out.append((loss, numbers))
    return out


def _both(one: Loss, other: Loss) -> Loss:
    """One record of two that have lane and reason in common; `one` begins first."""
    count = one.count + other.count
    if one.boot != other.boot or 0 in (one.first, other.first):
        same = one.boot if one.boot == other.boot else 0
        return replace(one, boot=same, first=0, last=0, count=count)
    return replace(one, last=max(one.last, other.last), count=count)
