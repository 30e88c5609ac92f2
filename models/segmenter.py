"""Networks that find areas."""

from models.areas import Areas
from models.heads.port import Head
from models.heads.selection import areas_head
from models.manifest import Manifest
from models.network import Network


class Segmenter(Network[Areas]):
    """Finds which class each place of a picture belongs to."""

    @staticmethod
    def _head_of(manifest: Manifest) -> Head[Areas]:
        return areas_head(manifest)
