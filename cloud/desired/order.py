"""Which of two reports of one update is the newer one. No I/O.

Reports come late, twice and out of order, and the device's clock may be wrong. Within a boot, what
orders them is the number of the update's transition, and in one transition how much was downloaded.
Between boots it is the order of the boots, as the device's heartbeats have told it (see
`cloud.fleet.order`). Of a boot that no heartbeat has told of, the number alone decides: the device
keeps it in a journal that outlasts its starts, so it grows, unless the journal was lost.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """Where an update stands, by a report.

    Attributes:
        boot: of the device, when it reported that.
        transition: counts the changes of the update's state.
        downloaded_bytes: grows within a transition.
    """

    boot: int
    transition: int
    downloaded_bytes: int


def is_newer(last: Step | None, step: Step, boots: tuple[int, ...]) -> bool:
    """True where a report tells more than the last that counted.

    Args:
        last: None: nothing was told of this update.
        step: of the report.
        boots: of the device, as far as they are known, those of replaced hardware first and the
            one that lives last.
    """
    if last is None:
        return True
    if step.boot != last.boot and step.boot in boots and last.boot in boots:
        return boots.index(step.boot) > boots.index(last.boot)
    progress = (step.transition, step.downloaded_bytes)
    return progress > (last.transition, last.downloaded_bytes)
