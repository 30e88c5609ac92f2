"""Numbers counted by bucket."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.histogram import BOUNDS_S, FOLD, Histogram, NetworkTimes, StageTimes
from tests.support.processes import together


@given(st.lists(st.integers(-10, 1200)), st.integers(0, 3))
def test_buckets_hold_what_is_not_above_their_bound(values: list[int], asked: int) -> None:
    histogram = Histogram((1, 10, 1000), scale=1)
    for value in values[:asked]:
        histogram.record(value)
    assert histogram.distribution.count == len(values[:asked])  # it may be asked at any time
    for value in values[asked:]:
        histogram.record(value)

    found = histogram.distribution

    counted = [max(0, value) for value in values]
    assert found.count == len(values)
    assert found.total == sum(counted)
    assert list(found.buckets) == [
        (bound, sum(value <= bound for value in counted)) for bound in (1, 10, 1000)
    ]


def test_durations_are_seconds() -> None:
    histogram = Histogram()
    for took_ns in (100_000, 100_001, 10_000_000_000, 10_000_000_001):
        histogram.record(took_ns)

    found = histogram.distribution

    assert found.total == pytest.approx(20.000200002)
    assert dict(found.buckets)[0.0001] == 1
    assert dict(found.buckets)[0.00025] == 2
    assert (dict(found.buckets)[10.0], found.count) == (3, 4)
    assert tuple(bound for bound, _ in found.buckets) == BOUNDS_S


def test_no_record_of_any_thread_is_lost() -> None:
    histogram, done = Histogram(), threading.Event()

    def record() -> None:
        for number in range(5 * FOLD):
            histogram.record(number)

    def ask() -> None:
        before = 0
        while not done.is_set():
            now = histogram.distribution.count
            assert now >= before
            before = now

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        together(record, record, record)
    finally:
        done.set()
        asking.join()

    assert histogram.distribution.count == 15 * FOLD
    assert histogram.distribution.total == pytest.approx(3 * sum(range(5 * FOLD)) / 1e9)


def test_stages_are_told_in_the_order_in_which_a_frame_passes_them() -> None:
    times = StageTimes()
    times.track.record(1_000_000)

    found = times.distributions()

    assert list(found) == ["capture", "wait", "network", "track", "rules"]
    assert [stage for stage, one in found.items() if one.count] == ["track"]


def test_steps_of_a_network_are_told_in_the_order_in_which_a_picture_passes_them() -> None:
    times = NetworkTimes()
    times.prepared(1_000_000)
    times.inferred(2_000_000)
    times.decoded(3_000_000)

    found = times.distributions()

    assert {step: one.total for step, one in found.items()} == {
        "preprocess": 0.001, "infer": 0.002, "heads": 0.003,
    }  # fmt: skip
    assert list(found) == ["preprocess", "infer", "heads"]
