"""Pictures, tracks and stills for tests of evidence."""

from collections.abc import Sequence

import cv2
import numpy as np

from edge.capture.port import Frame
from edge.evidence import opencv
from edge.evidence.cutter import Cause, Still
from edge.evidence.port import Name
from edge.track.port import Tracks
from models.detections import Image
from tests.support.drafts import START_NS

S = 1_000_000_000


def at(seconds: float) -> int:
    """Unix time, ns, so many seconds after the tests' beginning."""
    return START_NS + round(seconds * S)


def noise(height_px: int = 120, width_px: int = 160, seed: int = 0) -> Image:
    """A picture in which every pixel is another."""
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), np.uint8)


def still(seconds: float, level: int = 100, size: tuple[int, int] = (64, 48)) -> Still:
    """A grey picture at a time."""
    width_px, height_px = size
    image = np.full((height_px, width_px, 3), level, np.uint8)
    return Still(at(seconds), width_px, height_px, opencv.jpeg_of(image, 90))


def cause(seconds: float, event_id: str = "gate-1/0000000000000007/alarm/1") -> Cause:
    """An event at a time, durable under that id; not durable where it is empty."""
    name = Name()
    if event_id:
        name.give(event_id)
    return Cause(at(seconds), "line-crossed", "over-kerb", "kerb", 3, name)


def frame(seconds: float, image: Image, number: int = 0) -> Frame:
    """A frame at a time."""
    return Frame("gate", number, at(seconds), image)


def tracks(
    seconds: float,
    boxes: dict[int, Sequence[float]],
    *,
    sure: float = 0.9,
    ended: tuple[int, ...] = (),
) -> Tracks:
    """Tracks by id, with their boxes (xyxy, px)."""
    count = len(boxes)
    return Tracks(
        at(seconds), 0, np.array(list(boxes), np.int64),
        np.array(list(boxes.values()), np.float32).reshape(count, 4),
        np.full(count, sure, np.float32), np.zeros(count, np.int32),
        np.full(count, START_NS, np.int64), ended,
    )  # fmt: skip


def decoded(jpeg: bytes) -> Image:
    """The picture of a JPEG."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def played(path: str) -> tuple[list[float], list[Image]]:
    """Times in ms and pictures of a video, as OpenCV's FFmpeg reads it."""
    video = cv2.VideoCapture(path)
    times: list[float] = []
    images: list[Image] = []
    while True:
        taken, image = video.read()
        if not taken:
            video.release()
            return times, images
        times.append(video.get(cv2.CAP_PROP_POS_MSEC))
        images.append(np.asarray(image, np.uint8))
