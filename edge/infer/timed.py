"""A detector that tells how long each of its steps takes."""

import time

from edge.histogram import StageTimes
from models.detections import Detections, Image
from models.detector import Detector


class TimedDetector:
    """One camera's way to a detector that it may share with others.

    Args:
        detector: finds.
        times: of the camera.
    """

    def __init__(self, detector: Detector, times: StageTimes) -> None:
        self._detector = detector
        self._times = times

    def detect(self, image: Image) -> Detections:
        """What is in a picture (H, W, 3).

        Raises:
            EngineError: the network failed; it is not used again.
        """
        begun_ns = time.monotonic_ns()
        tensor, geometry = self._detector.prepare(image)
        prepared_ns = time.monotonic_ns()
        outputs = self._detector.infer(tensor)
        inferred_ns = time.monotonic_ns()
        detections = self._detector.decode(outputs, geometry)
        times = self._times
        times.preprocess.record(prepared_ns - begun_ns)
        times.infer.record(inferred_ns - prepared_ns)
        times.heads.record(time.monotonic_ns() - inferred_ns)
        return detections
