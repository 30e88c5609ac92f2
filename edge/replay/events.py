"""Frames through network, tracker and rules, one after the other."""

from collections.abc import Iterable, Iterator

from edge.capture.port import Frame
from edge.infer.port import Detector
from edge.pipeline import Rules, Tracker
from edge.rules.port import Draft


def events(
    frames: Iterable[Frame], detector: Detector, tracker: Tracker, rules: Rules
) -> Iterator[Draft]:
    """What happens in the frames of one camera, in the order in which it is noticed.

    Nothing but the frames counts: no frame is dropped, and no clock is asked.

    Raises:
        CaptureError: of the frames.
        EngineError: the network failed.
    """
    for frame in frames:
        height_px, width_px = frame.image.shape[:2]
        detections = detector.detect(frame.image)
        tracks = tracker.update(detections, captured_ns=frame.captured_ns, frame=frame.number)
        yield from rules.step(tracks, width_px, height_px)
    yield from rules.finish()
