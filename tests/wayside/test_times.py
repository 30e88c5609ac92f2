"""Times to the nanosecond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayside.times import format_ns, parse_ns


@given(st.integers(0, 2**63 - 1))
def test_a_time_comes_back_to_the_nanosecond(time_ns: int) -> None:
    assert parse_ns(format_ns(time_ns)) == time_ns
    assert parse_ns(str(time_ns)) == time_ns


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01.5z", 1_500_000_000),
        ("1970-01-01 00:00:00.000000001Z", 1),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1969-12-31T23:30:00-00:30", 0),
        ("1969-12-31T23:59:59.999999999Z", -1),
    ],
)
def test_what_rfc_3339_allows(text: str, time_ns: int) -> None:
    assert parse_ns(text) == time_ns


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-05-01", "2026-05-01T12:00:00", "2026-02-30T00:00:00Z", "-5", "1e9",
     "2026-05-01T12:00:00.0000000001Z", "9" * 20, "2026-05-01T12:00:00+99:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_ns(text)
