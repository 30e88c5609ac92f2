"""Errors of the agent.

EdgeError
├── CaptureError      a source cannot be opened or read: try again, the others run on
├── TelemetryError    nobody can listen where the settings say
├── ReplayError       a recording cannot be replayed as asked: the user mends the command
├── EvidenceError     a picture or a clip cannot be made or kept: the events go on
├── SensorError       a sensor cannot be opened or read, or sends garbage: try again
├── IdentityError     the device's credentials: the message says what to do
│   └── CloudAwayError   the cloud does not answer now: try again with the same words
├── OtaError          an update cannot be taken: its code says why, and what serves serves on
└── OutboxError       events cannot be made durable
    └── OutboxFullError   no space, on disk or within max_bytes: room must be made
"""

from wayside.errors import WaysideError


class EdgeError(WaysideError):
    """Something about the agent."""


class CaptureError(EdgeError):
    """A source that cannot be opened, or broke."""


class TelemetryError(EdgeError):
    """An address that is taken, or not this machine's."""


class ReplayError(EdgeError):
    """A replay of what is not there."""


class EvidenceError(EdgeError):
    """A picture or a clip that cannot be made or kept."""


class SensorError(EdgeError):
    """A sensor that cannot be opened, broke, or sends what is none of its values."""


class IdentityError(EdgeError):
    """Credentials that cannot be had, read or kept."""


class CloudAwayError(IdentityError):
    """The cloud is not reached, or asks for patience."""


class OtaError(EdgeError):
    """Why an update cannot be taken, or not now.

    Args:
        code: of `edge.ota.states.Code`, stable, for machines.
        detail: for people: what was wrong, where, what to do. What cannot be printed of it, for a
            stranger may have written it, is escaped: it goes into journals, logs and reports.
        is_passing: it may be otherwise later, so it is worth another try.
    """

    def __init__(self, code: str, detail: str, *, is_passing: bool = False) -> None:
        self.code = code
        self.detail = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode()
            for char in detail
        )
        super().__init__(f"{code}: {self.detail}")
        self.is_passing = is_passing


class OutboxError(EdgeError):
    """Events that cannot be written or read."""


class OutboxFullError(OutboxError):
    """There is no room for further events."""
