"""Which frames are worth inferring: a synthetic camera's, in which somebody comes or not."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.capture.motion import Background, MotionGate
from edge.capture.opencv import thumbnail
from edge.capture.port import Frame
from edge.capture.settings import MotionSettings
from edge.capture.synthetic.scene import Scene, SceneSettings
from edge.rules.engine import CameraRules
from edge.rules.settings import CameraRulesSettings
from edge.track.port import Tracks
from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from models.detections import Detections, Image
from protos.v1.event_batch_pb2 import EventBatch

START_NS = 1_700_000_000_000_000_000
FPS = 10
SETTINGS = MotionSettings()
STILL = Scene(SceneSettings(objects=0, noise=6))
PERSON = (60, 24)
"""Height and width in px of somebody who is far away, in a picture of 640x360."""
Box = tuple[int, int, int, int]
Where = Callable[[float], tuple[int, int] | None]
"""Left top of a person at a time in s, None while it is not there."""


def picture(number: int, box: Box | None) -> Image:
    image = STILL.picture(number)
    if box is not None:
        left, top, right, bottom = box
        image[top:bottom, left:right] = (60, 40, 40)
    return image


def frames(
    seconds: float, where: Where, begins_s: float = 0.0
) -> Iterable[tuple[Frame, Box | None]]:
    for number in range(round(begins_s * FPS), round((begins_s + seconds) * FPS)):
        at = where(number / FPS)
        box = None if at is None else (at[0], at[1], at[0] + PERSON[1], at[1] + PERSON[0])
        captured_ns = START_NS + number * 1_000_000_000 // FPS
        yield Frame("gate-cam", number, captured_ns, picture(number, box)), box


def nobody(_: float) -> None:
    return None


def comes_and_stands(time_s: float) -> tuple[int, int] | None:
    """Walks in at 20 s, and stands from 23 s on."""
    return None if time_s < 20 else (round(60 * min(time_s - 20, 3.0)) + 30, 200)


def found(box: Box | None) -> Detections:
    """What a detector that is never wrong says."""
    boxes = np.array([box] if box is not None else [], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int32))


def times_s(taken: Iterable[int]) -> list[float]:
    return [(at - START_NS) / 1e9 for at in taken]


def watched(seconds: float, where: Where) -> list[Tracks]:
    """The tracks of the frames that the gate lets through."""
    gate, tracker = MotionGate(SETTINGS, thumbnail), Tracker(TrackerSettings())
    seen = []
    for frame, box in frames(seconds, where):
        if gate.takes(frame):
            tracks = tracker.update(found(box), captured_ns=frame.captured_ns, frame=frame.number)
            gate.tell(tracks.captured_ns, len(tracks) + len(tracks.lost), tracks.tentative)
            seen.append(tracks)
    return seen


def test_noise_opens_nothing_and_an_empty_scene_is_looked_at_now_and_then() -> None:
    taken = times_s(tracks.captured_ns for tracks in watched(60, nobody))
    settled = [at for at in taken if at > SETTINGS.linger_s]
    assert settled == pytest.approx([13.0, 23.0, 33.0, 43.0, 53.0])


def test_who_comes_is_inferred_from_the_first_frame_on() -> None:
    taken = times_s(tracks.captured_ns for tracks in watched(26, comes_and_stands))
    moving = [at for at in taken if 20.0 <= at < 23.0]
    assert moving == pytest.approx([20 + number / FPS for number in range(30)])


def test_who_stands_for_a_minute_keeps_its_track_and_costs_few_frames() -> None:
    results = watched(100, comes_and_stands)
    assert {name for tracks in results for name in tracks.track_id.tolist()} == {1}
    assert not any(tracks.ended for tracks in results)
    gaps = np.diff(times_s(tracks.captured_ns for tracks in results if len(tracks)))
    assert gaps.max() <= SETTINGS.verify_s + 1 / FPS
    late = [tracks for tracks in results if tracks.captured_ns > START_NS + 70_000_000_000]
    assert len(late) < 0.2 * 30 * FPS


def test_a_dwell_is_told_a_look_and_a_frame_late_at_most() -> None:
    zone = {"id": "all", "points": [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]}
    rule = {"id": "stays", "kind": "dwell", "zone": "all", "after_s": 60.37}
    rules = CameraRules(
        "gate-cam", ["person"], "m", "1",
        CameraRulesSettings.model_validate({"zones": [zone], "rules": [rule]}),
    )  # fmt: skip
    drafts = [d for tracks in watched(90, comes_and_stands) for d in rules.step(tracks, 640, 360)]
    (dwell,) = [d.event for d in drafts if d.event.kind == EventBatch.DWELL]
    entered = next(d.event.captured_ns for d in drafts if d.event.kind == EventBatch.OBJECT_STARTED)
    late_s = (dwell.captured_ns - entered) / 1e9 - 60.37
    assert 0 <= late_s <= SETTINGS.verify_s + 1 / FPS + 1e-6
    assert dwell.rule_hit.dwell_s == pytest.approx(60.37 + late_s)


def test_who_appears_without_motion_is_looked_at_until_it_counts() -> None:
    gate = MotionGate(SETTINGS, thumbnail)
    for frame, _ in frames(20, nobody):
        gate.takes(frame)
    (after, _), *others = frames(2, nobody, begins_s=20)
    gate.tell(after.captured_ns, living=0, tentative=1)
    assert all(gate.takes(frame) for frame, _ in others)


@pytest.mark.parametrize("change", [lambda image: image // 2, lambda image: 255 - image])
def test_another_light_opens_once_and_not_for_ever(change: Callable[[Image], Image]) -> None:
    gate = MotionGate(SETTINGS, thumbnail)
    taken = []
    for frame, _ in frames(40, nobody):
        image = change(frame.image) if frame.number >= 200 else frame.image
        taken.append(gate.takes(replace(frame, image=image)))
    assert sum(taken[200:]) <= SETTINGS.linger_s * FPS + 3


def test_a_cloud_is_no_motion() -> None:
    background = Background(10.0, 8.0, 0.4)
    rng = np.random.default_rng(1)
    scene = rng.integers(20, 200, (54, 96)).astype(np.float32)
    shares = []
    for number in range(100):
        bright = 1 - 0.5 * min(number / 50, 1.0)
        noise = rng.normal(0, 1.0, scene.shape)
        grey: NDArray[np.uint8] = np.clip(scene * bright + noise, 0, 255).astype(np.uint8)
        shares.append(background.changed(grey, 0.1 if number else None))
    assert max(shares[1:]) < SETTINGS.min_area


def test_a_tree_that_sways_is_quiet_before_long_and_a_person_beside_it_is_not() -> None:
    background = Background(10.0, 8.0, 0.4)
    shares = []
    for number in range(400):
        grey = np.full((54, 96), 100, np.uint8)
        grey[:20, :30] += np.uint8(25 * (number // 3 % 2))
        if number >= 390:
            grey[30:36, 50:53] = 160
        shares.append(background.changed(grey, 0.1 if number else None))
    assert min(shares[1:10]) == 0 < max(shares[1:10])
    assert max(shares[200:390]) == 0
    assert min(shares[390:]) >= SETTINGS.min_area


def test_after_an_outage_and_when_time_runs_backwards_it_begins_anew() -> None:
    gate = MotionGate(SETTINGS, thumbnail)
    for frame, _ in frames(20, nobody):
        gate.takes(frame)
    last = START_NS + 20_000_000_000
    for captured_ns in (last + 60_000_000_000, last):
        assert gate.takes(Frame("gate-cam", 0, captured_ns, STILL.picture(0)))


@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (64, 64)])
def test_a_thumbnail_has_one_size(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 77, np.uint8)
    small = thumbnail(image)
    assert small.shape == (54, 96)
    assert small.dtype == np.uint8
    assert np.all(small == 77)
