"""Not too fast for the line, not too slow to be honest."""

from hypothesis import given
from hypothesis import strategies as st

from edge.ota.pacing import MinimumRate, TokenBucket


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=50))
def test_over_any_time_no_more_than_the_rate_and_one_burst_passes(taken: list[int]) -> None:
    bucket = TokenBucket(bytes_per_s=1000.0)
    now_s, passed = 0.0, 0
    for size in taken:
        passed += size
        now_s += bucket.wait_s(size, now_s)
        assert passed <= 1000.0 * now_s + 1000.0 + 1e-6


def test_time_that_was_not_used_is_made_up_for_only_shortly() -> None:
    bucket = TokenBucket(bytes_per_s=1000.0, burst_s=2.0)
    assert bucket.wait_s(1000, 0.0) == 1.0
    assert bucket.wait_s(2000, 100.0) == 0.0
    assert bucket.wait_s(1000, 100.0) == 1.0


def test_a_clock_that_stands_still_or_falls_gives_nothing_away() -> None:
    bucket = TokenBucket(bytes_per_s=1000.0)
    bucket.wait_s(0, 50.0)
    assert bucket.wait_s(500, 10.0) == 0.5


def test_a_sender_is_too_slow_over_a_window_of_waiting_only() -> None:
    rate = MinimumRate(bytes_per_s=100.0, window_s=10.0)
    assert not any(rate.is_too_slow(1.0, 0) for _ in range(9))
    assert rate.is_too_slow(1.0, 999)
    assert not any(rate.is_too_slow(1.0, 100) for _ in range(100))


def test_time_that_nobody_waited_for_a_sender_does_not_count() -> None:
    rate = MinimumRate(bytes_per_s=100.0, window_s=10.0)
    assert not any(rate.is_too_slow(0.0, 1) for _ in range(1000))
