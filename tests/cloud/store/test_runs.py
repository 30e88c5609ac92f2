"""Runs against sets of numbers."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from cloud.store.runs import Run, merged, runs_of
from protos.ids import EventId, Lane

runs = st.builds(
    lambda first, length: Run(first, first + length), st.integers(1, 60), st.integers(0, 8)
)


def seqs(some: list[Run]) -> set[int]:
    return {seq for run in some for seq in range(run.first_seq, run.last_seq + 1)}


@given(st.lists(runs))
def test_merging_keeps_the_seqs_in_the_fewest_runs(some: list[Run]) -> None:
    found = merged(some)

    assert seqs(found) == seqs(some)
    gaps = itertools.pairwise(found)
    assert all(one.last_seq + 1 < other.first_seq for one, other in gaps)
    assert merged(found) == found


@given(st.sets(st.integers(1, 40), min_size=1), st.sets(st.integers(1, 40), min_size=1))
def test_streams_are_kept_apart(alarms: set[int], states: set[int]) -> None:
    ids = [EventId("cam-box", 1, Lane.ALARM, seq) for seq in alarms]
    ids += [EventId("cam-box", 1, Lane.STATE, seq) for seq in states]

    found = runs_of(ids)

    assert seqs(found["cam-box", 1, Lane.ALARM]) == alarms
    assert seqs(found["cam-box", 1, Lane.STATE]) == states
