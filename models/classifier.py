"""Networks that tell what a picture shows."""

from models.heads.port import Head
from models.heads.selection import ranking_head
from models.manifest import Manifest
from models.network import Network
from models.ranking import Ranking


class Classifier(Network[Ranking]):
    """Finds the classes of a picture as a whole."""

    @staticmethod
    def _head_of(manifest: Manifest) -> Head[Ranking]:
        return ranking_head(manifest)
