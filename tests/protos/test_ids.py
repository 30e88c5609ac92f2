"""Names of devices and events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos.errors import InvalidIdError
from protos.ids import ID_PATTERN, EventId, Lane, check_id, new_boot, parse_boot

ids = st.from_regex(f"\\A{ID_PATTERN}\\Z")


@given(ids, st.integers(1, 2**64 - 1), st.sampled_from(Lane), st.integers(1, 10**18))
def test_event_id_round_trip(device: str, boot: int, lane: Lane, seq: int) -> None:
    event_id = EventId(device, boot, lane, seq)
    assert EventId.parse(str(event_id)) == event_id


@pytest.mark.parametrize(
    "value", ["", "ab", "a" * 64, "Gate", "1st", "a/b", "a b", "cam-1\n", "käm"]
)
def test_bad_id_is_refused_with_what_is_allowed(value: str) -> None:
    with pytest.raises(InvalidIdError, match="3 to 63 characters"):
        check_id(value, "device")


@pytest.mark.parametrize(
    "text",
    [
        "cam-1/0123456789abcdef/alarm",
        "cam-1/0123456789abcdef/alarm/0",
        "cam-1/0123456789abcdef/alarm/01",
        "cam-1/0123456789ABCDEF/alarm/1",
        "cam-1/0123456789abcdef/news/1",
        "c/0123456789abcdef/alarm/1",
    ],
)
def test_bad_event_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdError):
        EventId.parse(text)


def test_lanes_sort_by_urgency() -> None:
    assert sorted(Lane) == [Lane.ALARM, Lane.STATE, Lane.EVIDENCE, Lane.STATS]


def test_boots_differ() -> None:
    boots = {new_boot() for _ in range(1000)}
    assert len(boots) == 1000
    assert all(parse_boot(f"{boot:016x}") == boot for boot in boots)
