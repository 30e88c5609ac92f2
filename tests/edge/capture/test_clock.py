from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.clock import (
    MAX_LAG_NS,
    MAX_LAGGING_NS,
    MAX_LATE_NS,
    MAX_SLEW_PPM,
    MAX_STEP_NS,
    FileClock,
    StreamClock,
    WallClock,
)

S = 1_000_000_000
MS = 1_000_000
START_NS = 1_700_000_000 * S


class Clocks:
    """A wall clock and a monotonic one that stand still until they are told to go."""

    def __init__(self) -> None:
        self.wall_ns = START_NS
        self.monotonic_ns = 5 * S

    def go(self, ns: int) -> None:
        self.wall_ns += ns
        self.monotonic_ns += ns

    def wall(self) -> WallClock:
        return WallClock(lambda: self.wall_ns, lambda: self.monotonic_ns)


def test_the_wall_clock_is_followed() -> None:
    clocks = Clocks()
    wall = clocks.wall()
    assert wall.now_ns() == START_NS
    clocks.go(7 * S)
    assert wall.now_ns() == START_NS + 7 * S
    assert wall.anchor_id == 1


def test_a_board_that_learns_the_date_gets_a_new_anchor() -> None:
    clocks = Clocks()
    clocks.wall_ns = 0
    wall = clocks.wall()
    wall.now_ns()
    clocks.wall_ns = START_NS
    assert wall.now_ns() == START_NS
    assert wall.anchor_id == 2


@pytest.mark.parametrize("step_ns", [MAX_STEP_NS, 100 * MS, -100 * MS, -3600 * S])
def test_other_corrections_are_slewed(step_ns: int) -> None:
    clocks = Clocks()
    wall = clocks.wall()
    before_ns = wall.now_ns()
    clocks.wall_ns += step_ns
    clocks.go(10 * S)
    allowed_ns = 10 * S * MAX_SLEW_PPM // 1_000_000
    assert abs(wall.now_ns() - before_ns - 10 * S) == min(allowed_ns, abs(step_ns))
    assert wall.anchor_id == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 10 * S), st.integers(-100 * S, 100 * S)), min_size=1, max_size=50
    )
)
def test_time_runs_forwards_whatever_the_system_does(moves: list[tuple[int, int]]) -> None:
    clocks = Clocks()
    wall = clocks.wall()
    times = [wall.now_ns()]
    for elapsed_ns, step_ns in moves:
        clocks.go(elapsed_ns)
        clocks.wall_ns += step_ns
        times.append(wall.now_ns())
    assert times == sorted(set(times))


@given(
    st.lists(st.integers(10 * MS, S), min_size=1, max_size=50), st.integers(-60 * S, MAX_STEP_NS)
)
def test_slewing_keeps_within_its_rate(gaps_ns: list[int], step_ns: int) -> None:
    clocks = Clocks()
    wall = clocks.wall()
    last_ns = wall.now_ns()
    clocks.wall_ns += step_ns
    for gap_ns in gaps_ns:
        clocks.go(gap_ns)
        now_ns = wall.now_ns()
        assert abs(now_ns - last_ns - gap_ns) <= gap_ns * MAX_SLEW_PPM // 1_000_000 + 1
        last_ns = now_ns


