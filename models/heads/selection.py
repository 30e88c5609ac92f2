"""The head that a manifest names."""

from models.areas import Areas
from models.detections import Detections
from models.errors import ManifestError
from models.families import (
    ClassificationHead,
    DetrHead,
    FastestDetHead,
    NanoDetHead,
    SegmentationHead,
    SsdHead,
    YoloV5Head,
    YoloV8Head,
    YoloV10Head,
    YoloxHead,
)
from models.heads.classification import ClassificationDecoder
from models.heads.detr import DetrDecoder
from models.heads.fastestdet import FastestDetDecoder
from models.heads.nanodet import NanoDetDecoder
from models.heads.port import Head
from models.heads.segmentation import SegmentationDecoder
from models.heads.ssd import SsdDecoder
from models.heads.yolov5 import YoloV5Decoder
from models.heads.yolov8 import YoloV8Decoder
from models.heads.yolov10 import YoloV10Decoder
from models.heads.yolox import YoloxDecoder
from models.manifest import Manifest
from models.ranking import Ranking


def detections_head(manifest: Manifest) -> Head[Detections]:
    """The decoder of a network that finds objects.

    Raises:
        ManifestError: the network is for something else.
    """
    classes = len(manifest.classes)
    match manifest.head:
        case YoloxHead() as head:
            return YoloxDecoder(head, manifest.input, classes)
        case FastestDetHead() as head:
            return FastestDetDecoder(head, manifest.input, classes)
        case YoloV5Head() as head:
            return YoloV5Decoder(head, manifest.input, classes)
        case YoloV8Head() as head:
            return YoloV8Decoder(head, manifest.input, classes)
        case NanoDetHead() as head:
            return NanoDetDecoder(head, manifest.input, classes)
        case SsdHead() as head:
            return SsdDecoder(head, classes)
        case DetrHead() as head:
            return DetrDecoder(head, classes)
        case YoloV10Head():
            return YoloV10Decoder(classes)
        case SegmentationHead() | ClassificationHead():
            raise _unfit(manifest, "detection")


def areas_head(manifest: Manifest) -> Head[Areas]:
    """The decoder of a network that finds areas.

    Raises:
        ManifestError: the network is for something else.
    """
    if not isinstance(manifest.head, SegmentationHead):
        raise _unfit(manifest, "segmentation")
    return SegmentationDecoder(manifest.head, manifest.classes)


def ranking_head(manifest: Manifest) -> Head[Ranking]:
    """The decoder of a network that tells what a picture shows.

    Raises:
        ManifestError: the network is for something else.
    """
    if not isinstance(manifest.head, ClassificationHead):
        raise _unfit(manifest, "classification")
    return ClassificationDecoder(manifest.head, len(manifest.classes))


def _unfit(manifest: Manifest, wanted: str) -> ManifestError:
    return ManifestError(
        f"{manifest.name}: is for {manifest.head.task}, and {wanted} is wanted here; name a "
        "network for it"
    )
