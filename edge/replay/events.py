"""Frames through the networks of one camera and its rules, one after the other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from edge.capture.port import Frame
from edge.capture.thinning import Thinning
from edge.infer.port import Finder
from edge.pipeline import Rules, Tracker
from edge.rules.areas.port import AreaRules
from edge.rules.port import Draft
from models.areas import Areas
from models.detections import Detections


class Line(Protocol):
    """One network and what is made of what it finds."""

    def step(self, frame: Frame) -> list[Draft]:
        """The events of a frame.

        Raises:
            EngineError: the network failed.
        """

    def finish(self) -> list[Draft]:
        """What is left to say when no further frame comes."""


def events(frames: Iterable[Frame], lines: Sequence[Line]) -> Iterator[Draft]:
    """What happens in the frames of one camera, in the order in which it is noticed.

    Nothing but the frames counts: none is dropped for being late, and no clock is asked.

    Args:
        frames: all of them, in order.
        lines: what each passes, in this order.

    Raises:
        CaptureError: of the frames.
        EngineError: a network failed.
    """
    for frame in frames:
        for line in lines:
            yield from line.step(frame)
    for line in lines:
        yield from line.finish()


class ObjectLine:
    """Frames to events about objects.

    Args:
        detector: finds them.
        tracker: knows them again.
        rules: say what they do.
        max_fps: frames a second that are looked at, at most, by their own time; None: all.
    """

    def __init__(
        self, detector: Finder[Detections], tracker: Tracker, rules: Rules, max_fps: float | None
    ) -> None:
        self._detector = detector
        self._tracker = tracker
        self._rules = rules
        self._takes = _chooser(max_fps)

    def step(self, frame: Frame) -> list[Draft]:
        """The events of a frame."""
        if not self._takes.takes(frame.captured_ns):
            return []
        height_px, width_px = frame.image.shape[:2]
        (found,) = self._detector.find_all([frame.image])
        tracks = self._tracker.update(found, captured_ns=frame.captured_ns, frame=frame.number)
        return self._rules.step(tracks, width_px, height_px)

    def finish(self) -> list[Draft]:
        """Every living object ends."""
        return self._rules.finish()


class AreasLine:
    """Frames to events about areas.

    Args:
        segmenter: finds them.
        rules: say what they mean.
        max_fps: frames a second that are looked at, at most, by their own time; None: all.
    """

    def __init__(self, segmenter: Finder[Areas], rules: AreaRules, max_fps: float | None) -> None:
        self._segmenter = segmenter
        self._rules = rules
        self._takes = _chooser(max_fps)

    def step(self, frame: Frame) -> list[Draft]:
        """The events of a frame."""
        if not self._takes.takes(frame.captured_ns):
            return []
        (found,) = self._segmenter.find_all([frame.image])
        return self._rules.step(found, frame.captured_ns, frame.number)

    def finish(self) -> list[Draft]:
        """Nothing: no rule about areas waits for an end."""
        return []


class _Every:
    """Takes all frames."""

    def takes(self, _captured_ns: int) -> bool:
        """True."""
        return True


def _chooser(max_fps: float | None) -> Thinning | _Every:
    return _Every() if max_fps is None else Thinning(max_fps)
