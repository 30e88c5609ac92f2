import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.thinning import NS_PER_S, Thinning

MS = 1_000_000


def taken(times_ns: list[int], max_fps: float) -> list[int]:
    thinning = Thinning(max_fps)
    return [at for at in times_ns if thinning.takes(at)]


@pytest.mark.parametrize(
    ("fps", "max_fps", "expected"),
    [(25, 10, 100), (30, 10, 100), (10, 10, 100), (10, 25, 100), (25, 0.5, 5), (7, 5, 50)],
)
def test_of_ten_seconds_so_many_are_taken(fps: float, max_fps: float, expected: int) -> None:
    times_ns = [round(n * NS_PER_S / fps) for n in range(round(10 * fps))]
    assert len(taken(times_ns, max_fps)) == pytest.approx(expected, abs=1)


def test_a_camera_that_is_a_little_off_loses_nothing() -> None:
    times_ns = [n * 100 * MS + (20 * MS if n % 3 else -20 * MS) for n in range(1, 100)]
    assert taken(times_ns, 10) == times_ns


@given(
    st.lists(st.integers(0, 400 * MS), min_size=1, max_size=200),
    st.floats(0.5, 60),
)
def test_over_any_time_there_are_never_more(gaps_ns: list[int], max_fps: float) -> None:
    times_ns = [sum(gaps_ns[: n + 1]) for n in range(len(gaps_ns))]
    kept = taken(times_ns, max_fps)
    interval_ns = round(NS_PER_S / max_fps)
    for first in range(len(kept)):
        for last in range(first + 1, len(kept)):
            intervals = (kept[last] - kept[first]) / interval_ns
            assert last - first + 1 <= intervals + 2 + 1e-6


@given(st.lists(st.integers(1, 400 * MS), min_size=1, max_size=100), st.floats(0.5, 60))
def test_a_frame_that_comes_late_enough_is_taken(gaps_ns: list[int], max_fps: float) -> None:
    thinning, at_ns, last_ns = Thinning(max_fps), 0, 0
    for gap_ns in gaps_ns:
        at_ns += gap_ns
        if thinning.takes(at_ns):
            last_ns = at_ns
        else:
            assert at_ns - last_ns <= NS_PER_S / max_fps


def test_time_that_goes_backwards_begins_anew() -> None:
    hour_ns = 3600 * NS_PER_S
    assert taken([hour_ns, hour_ns + 100 * MS, 0, 10 * MS, 100 * MS], 10) == [
        hour_ns, hour_ns + 100 * MS, 0, 100 * MS,
    ]  # fmt: skip
