"""A device gets so many messages, and the others are not held up by it."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.bridge.rate_limit import RateLimit


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_burst_then_rate() -> None:
    clock = Clock()
    limit = RateLimit(rate=2.0, burst=3, clock=clock)
    assert [limit.admits("cam-1") for _ in range(5)] == [
        (True, False), (True, False), (True, False), (False, True), (False, False),
    ]  # fmt: skip
    assert limit.admits("cam-2") == (True, False), "another device"
    clock.now_s = 0.5
    assert [limit.admits("cam-1") for _ in range(2)] == [(True, False), (False, True)]


def test_devices_that_were_sent_nothing_lately_are_forgotten() -> None:
    clock = Clock()
    limit = RateLimit(rate=1.0, burst=10, clock=clock)
    for number in range(1000):
        limit.admits(f"cam-{number}")
    clock.now_s = 10.0
    limit.admits("cam-0")
    assert len(limit) == 1


@given(
    st.lists(st.tuples(st.sampled_from(["cam-1", "cam-2"]), st.floats(0, 3)), max_size=60),
    st.floats(0.1, 20),
    st.integers(1, 10),
)
def test_never_more_than_burst_and_rate_allow(
    steps: list[tuple[str, float]], rate: float, burst: int
) -> None:
    clock = Clock()
    limit = RateLimit(rate, burst, clock)
    admitted = {"cam-1": 0, "cam-2": 0}
    for device, pause_s in steps:
        clock.now_s += pause_s
        admitted[device] += limit.admits(device)[0]
        assert admitted[device] <= burst + rate * clock.now_s + 1e-6