class Stream:
    """A stream clock whose `now` a test sets."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self.clock = StreamClock(lambda: self.now_ns)

    def frame(self, pts_ns: int | None, arrives_ns: int) -> int:
        self.now_ns = START_NS + arrives_ns
        return self.clock.captured_ns(pts_ns) - START_NS


def test_without_timestamps_arrival_counts() -> None:
    stream = Stream()
    assert [stream.frame(None, at) for at in (0, 70 * MS, 80 * MS)] == [0, 70 * MS, 80 * MS]


def test_jitter_of_the_network_does_not_reach_the_times() -> None:
    stream = Stream()
    delays_ms = [0, 35, 3, 80, 0, 12, 50, 7]
    times = [stream.frame(n * 100 * MS, (n * 100 + d) * MS) for n, d in enumerate(delays_ms)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(abs(gap - 100 * MS) <= MS for gap in gaps)


def test_a_burst_after_the_first_frame_is_not_in_the_future() -> None:
    stream = Stream()
    for number in range(50):
        assert stream.frame(number * 40 * MS, number * MS) <= number * MS
    assert 85 * MS < stream.frame(50 * 40 * MS, 90 * MS) <= 90 * MS


@pytest.mark.parametrize("second_pts_ns", [0, 40 * MS])
def test_the_first_two_timestamps_may_be_the_same(second_pts_ns: int) -> None:
    stream = Stream()
    assert stream.frame(0, 0) < stream.frame(second_pts_ns, 40 * MS)


def test_a_server_that_loops_is_mapped_anew() -> None:
    stream = Stream()
    stream.frame(60 * S, 0)
    assert stream.frame(0, 40 * MS) == 40 * MS
    assert stream.frame(40 * MS, 80 * MS) == 80 * MS
    assert stream.clock.resets == 1


@pytest.mark.parametrize("jump_ns", [-10 * MS, -60 * S, MAX_LATE_NS + S, 3600 * S])
def test_timestamps_that_jump_are_counted(jump_ns: int) -> None:
    stream = Stream()
    for number in range(100):
        stream.frame(100 * S + number * 40 * MS, number * 40 * MS)
    assert stream.clock.resets == 0
    for number in range(100, 200):
        stream.frame(100 * S + number * 40 * MS + jump_ns - 40 * MS, number * 40 * MS)
    assert stream.clock.resets == 1


def test_a_clock_that_is_set_is_followed_and_is_no_jump_of_the_stream() -> None:
    clocks = Clocks()
    wall = clocks.wall()
    clock = StreamClock(wall.now_ns, lambda: wall.anchor_id)
    times = []
    for number in range(100):
        clocks.go(40 * MS)
        clocks.wall_ns += 3600 * S if number == 50 else 0
        times.append(clock.captured_ns(number * 40 * MS))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == [40 * MS] * 49 + [3600 * S + 40 * MS] + [40 * MS] * 49
    assert clock.resets == 0


def test_timestamps_that_fall_far_behind_are_mapped_anew() -> None:
    stream = Stream()
    stream.frame(0, 0)
    late_ns = MAX_LATE_NS + 2 * S
    assert stream.frame(40 * MS, late_ns) == late_ns
    assert stream.frame(80 * MS, late_ns + 40 * MS) == late_ns + 40 * MS


def test_timestamps_that_leave_out_a_pause_do_not_make_the_stream_old_for_long() -> None:
    stream = Stream()
    lags_ns = []
    for number in range(1000):
        at_ns = number * 40 * MS + (3 * S if number >= 100 else 0)
        lags_ns.append(at_ns - stream.frame(number * 40 * MS, at_ns))
    assert max(lags_ns[:100]) == 0
    assert sum(lag_ns > MAX_LAG_NS for lag_ns in lags_ns) <= MAX_LAGGING_NS // (40 * MS)
    assert lags_ns[-1] == 0
    assert stream.clock.resets == 1


def test_a_network_that_catches_up_leaves_the_times_as_they_are() -> None:
    stream = Stream()
    times = []
    for number in range(300):
        # It stands for 3 s, and then brings what has waited at four times the pace.
        at_ns = number * 40 * MS
        if 100 <= number < 200:
            at_ns = 100 * 40 * MS + 3 * S + (number - 100) * 10 * MS
        times.append(stream.frame(number * 40 * MS, at_ns))
    assert max(abs(time_ns - n * 40 * MS) for n, time_ns in enumerate(times)) < 5 * MS
    assert stream.clock.resets == 0


def test_a_camera_whose_clock_is_very_slow_is_not_left_behind() -> None:
    stream = Stream()
    lags_ns = [n * 40 * MS - stream.frame(round(n * 40 * MS * 0.998), n * 40 * MS)
               for n in range(50_000)]  # fmt: skip
    assert max(lags_ns) < 2 * MAX_LAG_NS


def test_another_connection_has_its_own_timestamps() -> None:
    stream = Stream()
    stream.frame(500 * MS, 0)
    stream.clock.restart()
    assert stream.frame(900 * MS, 100 * MS) == 100 * MS
    assert stream.clock.resets == 0, "that is no jump"


def test_a_camera_whose_clock_is_slow_is_followed() -> None:
    stream = Stream()
    drift = 1 - 200e-6
    period_ns = 40 * MS
    for number in range(50_000):
        captured_ns = stream.frame(round(number * period_ns * drift), number * period_ns)
    assert abs(captured_ns - 49_999 * period_ns) < 2 * MS


@given(
    st.lists(
        st.tuples(st.none() | st.integers(0, 100 * S), st.integers(0, 10 * S)),
        min_size=1,
        max_size=60,
    )
)
def test_stream_times_increase_and_are_never_ahead_of_arrival(
    frames: list[tuple[int | None, int]],
) -> None:
    stream = Stream()
    last_ns = -START_NS
    arrives_ns = 0
    for count, (pts_ns, gap_ns) in enumerate(frames):
        arrives_ns += gap_ns
        captured_ns = stream.frame(pts_ns, arrives_ns)
        assert last_ns < captured_ns <= arrives_ns + count
        last_ns = captured_ns


def test_times_of_a_file_are_its_timestamps() -> None:
    clock = FileClock(START_NS)
    assert [clock.captured_ns(pts) - START_NS for pts in (0, 40 * MS, 133 * MS)] == [
        0,
        40 * MS,
        133 * MS,
    ]


@given(st.lists(st.integers(0, 100 * S), min_size=1, max_size=60))
def test_times_of_a_file_increase_even_where_its_timestamps_do_not(pts: list[int]) -> None:
    clock = FileClock(START_NS)
    times = [clock.captured_ns(value) for value in pts]
    assert times == sorted(set(times))
