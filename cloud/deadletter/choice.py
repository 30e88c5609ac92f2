"""Which letters are meant."""

from dataclasses import dataclass

from cloud.bus.dead_letters import DeadLetter


@dataclass(frozen=True, slots=True)
class Choice:
    """Letters by what they say of themselves; what is empty does not choose.

    Attributes:
        ids: message ids, any of them.
        reason: a part of the reason, upper or lower case.
        device: id of the device.
    """

    ids: frozenset[str] = frozenset()
    reason: str = ""
    device: str = ""

    @property
    def is_everything(self) -> bool:
        """True where it leaves out nothing."""
        return not (self.ids or self.reason or self.device)

    def takes(self, letter: DeadLetter) -> bool:
        """True for a letter that is meant."""
        return (
            (not self.ids or letter.message_id in self.ids)
            and self.reason.lower() in letter.reason.lower()
            and self.device in ("", letter.device)
        )
