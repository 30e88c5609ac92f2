"""What evidence hands to the outbox: pictures, and names that only the outbox can give."""

import threading
from dataclasses import dataclass, field


class Name:
    """The id of an event, which it has only once it is durable. Safe for threads.

    Attributes:
        event_id: `device/boot/lane/seq`; empty until then, and for ever where the event was lost.
    """

    __slots__ = ("_given", "event_id")

    def __init__(self) -> None:
        self.event_id = ""
        self._given = threading.Event()

    def give(self, event_id: str) -> None:
        """The event is durable."""
        self.event_id = event_id
        self._given.set()

    def wait(self, timeout_s: float) -> str:
        """The id; empty where the event is not durable within so many seconds."""
        self._given.wait(timeout_s)
        return self.event_id


@dataclass(slots=True, eq=False)
class Shot:
    """A picture of what events tell. It travels once, under the id of the first of them.

    Attributes:
        camera: id of the camera.
        captured_ns: Unix time of its frame.
        width_px: of the picture.
        height_px: of the picture.
        jpeg: the picture; empty once the outbox has it.
        name: the event under whose id the cloud keeps it.
        is_taken: the outbox has it, or has given it up.
        is_lost: the outbox has given it up at once; no event refers to it.
    """

    camera: str
    captured_ns: int
    width_px: int
    height_px: int
    jpeg: bytes
    name: Name = field(default_factory=Name)
    is_taken: bool = False
    is_lost: bool = False

    def take(self) -> bytes:
        """The picture, which from now on is the caller's to keep."""
        jpeg, self.jpeg, self.is_taken = self.jpeg, b"", True
        return jpeg
