"""One camera's evidence: what its frames become on their way, and what its events carry."""

import threading
from typing import Any

import numpy as np
import pytest

from edge.capture.port import Frame
from edge.evidence.camera import CameraEvidence
from edge.evidence.cutter import Clip
from edge.evidence.masks import Masks
from edge.evidence.recorder import QUEUE_FRAMES, Recorder
from edge.evidence.settings import CameraEvidenceSettings, ClipSettings
from edge.rules.port import Draft, Event
from models.detections import Image
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.processes import wait_until
from tests.support.stills import S, at, cause, decoded, frame, noise, tracks

KIND = EventBatch.Kind
BOX = (20, 10, 90, 80)


class Clips:
    """Takes clips, as the writer does."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bool, Clip]] = []

    def __call__(self, camera: str, is_masked: bool, clip: Clip, *, waits: bool = False) -> None:
        self.taken.append((camera, is_masked, clip))

    @property
    def seconds(self) -> list[list[float]]:
        return [[(s.captured_ns - at(0)) / S for s in clip.stills] for _, _, clip in self.taken]


def settings(**kept: dict[str, Any]) -> CameraEvidenceSettings:
    """What is named is enabled."""
    evidence = {name: {"enabled": True, **values} for name, values in kept.items()}
    return CameraEvidenceSettings.model_validate({"evidence": evidence})


def draft(kind: KIND, lane: Lane, track_id: int = 0, second: float = 0.0) -> Draft:
    event = Event(kind=kind, captured_ns=at(second))
    if track_id:
        event.object.track_id = track_id
    return Draft(lane, event)


HIT = draft(EventBatch.LINE_CROSSED, Lane.ALARM, 7)
STARTED = draft(EventBatch.OBJECT_STARTED, Lane.STATE, 7)
ENDED = draft(EventBatch.OBJECT_ENDED, Lane.STATE, 7)


def test_a_rule_hit_carries_the_objects_best_picture_and_its_end_refers_to_it() -> None:
    evidence = CameraEvidence("gate", settings(pictures={}), None)
    assert evidence.wants_pictures
    started, hit = evidence.look(noise(), tracks(0, {7: BOX}), [STARTED, HIT])
    assert started.shot is None
    assert hit.shot is not None
    assert hit.shot.captured_ns == at(0)
    (ended,) = evidence.look(noise(), tracks(1, {}, ended=(7,)), [ENDED])
    assert ended.shot is hit.shot


def test_an_object_that_no_rule_told_of_sends_no_picture_unless_it_shall() -> None:
    for of, is_sent in (("hits", False), ("objects", True)):
        evidence = CameraEvidence("gate", settings(pictures={"of": of}), None)
        evidence.look(noise(), tracks(0, {7: BOX}), [STARTED])
        (ended,) = evidence.look(noise(), tracks(1, {}, ended=(7,)), [ENDED])
        assert (ended.shot is not None) == is_sent


def test_objects_that_live_at_the_sources_end_have_their_pictures() -> None:
    evidence = CameraEvidence("gate", settings(pictures={"of": "objects"}), None)
    evidence.look(noise(), tracks(0, {7: BOX}), [STARTED])
    (ended,) = evidence.finish([ENDED])
    assert ended.shot is not None


def test_an_alarm_without_an_object_shows_all_of_the_frame() -> None:
    evidence = CameraEvidence("gate", settings(pictures={}), None)
    crowd = draft(EventBatch.OCCUPANCY, Lane.ALARM)
    number = draft(EventBatch.OCCUPANCY, Lane.STATE)
    alarm, state = evidence.look(noise(), tracks(0, {}), [crowd, number])
    assert alarm.shot is not None
    assert (alarm.shot.width_px, alarm.shot.height_px) == (160, 120)
    assert state.shot is None


def test_pictures_that_nobody_wants_are_not_taken() -> None:
    clips = Clips()
    with CameraEvidence("gate", settings(clips={}), clips) as evidence:
        assert not evidence.wants_pictures
        assert evidence.look(None, tracks(0, {7: BOX}), [STARTED]) == [STARTED]
    assert clips.taken == []


@pytest.mark.parametrize(
    ("kinds", "told"), [(None, [True, False]), (["object-started"], [False, True])]
)
def test_which_events_have_a_clip_can_be_chosen(kinds: list[str] | None, told: list[bool]) -> None:
    clips = Clips()
    with CameraEvidence("gate", settings(clips={"kinds": kinds}), clips) as evidence:
        evidence.passed(frame(0, noise()))
        drafts = evidence.look(None, tracks(0, {7: BOX}), [HIT, STARTED])
        assert [one.name is not None for one in drafts] == told
    (taken,) = clips.taken
    assert taken[:2] == ("gate", False)
    kind = "object-started" if kinds else "line-crossed"
    assert [(one.kind, one.track_id) for one in taken[2].causes] == [(kind, 7)]
    assert taken[2].cut == "source"


def recorder(clips: Clips, **changes: Any) -> Recorder:
    values = {"enabled": True, "before_s": 1, "after_s": 1, "max_s": 10, "fps": 5, **changes}
    return Recorder(
        "gate", ClipSettings.model_validate(values), Masks([]),
        lambda clip: clips("gate", False, clip), is_lossless=True, source_gone_s=0.0,
    )  # fmt: skip


def feed(recording: Recorder, begin: float, end: float, fps: float, image: Image) -> None:
    for number in range(round(begin * fps), round(end * fps)):
        recording.offer(frame(number / fps, image, number))


@pytest.mark.parametrize("fps", [10, 25, 30])
def test_a_clip_has_the_rate_that_was_asked_for(fps: float) -> None:
    clips, recording = Clips(), recorder(Clips())
    recording = recorder(clips)
    recording.start()
    feed(recording, 0, 3, fps, noise())
    recording.tell(cause(2))
    feed(recording, 3, 6, fps, noise())
    recording.stop()
    (seconds,) = clips.seconds
    assert len(seconds) in (10, 11)
    assert seconds[0] == pytest.approx(1, abs=0.11)
    assert seconds[-1] == pytest.approx(3, abs=0.11)


def test_a_slower_camera_is_taken_as_it_comes() -> None:
    clips = Clips()
    recording = recorder(clips)
    recording.start()
    feed(recording, 0, 3, 2, noise())
    recording.tell(cause(2))
    feed(recording, 3, 6, 2, noise())
    recording.stop()
    assert clips.seconds == [[1.0, 1.5, 2.0, 2.5, 3.0]]


def test_pictures_are_scaled_to_even_sides() -> None:
    clips = Clips()
    recording = recorder(clips, height_px=64)
    recording.start()
    recording.offer(frame(0, noise(121, 161)))
    recording.tell(cause(0))
    recording.stop()
    ((_, _, clip),) = clips.taken
    (still,) = clip.stills
    assert (still.width_px, still.height_px) == (86, 64)
    assert decoded(still.jpeg).shape == (64, 86, 3)


def test_a_clip_of_a_source_that_dies_ends_by_itself() -> None:
    clips = Clips()
    recording = recorder(clips, after_s=0)
    recording.start()
    feed(recording, 0, 2, 5, noise())
    recording.tell(cause(1.8))
    wait_until(lambda: len(clips.taken) == 1, "the clip")
    assert clips.taken[0][2].cut == "source"
    recording.stop()


def test_a_live_camera_never_waits_for_its_clips() -> None:
    """What its thread cannot take is dropped and counted."""
    clips, stuck = Clips(), threading.Event()

    def keep(clip: Clip) -> None:
        assert stuck.wait(60)
        clips("gate", False, clip)

    told = ClipSettings(enabled=True, before_s=1, after_s=0, max_s=10, fps=5)
    recording = Recorder("gate", told, Masks([]), keep)
    recording.start()
    recording.offer(frame(0, noise()))
    recording.tell(cause(0))
    wait_until(lambda: recording.stats.stills == 1, "the first still")
    recording.offer(frame(30, noise()))  # completes the clip, and nobody takes it
    wait_until(lambda: recording.stats.clips == 1, "the clip")
    for number in range(QUEUE_FRAMES + 3):
        recording.offer(frame(31 + number, noise()))
    assert recording.stats.dropped == 3
    stuck.set()
    recording.stop()
    assert recording.stats.stills == 2 + QUEUE_FRAMES
    assert len(clips.taken) == 1


def test_a_frame_that_is_no_picture_is_left_out() -> None:
    clips = Clips()
    recording = recorder(clips)
    recording.start()
    recording.offer(Frame("gate", 0, at(0), np.empty((0, 0, 3), np.uint8)))
    recording.offer(frame(1, noise()))
    recording.tell(cause(1))
    recording.stop()
    assert clips.seconds == [[1.0]]
    assert recording.stats.dropped == 1


def test_what_has_ended_holds_no_pictures() -> None:
    """A camera that begins anew would else cost its memory twice: who watches still has it."""
    evidence = CameraEvidence("gate", settings(pictures={}, clips={}), Clips())
    with evidence:
        for second in range(3):
            evidence.passed(frame(second, noise()))
            evidence.look(noise(), tracks(second, {7: BOX}), [])
        wait_until(lambda: evidence.stats.recorder.stills == 3, "the pictures are kept")
        assert evidence.held_bytes > 3 * 1000
    assert evidence.held_bytes == 0
    assert evidence.stats.recorder.stills == 3
