"""What the agent needs of a detector."""

from typing import Protocol

from models.detections import Detections, Image


class Detector(Protocol):
    """Finds objects in pictures. Several threads may call it at once."""

    def detect(self, image: Image) -> Detections:
        """What is in a picture (H, W, 3).

        Raises:
            EngineError: the network failed; it is not used again.
        """
