"""The life of objects, and one camera's events as a whole."""

import numpy as np
import pytest

from edge.rules.engine import CameraRules
from protos.ids import Lane
from tests.edge.rules.scenes import (
    HEIGHT_PX,
    START_NS,
    WIDTH_PX,
    Actor,
    Place,
    kinds,
    of_kind,
    play,
    rules,
    straight,
    time_s,
    tracks_at,
)

STANDING = Actor(lambda _: (0.5, 0.5))


def test_an_object_starts_once_and_ends_once() -> None:
    drafts = play(rules({}), {4: STANDING}, 5.0)
    assert kinds(drafts) == ["OBJECT_STARTED", "OBJECT_ENDED"]
    assert {draft.lane for draft in drafts} == {Lane.STATE}
    ended = drafts[1].event
    assert ended.rule_hit.dwell_s == pytest.approx(5.0)
    assert time_s(ended) == pytest.approx(5.0)


def test_an_event_says_all_about_its_object() -> None:
    (started,) = rules({}).step(
        tracks_at(2.0, 20, {9: ((0.5, 0.8), Actor(lambda _: None, 1, 0.75))}, {9: START_NS}),
        WIDTH_PX,
        HEIGHT_PX,
    )
    event = started.event
    assert (event.camera, event.model, event.model_version) == ("gate-cam", "yolox-nano", "1.0")
    assert (event.captured_ns, event.frame, event.seq) == (START_NS + 2_000_000_000, 20, 0)
    assert (event.object.track_id, event.object.class_name) == (9, "car")
    assert (event.object.confidence, event.object.first_seen_ns) == (0.75, START_NS)
    box = event.object.box
    assert [box.top, box.left, box.width, box.height] == pytest.approx([0.7, 0.48, 0.04, 0.1])


def test_a_box_beyond_the_picture_is_cut_at_its_edge() -> None:
    (draft,) = rules({}).step(tracks_at(0.0, 0, {1: ((0.0, 0.05), STANDING)}), WIDTH_PX, HEIGHT_PX)
    box = draft.event.object.box
    assert [box.top, box.left, box.width, box.height] == pytest.approx([0, 0, 0.02, 0.05])


@pytest.mark.parametrize("fps", [2, 10, 25])
def test_who_moves_is_told_once_a_second_at_any_frame_rate(fps: int) -> None:
    walk = Actor(straight((0.1, 0.5), (0.9, 0.5), 10.0))
    updates = of_kind(play(rules({}), {1: walk}, 10.0, fps), "OBJECT_UPDATED")
    assert [time_s(event) for event in updates] == pytest.approx(list(range(1, 11)))


def test_a_slow_drift_is_told_when_it_has_become_a_move() -> None:
    drift = Actor(straight((0.50, 0.5), (0.55, 0.5), 50.0))
    updates = of_kind(play(rules({}), {1: drift}, 50.0), "OBJECT_UPDATED")
    assert [time_s(event) for event in updates] == pytest.approx([20.0, 40.0], abs=0.21)


def test_trembling_is_no_change() -> None:
    rng = np.random.default_rng(5)

    def tremble(_: float) -> Place:
        return (0.5 + float(rng.uniform(-0.008, 0.008)), 0.5)

    assert of_kind(play(rules({}), {1: Actor(tremble)}, 20.0), "OBJECT_UPDATED") == []


def test_another_confidence_is_a_change() -> None:
    camera = rules({})
    found = []
    for frame, confidence in enumerate((0.9, 0.85, 0.8, 0.5, 0.5)):
        actor = Actor(lambda _: None, confidence=confidence)
        found += camera.step(tracks_at(frame, frame, {1: ((0.5, 0.5), actor)}), 800, 400)
    assert [event.frame for event in of_kind(found, "OBJECT_UPDATED")] == [3]


def test_the_wait_between_updates_is_a_setting() -> None:
    walk = Actor(straight((0.1, 0.5), (0.9, 0.5), 10.0))
    updates = of_kind(play(rules({"objects": {"update_s": 4}}), {1: walk}, 10.0), "OBJECT_UPDATED")
    assert [time_s(event) for event in updates] == pytest.approx([4.0, 8.0])


def test_an_ended_object_is_told_as_it_was_last_seen_and_forgotten() -> None:
    camera = rules({})
    actors = {1: Actor(lambda now: (0.2, 0.5) if now <= 1 else None), 2: STANDING}
    play(camera, actors, 3.0, until_finish=False)
    assert len(camera) == 2
    frame = tracks_at(3.1, 31, {2: ((0.5, 0.5), STANDING)}, ended=(1, 99))
    (ended,) = camera.step(frame, WIDTH_PX, HEIGHT_PX)
    assert (ended.event.object.track_id, ended.event.frame) == (1, 10)
    assert time_s(ended.event) == pytest.approx(1.0)
    assert len(camera) == 1
    assert kinds(camera.finish()) == ["OBJECT_ENDED"]
    assert camera.finish() == []


def test_state_of_the_others_is_left_alone_when_one_ends() -> None:
    settings = {
        "zones": [{"id": "yard", "points": [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]]}],
        "lines": [{"id": "gate", "points": [[0.0, 0.3], [1.0, 0.3]]}],
        "rules": [
            {"id": "in-yard", "kind": "zone", "zone": "yard"},
            {"id": "in-out", "kind": "line", "line": "gate"},
        ],
    }
    camera = rules(settings)
    walk = straight((0.5, 0.1), (0.5, 0.5), 2.0)
    for frame in range(60):
        now = frame / 10
        seen = {2: (walk(now), STANDING)}
        if frame < 10:
            seen[1] = ((0.1, 0.9), STANDING)
        drafts = camera.step(
            tracks_at(now, frame, seen, ended=(1,) if frame == 15 else ()), WIDTH_PX, HEIGHT_PX
        )
        for event in of_kind(drafts, "LINE_CROSSED", "ZONE_ENTERED"):
            assert event.object.track_id == 2
        if frame == 59:
            left = of_kind(camera.finish(), "ZONE_EXITED")
            assert [e.rule_hit.dwell_s for e in left] == [pytest.approx(4.4, abs=0.11)]


def test_memory_is_that_of_the_living() -> None:
    camera = rules({"lines": [{"id": "gate", "points": [[0, 0.5], [1, 0.5]]}],
                    "rules": [{"id": "in-out", "kind": "line", "line": "gate"}]})  # fmt: skip
    for frame in range(300):
        seen = {frame + 1: ((0.5, 0.4), STANDING)}
        camera.step(tracks_at(frame / 10, frame, seen, ended=(frame,)), WIDTH_PX, HEIGHT_PX)
        assert len(camera) == 1


def test_the_same_tracks_make_the_same_events() -> None:
    def run(camera: CameraRules) -> list[bytes]:
        walk = Actor(straight((0.1, 0.1), (0.9, 0.9), 5.0))
        drafts = play(camera, {1: walk, 2: STANDING}, 5.0)
        return [draft.event.SerializeToString(deterministic=True) for draft in drafts]

    assert run(rules({})) == run(rules({}))
