"""Which of two states of a device is the newer one. No I/O.

States come late, twice and out of order, and the device's clock may be wrong. What orders them:
within a boot, seq; between boots, which one was heard of first (a boot that was replaced once
never comes back); and a session that has ended does not come alive again. Boots of hardware that
people have replaced are told apart, for they never come back at all.
"""

from dataclasses import dataclass

from protos.ids import boot_text
from protos.v1.device_state_pb2 import DeviceState

_PAST_BOOTS = 16

ENDED = frozenset({DeviceState.STOPPED, DeviceState.DISCONNECTED})
"""The statuses that end a session."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device's last state stands.

    Attributes:
        boot: of that state.
        session: the connection it came over.
        seq: of the last heartbeat in the boot.
        status: as on the wire.
        past_boots: replaced by later ones, the latest last.
    """

    boot: int
    session: int
    seq: int
    status: int
    past_boots: tuple[int, ...] = ()


def follow(
    place: Place | None, state: DeviceState, replaced_boots: tuple[int, ...] = ()
) -> Place | None:
    """Where the device stands after a state, None where the state changes nothing.

    Args:
        place: where it stood; None where nothing was heard of its hardware.
        state: what came.
        replaced_boots: of hardware that the device no longer has.
    """
    if state.boot in replaced_boots:
        return None
    if place is None:
        return Place(state.boot, state.session, state.seq, state.status)
    if state.boot in place.past_boots:
        return None
    if state.boot != place.boot:
        if state.status == DeviceState.DISCONNECTED:
            return None  # the end of a session that nobody heard of; this boot is not over
        past = (*place.past_boots, place.boot)[-_PAST_BOOTS:]
        return Place(state.boot, state.session, state.seq, state.status, past)
    if state.status == DeviceState.DISCONNECTED:
        return _after_will(place, state)
    session_ended = place.status in ENDED and state.session == place.session
    if state.seq <= place.seq or session_ended:
        return None
    return Place(place.boot, state.session, state.seq, state.status, place.past_boots)


def boots_text(boots: tuple[int, ...]) -> str:
    """Boots as a column carries them."""
    return " ".join(boot_text(boot) for boot in boots)


def _after_will(place: Place, state: DeviceState) -> Place | None:
    """A last will speaks of its own session only; its seq is 0."""
    if state.session != place.session or place.status in ENDED:
        return None
    return Place(place.boot, place.session, place.seq, state.status, place.past_boots)
