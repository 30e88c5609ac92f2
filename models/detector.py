"""Networks that find objects."""

from models.detections import Detections, Image
from models.heads.port import Head
from models.heads.selection import detections_head
from models.manifest import Manifest
from models.network import Network


class Detector(Network[Detections]):
    """Finds objects, their boxes and, where the network has them, their masks."""

    @staticmethod
    def _head_of(manifest: Manifest) -> Head[Detections]:
        return detections_head(manifest)

    def detect(self, image: Image) -> Detections:
        """What is seen in a picture, in its pixels, the surest first; see `Network.find`."""
        return self.find(image)
