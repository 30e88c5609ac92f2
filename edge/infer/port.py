"""What the agent needs of a network."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from models.detections import Image

Found_co = TypeVar("Found_co", covariant=True)


class Finder(Protocol[Found_co]):
    """Finds something in pictures: objects, areas. Several threads may call it at once."""

    def find_all(self, images: Sequence[Image]) -> Sequence[Found_co]:
        """What is in each picture (H, W, 3), as if each were alone.

        Raises:
            EngineError: the network failed; it is not used again.
        """
