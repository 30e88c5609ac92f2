"""When a device is told its desired state again: the broker may have forgotten it. No I/O.

The message is retained at the broker, so a device that comes back finds it there. Where the broker
lost it, the device says by its `config_revision` that it runs an older one (decision 11). But one
that does not take a revision says the same, and must not be told again with every heartbeat. So
the second time comes at once with a birth, and each further one after twice the time of the one
before. One that says it refuses this very revision has it, and is not told again at all.
"""

from dataclasses import dataclass

from protos.v1.device_state_pb2 import DeviceState

FIRST_WAIT_S = 60
"""Before that a message may still be on its way."""

MAX_WAIT_S = 3600

_NS_PER_S = 10**9
_LIVING = frozenset({DeviceState.BIRTH, DeviceState.ALIVE})


@dataclass(frozen=True, slots=True)
class Telling:
    """How often a device was told the state that it shall be.

    Attributes:
        revision: of that state.
        sent_ns: when its message was last handed over, by the cloud's clock.
        repeats: how often again, after the first time.
    """

    revision: int
    sent_ns: int
    repeats: int


def is_behind(telling: Telling, state: DeviceState) -> bool:
    """True for a device that lives and runs an older state, without refusing the newest."""
    if state.status not in _LIVING or state.config_revision >= telling.revision:
        return False
    return state.refused_revision != telling.revision


def is_due(telling: Telling, state: DeviceState, arrived_ns: int, now_ns: int) -> bool:
    """True where the device is to be told again now.

    Args:
        telling: what it was told.
        state: the newest of the device.
        arrived_ns: when that came to the cloud; what was said before the telling says nothing.
        now_ns: cloud's clock.
    """
    if not is_behind(telling, state):
        return False
    if telling.sent_ns - now_ns > MAX_WAIT_S * _NS_PER_S:
        return True  # by a clock that was ahead, perhaps by years
    if arrived_ns < telling.sent_ns:
        return False
    if state.status == DeviceState.BIRTH and telling.repeats == 0:
        return True
    return now_ns - telling.sent_ns >= wait_s(telling.repeats) * _NS_PER_S


def wait_s(repeats: int) -> int:
    """Seconds until a device that was told again so often is told once more."""
    return int(min(FIRST_WAIT_S * 2 ** min(repeats, 16), MAX_WAIT_S))
