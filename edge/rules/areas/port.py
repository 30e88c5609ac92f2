"""What takes the areas of successive frames."""

from typing import Protocol

from edge.rules.port import Draft
from models.areas import Areas


class AreaRules(Protocol):
    """What happens with areas."""

    def step(self, areas: Areas, captured_ns: int, frame: int) -> list[Draft]:
        """What a frame's areas mean.

        Args:
            areas: of the frame.
            captured_ns: of the frame; frames come in the order of their time, not all of them.
            frame: its number.
        """
