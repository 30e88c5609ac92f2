"""Which lane may send: closed where nobody is there, or where the broker refuses.

A gate is open, closed until a time, or trying: one message on its way, whose fate decides.
"""

import enum
from dataclasses import dataclass, field

from wayside.backoff import Backoff


class Cause(enum.Enum):
    """Why a gate is not open."""

    NOBODY = "nobody subscribes"
    REFUSED = "refused"


@dataclass(slots=True)
class Gate:
    """May a lane send.

    Args:
        nobody: the waits between attempts while nobody subscribes.
        refused_s: the wait before what the broker refused is tried again.

    Attributes:
        cause: why it is not open; None: it is.
    """

    nobody: Backoff
    refused_s: float
    cause: Cause | None = None
    _opens_s: float = field(default=0.0, init=False)

    def wait_until(self) -> float:
        """When it may send next; in the past: now."""
        return self._opens_s if self.cause else 0.0

    def closed(self, now_s: float) -> bool:
        """True where nothing may be sent yet."""
        return self.cause is not None and now_s < self._opens_s

    @property
    def trying(self) -> bool:
        """True where only one message may be on its way at a time."""
        return self.cause is not None

    @property
    def refused(self) -> bool:
        """True where the broker refused what was sent last."""
        return self.cause is Cause.REFUSED

    def accepted(self) -> None:
        """A message was taken, by the broker and somebody else."""
        self.cause = None
        self.nobody.reset()

    def nobody_there(self, now_s: float) -> None:
        """PUBACK 0x10: wait, longer each time."""
        if self.closed(now_s):
            return  # of the messages that were on their way together, one decides
        self.cause = Cause.NOBODY
        self._opens_s = now_s + self.nobody.next_s()

    def doubt(self) -> None:
        """A message was set aside: let the next one show whether the lane is refused."""
        self.cause = Cause.REFUSED
        self._opens_s = 0.0

    def refuse(self, now_s: float) -> None:
        """The lane is refused: wait before the next attempt."""
        self.cause = Cause.REFUSED
        self._opens_s = now_s + self.refused_s
