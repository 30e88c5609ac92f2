"""Whether a device is there, for every row and every time."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.fleet.presence import (
    MAX_INTERVAL_S,
    Presence,
    Signs,
    Standing,
    believed_interval_s,
    judge,
)
from cloud.fleet.settings import PresenceSettings

SETTINGS = PresenceSettings(late_after_intervals=2, offline_after_intervals=4)
S_NS = 10**9

times = st.integers(0, 2**62)
signs = st.builds(Signs, times, st.booleans(), st.integers(1, MAX_INTERVAL_S), times)


def test_what_was_never_heard_of_waits_since_it_was_registered() -> None:
    assert judge(None, 5, 10**18, SETTINGS) == Standing(Presence.NEVER_SEEN, 5)


def test_a_session_that_ended_is_offline_since_its_end() -> None:
    assert judge(Signs(7, True, 30, 1), 0, 8, SETTINGS) == Standing(Presence.OFFLINE, 7)


def test_settings_say_how_much_silence_is_too_much() -> None:
    quiet = Signs(0, False, 10, 0)
    found = [judge(quiet, 0, at_s * S_NS, SETTINGS).presence for at_s in (19, 20, 39, 40)]
    assert found == [Presence.ONLINE, Presence.LATE, Presence.LATE, Presence.OFFLINE]


def test_an_interval_is_believed_within_reason() -> None:
    assert [believed_interval_s(told_s) for told_s in (0, 1, 3600, 3601)] == [30, 1, 3600, 3600]


@given(signs, times, times)
def test_silence_never_makes_it_better(one: Signs, now_ns: int, more_ns: int) -> None:
    order = [Presence.ONLINE, Presence.LATE, Presence.OFFLINE]
    before = judge(one, 0, now_ns, SETTINGS)
    after = judge(one, 0, now_ns + more_ns, SETTINGS)
    assert order.index(after.presence) >= order.index(before.presence)
    if after.presence is before.presence:
        assert after == before


@given(signs, times)
def test_no_change_is_told_before_it_came(one: Signs, now_ns: int) -> None:
    found = judge(one, 0, now_ns, SETTINGS)
    if found.presence is Presence.LATE or (found.presence is Presence.OFFLINE and not one.is_ended):
        assert found.since_ns <= now_ns
