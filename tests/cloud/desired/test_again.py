"""When a device is told again: at once when it comes back, and never so often as to flood it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.desired.again import FIRST_WAIT_S, MAX_WAIT_S, Telling, is_due, wait_s
from protos.v1.device_state_pb2 import DeviceState

S = 10**9
SENT = Telling(revision=6, sent_ns=1000 * S, repeats=0)
BIRTH, ALIVE = DeviceState.BIRTH, DeviceState.ALIVE


def due(
    telling: Telling, after_s: float, status: DeviceState.Status = ALIVE, reported: int = 5,
    refused: int = 0,
) -> bool:  # fmt: skip
    state = DeviceState(status=status, config_revision=reported, refused_revision=refused)
    at_ns = telling.sent_ns + int(after_s * S)
    return is_due(telling, state, at_ns, at_ns)


def test_a_birth_of_an_older_revision_is_answered_at_once() -> None:
    assert due(SENT, 0.1, BIRTH)
    assert not due(SENT, 0.1, BIRTH, reported=6)
    assert not due(SENT, 0.1, BIRTH, reported=7)


def test_a_heartbeat_may_be_older_than_the_message_on_its_way() -> None:
    assert not due(SENT, FIRST_WAIT_S - 1)
    assert due(SENT, FIRST_WAIT_S)
    late = DeviceState(status=ALIVE, config_revision=5)
    assert not is_due(SENT, late, SENT.sent_ns - 1, SENT.sent_ns + 1000 * S)


def test_a_telling_by_a_clock_that_was_ahead_is_not_waited_for() -> None:
    ahead = Telling(revision=6, sent_ns=SENT.sent_ns + 400 * 86_400 * S, repeats=3)
    state = DeviceState(status=ALIVE, config_revision=5)
    now_ns = SENT.sent_ns
    assert is_due(ahead, state, now_ns, now_ns)
    assert not is_due(ahead, DeviceState(status=ALIVE, config_revision=6), now_ns, now_ns)
    little = Telling(revision=6, sent_ns=now_ns + 60 * S, repeats=0)
    assert not is_due(little, state, now_ns, now_ns), "two processes' clocks may differ"


def test_who_refuses_it_has_it() -> None:
    assert not due(SENT, 10**6, BIRTH, refused=6)
    assert due(SENT, 10**6, BIRTH, refused=5)


@pytest.mark.parametrize("status", [DeviceState.STOPPED, DeviceState.DISCONNECTED, 99])
def test_who_is_gone_is_told_when_it_comes_back(status: DeviceState.Status) -> None:
    assert not due(SENT, 10**6, status)


def test_a_device_that_is_born_over_and_over_is_not_flooded() -> None:
    """A crash loop of a birth each second, for a day, that takes nothing."""
    telling, told = SENT, 0
    for second in range(86_400):
        state = DeviceState(status=BIRTH, config_revision=5)
        now_ns = SENT.sent_ns + second * S
        if is_due(telling, state, now_ns, now_ns):
            telling, told = Telling(6, now_ns, telling.repeats + 1), told + 1
    assert 24 <= told <= 32


@given(st.integers(0, 10**6))
def test_waits_grow_and_end_growing(repeats: int) -> None:
    assert FIRST_WAIT_S <= wait_s(repeats) <= wait_s(repeats + 1) <= MAX_WAIT_S
