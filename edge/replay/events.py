"""Frames through network, tracker and rules, one after the other."""

from collections.abc import Iterable, Iterator

from edge.capture.port import Frame
from edge.capture.thinning import Thinning
from edge.infer.port import Finder
from edge.pipeline import Rules, Tracker
from edge.rules.port import Draft
from models.detections import Detections


def events(
    frames: Iterable[Frame], detector: Finder[Detections], tracker: Tracker, rules: Rules
) -> Iterator[Draft]:
    """What happens in the frames of one camera, in the order in which it is noticed.

    Nothing but the frames counts: none is dropped for being late, and no clock is asked.

    Raises:
        CaptureError: of the frames.
        EngineError: the network failed.
    """
    for frame in frames:
        height_px, width_px = frame.image.shape[:2]
        (detections,) = detector.find_all([frame.image])
        tracks = tracker.update(detections, captured_ns=frame.captured_ns, frame=frame.number)
        yield from rules.step(tracks, width_px, height_px)
    yield from rules.finish()


def thinned(frames: Iterable[Frame], max_fps: float | None) -> Iterator[Frame]:
    """Those that the camera's `max_fps` lets through, by their own time."""
    thinning = None if max_fps is None else Thinning(max_fps)
    return (frame for frame in frames if thinning is None or thinning.takes(frame.captured_ns))
