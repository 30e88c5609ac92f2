"""What takes the areas of successive frames."""

from collections.abc import Sequence
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

    def follow(self, classes: Sequence[str], model: str, model_version: str) -> None:
        """Another model finds the areas from the next frame on."""
