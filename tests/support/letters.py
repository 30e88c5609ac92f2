"""Dead letters as they lie there."""

from cloud.bus.dead_letters import DeadLetter
from tests.support.stored import START_NS


def letter(data: bytes = b"garbage", number: str = "1", **attributes: str) -> DeadLetter:
    """A letter with these attributes."""
    return DeadLetter(number, data, attributes, START_NS, f"ack-{number}")
