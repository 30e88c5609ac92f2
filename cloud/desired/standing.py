"""What a device shall be against what it says it is. No I/O."""

import enum

from protos.v1.device_state_pb2 import DeviceState


class Standing(enum.Enum):
    """Where a device stands; the values are its names outside of Python."""

    NOTHING_SAID = "nothing-said"
    IN_FORCE = "in-force"
    WAITING = "waiting"
    REFUSED = "refused"
    UNKNOWN_REVISION = "unknown-revision"


def standing_of(revision: int, state: DeviceState | None) -> Standing:
    """Where a device stands.

    Args:
        revision: of the state that it shall be; 0: nothing was ever said.
        state: what it last said of itself; None: nothing.

    Returns:
        UNKNOWN_REVISION where it runs one that this fleet has not given out, as after an older
        backup was restored, or under an id that another fleet has used.
    """
    reported = state.config_revision if state is not None else 0
    if reported > revision:
        return Standing.UNKNOWN_REVISION
    if revision == 0:
        return Standing.NOTHING_SAID
    if reported == revision:
        return Standing.IN_FORCE
    if state is not None and state.refused_revision == revision:
        return Standing.REFUSED
    return Standing.WAITING
