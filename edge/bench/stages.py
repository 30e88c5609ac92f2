"""Pictures through network, tracker and rules, stage by stage.

One picture goes through all of it before the next one begins, as in the agent: tracker and rules
are code that each inference drives out of the CPU's caches; alone they would seem twice as fast.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edge.bench.cameras import Pictures
from edge.bench.crowd import Crowd
from edge.bench.timing import Timing
from edge.pipeline import Rules, Tracker
from edge.rules.areas.port import AreaRules
from edge.rules.port import Draft
from models.detections import Image
from models.detector import Detector
from models.network import Network
from models.segmenter import Segmenter

NETWORK_STAGES = ("pre-process", "infer", "heads")
AFTER_STAGES = ("track", "rules", "append")
STAGES = (*NETWORK_STAGES, *AFTER_STAGES)

LEAST, MOST = 5, 100
"""Pictures that are timed."""

_WARM_UP = 2
_SETTLE_S = 2.0
"""Of frame time, until the objects have their tracks and the rules know them."""

Found = TypeVar("Found")

_EPOCH_NS = 1_777_636_800_000_000_000
"""Of the first frame; rules' schedules are not looked at, so any will do."""


@dataclass(frozen=True, slots=True)
class Course:
    """What the pictures of a camera pass.

    Attributes:
        detector: None where the network cannot be used; then what follows is measured alone.
        tracker: of the camera.
        rules: of the camera.
        append: hands events to the outbox.
    """

    detector: Detector | None
    tracker: Tracker
    rules: Rules
    append: Callable[[Sequence[Draft]], None]


def measure(
    pictures: Pictures, course: Course, crowd: Crowd, seconds: float
) -> Mapping[str, Timing]:
    """How long each stage takes, by its name.

    Args:
        pictures: of the camera.
        course: what they pass.
        crowd: what tracker and rules are given, whatever the network finds.
        seconds: to take, unless `LEAST` pictures take longer.

    Raises:
        EngineError: the network failed.
    """
    run = _Run(pictures, course, crowd)
    for _ in range(round(_SETTLE_S * pictures.fps)):
        run.follow({})
    for _ in range(_WARM_UP):
        run.picture({})
    took_s: defaultdict[str, list[float]] = defaultdict(list)
    until_s = time.monotonic() + seconds
    for number in range(MOST):
        if number >= LEAST and time.monotonic() > until_s:
            break
        for stage, stage_s in run.picture({}).items():
            took_s[stage].append(stage_s)
    return {stage: Timing.of(took_s[stage]) for stage in STAGES if took_s[stage]}


def measure_areas(
    pictures: Pictures, segmenter: Segmenter, rules: AreaRules, seconds: float
) -> Mapping[str, Timing]:
    """How long each stage of a network for areas takes, by its name; see `measure`.

    Raises:
        EngineError: the network failed.
    """
    took_s: defaultdict[str, list[float]] = defaultdict(list)
    until_s = time.monotonic() + seconds
    for number in range(-_WARM_UP, MOST):
        if number >= LEAST and time.monotonic() > until_s:
            break
        found, times_s = _looked(segmenter, pictures.images[number % len(pictures.images)])
        begun_s = time.perf_counter()
        elapsed_s = (number + _WARM_UP) / pictures.fps
        rules.step(found, _EPOCH_NS + round(elapsed_s * 1e9), number + _WARM_UP)
        times_s["rules"] = time.perf_counter() - begun_s
        for stage, stage_s in times_s.items() if number >= 0 else ():
            took_s[stage].append(stage_s)
    return {stage: Timing.of(took_s[stage]) for stage in STAGES if took_s[stage]}


def _looked(network: Network[Found], image: Image) -> tuple[Found, dict[str, float]]:
    """What a network finds in a picture, and the seconds that each step takes."""
    begun_s = time.perf_counter()
    tensor, geometry = network.prepare(image)
    prepared_s = time.perf_counter()
    outputs = network.infer(tensor)
    inferred_s = time.perf_counter()
    found = network.decode(outputs, geometry)
    found_s = time.perf_counter()
    times_s = (prepared_s - begun_s, inferred_s - prepared_s, found_s - inferred_s)
    return found, dict(zip(NETWORK_STAGES, times_s, strict=True))


class _Run:
    def __init__(self, pictures: Pictures, course: Course, crowd: Crowd) -> None:
        self._pictures = pictures
        self._course = course
        self._crowd = crowd
        self._number = 0

    def picture(self, took_s: dict[str, float]) -> dict[str, float]:
        """The next picture through every stage; seconds are put under the stages' names."""
        detector, images = self._course.detector, self._pictures.images
        if detector is not None:
            took_s.update(_looked(detector, images[self._number % len(images)])[1])
        return self.follow(took_s)

    def follow(self, took_s: dict[str, float]) -> dict[str, float]:
        """The crowd's next frame through tracker, rules and outbox."""
        elapsed_s = self._number / self._pictures.fps
        captured_ns = _EPOCH_NS + round(elapsed_s * 1e9)
        crowd = self._crowd.at(elapsed_s)
        begun_s = time.perf_counter()
        tracks = self._course.tracker.update(crowd, captured_ns=captured_ns, frame=self._number)
        tracked_s = time.perf_counter()
        drafts = self._course.rules.step(tracks, *self._pictures.size_px)
        judged_s = time.perf_counter()
        if drafts:
            self._course.append(drafts)
        ended_s = time.perf_counter()
        times_s = (tracked_s - begun_s, judged_s - tracked_s, ended_s - judged_s)
        took_s.update(zip(AFTER_STAGES, times_s, strict=True))
        self._number += 1
        return took_s
