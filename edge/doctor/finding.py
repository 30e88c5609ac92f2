"""What one look came to."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do.

    Attributes:
        subject: what was looked at: `clock`, `camera door`.
        state: `wrong` stops the agent or loses what it is for, `warning` does not.
        seen: what was found, without credentials.
        remedy: what to do; empty where nothing is.
    """

    subject: str
    state: State
    seen: str
    remedy: str = ""


def ok(subject: str, seen: str) -> Finding:
    """All is well."""
    return Finding(subject, "ok", seen)


def warning(subject: str, seen: str, remedy: str) -> Finding:
    """The agent runs, and something could be better."""
    return Finding(subject, "warning", seen, remedy)


def wrong(subject: str, seen: str, remedy: str = "") -> Finding:
    """The agent cannot do this part of its work."""
    return Finding(subject, "wrong", seen, remedy)
