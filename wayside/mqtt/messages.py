"""What comes, what goes, who is told."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

SUCCESS = 0x00
NO_SUBSCRIBERS = 0x10
"""PUBACK: taken by the broker, and by nobody else (MQTT 5, 3.4.2.1)."""

FIRST_FAILURE = 0x80
"""Reason codes from here on are refusals (MQTT 5, 2.4)."""

C = TypeVar("C", contravariant=True)


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes when this connection breaks."""

    topic: str
    payload: bytes
    retain: bool = True


class Message(NamedTuple):
    """A message that came down, to be acknowledged once it is taken care of.

    Attributes:
        user_properties: of MQTT 5, in order; empty where the session was not asked for them.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    duplicate: bool
    mid: int
    connection: int
    user_properties: tuple[tuple[str, str], ...] = ()


class Listener(Protocol[C]):
    """Who is told what happens; every call comes from the connection's network thread.

    C is the type of what the caller hands to `publish` and gets back in `on_published`.
    """

    def on_connected(self, protocol: str) -> None:
        """A new connection stands; `protocol` is "5" or "3.1.1"."""

    def on_disconnected(self, reason: str) -> None:
        """The connection is gone, and what was in flight with it."""

    def on_message(self, message: Message) -> None:
        """A message came down."""

    def on_published(self, context: C, code: int) -> None:
        """PUBACK; on 3.1.1 the code is always 0, whatever the broker did with the message."""
