"""Which of two states of a device is the newer one. No I/O.

States come late, twice and out of order, and the device's clock may be wrong. What orders them:
within a boot, seq; a session that has ended does not come alive again; and between boots, when
their states came to Pub/Sub, by its clock. A boot that nobody heard of is the next one, unless what
it says came before the last that was heard of a boot that lives: then it is a past one, which an
outage has delivered late.

Either judgement may be wrong, where a bridge held states back. But a past boot sends nothing any
more, and a live one goes on: one of the past that is heard of while the other has been silent for
so long that it counts as offline is the live one. So whichever boot lives is found, whatever came
before in which order. Boots of hardware that people have replaced are told apart, for they never
come back at all.
"""

from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class Times:
    """When a state and those before it came, by Pub/Sub's clock.

    Attributes:
        arrived_ns: this one.
        last_ns: the last one of the device.
        offline_ns: from when on the device counts as offline if nothing else comes.
    """

    arrived_ns: int
    last_ns: int
    offline_ns: int


def follow(
    place: Place | None,
    state: DeviceState,
    replaced_boots: tuple[int, ...] = (),
    times: Times | None = None,
) -> Place | None:
    """Where the device stands after a state, None where the state changes nothing.

    Args:
        place: where it stood; None where nothing was heard of its hardware.
        state: what came.
        replaced_boots: of hardware that the device no longer has.
        times: when it came; None: after all others.

    Returns:
        Where it stands; of another boot than the state's where that turned out to be a past one.
    """
    if state.boot in replaced_boots:
        return None
    if place is None:
        return Place(state.boot, state.session, state.seq, state.status)
    if state.boot in place.past_boots:
        return _after_past_boot(place, state, times)
    if state.boot != place.boot:
        return _after_unknown_boot(place, state, times)
    if state.status == DeviceState.DISCONNECTED:
        return _after_will(place, state)
    session_ended = place.status in ENDED and state.session == place.session
    if state.seq <= place.seq or session_ended:
        return None
    return Place(place.boot, state.session, state.seq, state.status, place.past_boots)


def boots_text(boots: tuple[int, ...]) -> str:
    """Boots as a column carries them."""
    return " ".join(boot_text(boot) for boot in boots)


def _after_unknown_boot(place: Place, state: DeviceState, times: Times | None) -> Place | None:
    if state.status == DeviceState.DISCONNECTED:
        return None  # the end of a session that nobody heard of; this boot is not over
    # An end tells nothing of the order: a last will comes with the birth of the next boot.
    if times is not None and times.arrived_ns < times.last_ns and place.status not in ENDED:
        return replace(place, past_boots=(state.boot, *place.past_boots)[:_PAST_BOOTS])
    return _of_next_boot(place, state, place.past_boots)


def _after_past_boot(place: Place, state: DeviceState, times: Times | None) -> Place | None:
    """None, unless it lives: then the other one has been the past one."""
    if times is None or state.status in ENDED or times.arrived_ns < times.offline_ns:
        return None
    return _of_next_boot(
        place, state, tuple(boot for boot in place.past_boots if boot != state.boot)
    )


def _of_next_boot(place: Place, state: DeviceState, past_boots: tuple[int, ...]) -> Place:
    past = (*past_boots, place.boot)[-_PAST_BOOTS:]
    return Place(state.boot, state.session, state.seq, state.status, past)


def _after_will(place: Place, state: DeviceState) -> Place | None:
    """A last will speaks of its own session only; its seq is 0."""
    if state.session != place.session or place.status in ENDED:
        return None
    return Place(place.boot, place.session, place.seq, state.status, place.past_boots)
