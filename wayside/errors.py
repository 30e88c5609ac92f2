"""Errors of the kernel.

WaysideError               the root of what a program reports to its user in one line
├── SettingsError          a settings file cannot be used: the user mends the file
└── MqttError
    ├── NotConnectedError  nothing was sent: the caller keeps the message
    └── MqttSettingsError  the connection can never work as configured: the user mends it
"""

from collections.abc import Sequence
from dataclasses import dataclass


class WaysideError(Exception):
    """Something a user is told in a sentence, without a traceback."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a settings file."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class SettingsError(WaysideError):
    """A settings file that is refused whole, with every mistake in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class MqttError(WaysideError):
    """The broker, or the way to it."""


class NotConnectedError(MqttError):
    """There is no connection now; nothing was handed over."""


class MqttSettingsError(MqttError):
    """The connection is configured in a way that cannot work."""
