"""Which readings are told."""

from hypothesis import given
from hypothesis import strategies as st

from edge.sensors.reporting import Reporting

S = 1_000_000_000


def told(reporting: Reporting, values: list[float], step_s: float = 1.0) -> list[int]:
    return [n for n, v in enumerate(values) if reporting.is_due(round(n * step_s * S), v)]


def test_the_first_one_changes_and_one_now_and_then() -> None:
    values = [20.0, 20.1, 20.2, 21.0, 21.0, 21.0, 21.0]
    assert told(Reporting(3, 0.5), values) == [0, 3, 6]


def test_a_slow_drift_is_told_and_a_tremble_is_not() -> None:
    assert told(Reporting(1000, 0.5), [20 + 0.1 * n for n in range(11)]) == [0, 5, 10]
    assert told(Reporting(1000, 0.5), [20.2 if n % 2 else 20.0 for n in range(50)]) == [0]


def test_without_min_change_only_time_counts() -> None:
    assert told(Reporting(5, None), [0.0, 100.0, -100.0, 0.0, 0.0, 7.0]) == [0, 5]


def test_a_gpio_line_tells_each_of_its_changes() -> None:
    assert told(Reporting(1000, 1), [0, 0, 1, 1, 0, 1]) == [0, 2, 4, 5]


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=50), st.floats(0.1, 50), st.integers(1, 9)
)
def test_what_nobody_was_told_is_small_and_young(
    values: list[float], min_change: float, every_s: int
) -> None:
    reporting = Reporting(every_s, min_change)
    last = 0
    for n, value in enumerate(values):
        if reporting.is_due(n * S, value):
            last = n
        else:
            assert abs(value - values[last]) < min_change
            assert n - last < every_s
