"""The class of network that a manifest's task needs."""

from models.classifier import Classifier
from models.detector import Detector
from models.manifest import Manifest
from models.segmenter import Segmenter

AnyNetwork = Detector | Segmenter | Classifier


def network_class(manifest: Manifest) -> type[Detector] | type[Segmenter] | type[Classifier]:
    """Detector, Segmenter or Classifier."""
    if manifest.head.task == "segmentation":
        return Segmenter
    if manifest.head.task == "classification":
        return Classifier
    return Detector
