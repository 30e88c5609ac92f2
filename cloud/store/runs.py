"""Runs: seqs of one (device, boot, lane) without a gap."""

from collections.abc import Iterable
from dataclasses import dataclass

from protos.ids import EventId, Lane

Stream = tuple[str, int, Lane]
"""Device, boot, lane."""


@dataclass(frozen=True, slots=True)
class Run:
    """The seqs from `first_seq` to `last_seq`, both included."""

    first_seq: int
    last_seq: int


def merged(runs: Iterable[Run]) -> list[Run]:
    """The same seqs in the fewest runs, in order."""
    result: list[Run] = []
    for run in sorted(runs, key=lambda run: run.first_seq):
        if result and run.first_seq <= result[-1].last_seq + 1:
            last = result[-1]
            result[-1] = Run(last.first_seq, max(last.last_seq, run.last_seq))
        else:
            result.append(run)
    return result


def runs_of(ids: Iterable[EventId]) -> dict[Stream, list[Run]]:
    """The runs that a set of events is made of, by stream."""
    streams: dict[Stream, set[int]] = {}
    for event_id in ids:
        stream = (event_id.device, event_id.boot, event_id.lane)
        streams.setdefault(stream, set()).add(event_id.seq)
    return {stream: runs(seqs) for stream, seqs in streams.items()}


def runs(numbers: Iterable[int]) -> list[Run]:
    """The runs of different seqs, at least one, in order."""
    seqs = sorted(numbers)
    ends = [at for at in range(1, len(seqs)) if seqs[at] != seqs[at - 1] + 1]
    return [
        Run(seqs[first], seqs[end - 1])
        for first, end in zip([0, *ends], [*ends, len(seqs)], strict=True)
    ]
