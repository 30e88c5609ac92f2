"""Whether the agent does its work, and what keeps it from it."""

from edge.capture.machine import Phase
from edge.telemetry.view import View


def unready(view: View) -> list[str]:
    """Why the agent does not do all of its work; nothing where it does.

    A broker that is away is no reason: events wait on disk, as they should.
    """
    reasons = [
        f"camera {one.camera} is {one.state}"
        for one in view.cameras
        if one.state not in (Phase.LIVE.value, Phase.ENDED.value)
    ]
    if view.health.disk_free_bytes == 0:
        reasons.append("the disk under the outbox is full")
    return reasons
