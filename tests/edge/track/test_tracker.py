"""The life of tracks, as the rules and an operator see it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.track.port import Tracks
from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from models.detections import Detections
from tests.edge.track.boxes import START_NS, at, detections, ids, run

NOBODY = detections([])
DEFAULTS = TrackerSettings()


def walker(frames: int, fps: float, speed: float = 60.0) -> list[Detections]:
    """One person who walks at `speed` px/s."""
    return [detections([at(number / fps * speed)]) for number in range(frames)]


@st.composite
def clips(draw: st.DrawFn) -> list[Detections]:
    """Anything a detector may say for some frames."""
    seed, frames = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 40))
    rng = np.random.default_rng(seed)
    clip = []
    for _ in range(frames):
        count = int(rng.integers(0, 12))
        corner = rng.uniform(0, 300, (count, 2))
        size = rng.uniform(5, 120, (count, 2))
        boxes = np.concatenate((corner, corner + size), axis=1).astype(np.float32)
        confidence = rng.uniform(0, 1, count).astype(np.float32)
        clip.append(Detections(boxes, confidence, rng.integers(0, 2, count, np.int32)))
    return clip


def test_a_track_is_told_once_it_is_confirmed_and_from_its_first_frame_on() -> None:
    results = run(Tracker(DEFAULTS), walker(9, fps=30), fps=30)
    assert [len(tracks) for tracks in results] == [0] * 6 + [1] * 3
    assert results[6].track_id.tolist() == [1]
    assert results[6].first_seen_ns.tolist() == [START_NS]
    assert (results[6].captured_ns, results[6].frame) == (START_NS + 200_000_000, 6)


def test_the_box_is_the_detected_one() -> None:
    clip = walker(6, fps=10)
    for tracks, found in zip(run(Tracker(DEFAULTS), clip, fps=10)[2:], clip[2:], strict=True):
        np.testing.assert_array_equal(tracks.xyxy, found.xyxy)
        np.testing.assert_array_equal(tracks.confidence, found.confidence)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_flicker_is_no_object(frames: int) -> None:
    tracker = Tracker(DEFAULTS)
    results = run(tracker, [detections([at(0)])] * frames + [NOBODY] * 10, fps=10)
    assert ids(results) == set()
    assert len(tracker) == 0
    assert not any(tracks.ended for tracks in results)


def test_an_unsure_box_starts_no_track() -> None:
    clip = [detections([at(0)], 0.55)] * 20
    assert ids(run(Tracker(DEFAULTS), clip, fps=10)) == set()


def test_two_who_pass_each_other_keep_their_ids() -> None:
    clip = [
        detections([at(number * 8.0, y=100), at(400 - number * 8.0, y=130)]) for number in range(50)
    ]
    results = run(Tracker(DEFAULTS), clip, fps=10)
    lefts = {
        name: [float(t.xyxy[t.track_id == name][0, 0]) for t in results[2:]] for name in (1, 2)
    }
    assert ids(results) == {1, 2}
    assert lefts[1] == sorted(lefts[1])
    assert lefts[2] == sorted(lefts[2], reverse=True)


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_the_id_outlives_a_short_occlusion_at_any_frame_rate(fps: int) -> None:
    clip = walker(6 * fps, fps)
    clip[2 * fps : 3 * fps] = [NOBODY] * fps
    results = run(Tracker(DEFAULTS), clip, fps)
    assert ids(results) == {1}
    assert results[-1].track_id.tolist() == [1]


def test_behind_something_a_low_score_keeps_the_track_in_sight() -> None:
    clip = walker(20, fps=10)
    clip[8:14] = [detections([at(number * 6.0)], 0.3) for number in range(8, 14)]
    results = run(Tracker(DEFAULTS), clip, fps=10)
    assert [len(tracks) for tracks in results] == [0] * 2 + [1] * 18
    assert ids(results) == {1}


@pytest.mark.parametrize("fps", [4, 25])
def test_a_lost_track_ends_once_after_its_seconds(fps: int) -> None:
    results = run(Tracker(DEFAULTS), walker(2 * fps, fps) + [NOBODY] * 5 * fps, fps)
    ends = [tracks for tracks in results if tracks.ended]
    assert [tracks.ended for tracks in ends] == [(1,)]
    last_seen_ns = START_NS + round((2 * fps - 1) * 1e9 / fps)
    late_s = (ends[0].captured_ns - last_seen_ns) / 1e9 - DEFAULTS.lost_s
    assert 0 < late_s <= 1 / fps + 1e-6


def test_who_comes_back_too_late_is_somebody_else() -> None:
    clip = walker(10, 10, speed=0) + [NOBODY] * 25 + walker(10, 10, speed=0)
    assert ids(run(Tracker(DEFAULTS), clip, fps=10)) == {1, 2}


def test_nothing_goes_on_after_an_outage_of_the_camera() -> None:
    tracker = Tracker(DEFAULTS)
    run(tracker, walker(10, 10, speed=0), fps=10)
    late_ns = START_NS + 60_000_000_000
    tracks = tracker.update(detections([at(0)]), captured_ns=late_ns, frame=10)
    assert (tracks.ended, len(tracks)) == ((1,), 0)


def test_frames_without_time_between_them_are_survived() -> None:
    tracker = Tracker(DEFAULTS)
    run(tracker, walker(10, 10, speed=0), fps=10)
    for captured_ns in (START_NS + 900_000_000, START_NS):
        tracks = tracker.update(detections([at(0)]), captured_ns=captured_ns, frame=10)
        assert tracks.track_id.tolist() == [1]


def test_ids_go_on_where_an_earlier_tracker_stopped() -> None:
    tracker = Tracker(DEFAULTS, first_id=41)
    assert ids(run(tracker, walker(5, 10), fps=10)) == {41}
    assert tracker.next_id == 42
    with pytest.raises(ValueError, match="first_id: expected 1 or higher, got 0"):
        Tracker(DEFAULTS, first_id=0)


@pytest.mark.parametrize("fps", [5, 25])
def test_who_stays_is_stationary_after_its_seconds_and_until_it_leaves(fps: int) -> None:
    rng = np.random.default_rng(1)
    stay = [detections([at(*rng.normal((0, 100), 1.5))]) for _ in range(7 * fps)]
    leave = [detections([at(number / fps * 60.0)]) for number in range(3 * fps)]
    results = run(Tracker(DEFAULTS), stay + leave, fps)
    stationary = {
        (tracks.captured_ns - START_NS) / 1e9 for tracks in results if tracks.stationary.any()
    }
    assert ids(results) == {1}
    assert min(stationary) == pytest.approx(DEFAULTS.stationary_s)
    assert 7.0 < max(stationary) < 8.0
    assert len(stationary) == round((max(stationary) - min(stationary)) * fps) + 1


def test_who_is_hidden_is_lost_and_comes_back_as_stationary_as_before() -> None:
    clip = walker(60, 10, speed=0) + [NOBODY] * 10 + walker(10, 10, speed=0)
    results = run(Tracker(DEFAULTS), clip, fps=10)
    assert [tracks.lost for tracks in results] == [()] * 60 + [(1,)] * 10 + [()] * 10
    assert results[-1].stationary.tolist() == [True]


def test_a_tentative_track_is_never_told_as_lost() -> None:
    results = run(Tracker(DEFAULTS), [detections([at(0)]), NOBODY, NOBODY, NOBODY], fps=10)
    assert not any(tracks.lost for tracks in results)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0.625, 1.0, width=32), min_size=3, max_size=40))
def test_the_median_is_that_of_every_frame_that_showed_the_track(scores: list[float]) -> None:
    clip = [detections([at(0)], score) for score in scores]
    results = run(Tracker(TrackerSettings(sure_confidence=0.0)), clip, fps=10)
    lower, upper = np.percentile(scores, 50, method="lower"), np.percentile(scores, 50)
    median = float(results[-1].median_confidence[0])
    assert lower - 0.01 <= median <= upper + 0.01


def test_who_stands_where_it_was_a_while_ago_is_the_same_if_it_was_stationary() -> None:
    away = round(DEFAULTS.stationary_lost_s - 2) * 10
    clip = walker(60, 10, speed=0) + [NOBODY] * away + walker(10, 10, speed=0)
    results = run(Tracker(DEFAULTS), clip, fps=10)
    assert ids(results) == {1}
    assert results[60 + away - 1].lost == (1,)
    assert results[-1].stationary.tolist() == [True]


def test_a_stationary_track_that_waits_is_found_at_its_place_only() -> None:
    beside = [detections([at(60)])] * 10
    results = run(Tracker(DEFAULTS), walker(60, 10, speed=0) + [NOBODY] * 40 + beside, fps=10)
    assert ids(results) == {1, 2}
    assert results[-1].lost == (1,)


def test_a_stationary_track_ends_once_its_time_of_waiting_is_over() -> None:
    results = run(Tracker(DEFAULTS), walker(60, 10, speed=0) + [NOBODY] * 120, fps=10)
    ends = [tracks for tracks in results if tracks.ended]
    assert [tracks.ended for tracks in ends] == [(1,)]
    late_s = (ends[0].captured_ns - START_NS) / 1e9 - 5.9 - DEFAULTS.stationary_lost_s
    assert 0 < late_s <= 0.1 + 1e-6


def test_nobody_waits_for_what_never_was_surely_an_object() -> None:
    unsure = [detections([at(0)], 0.65)] * 70
    results = run(Tracker(DEFAULTS), unsure + [NOBODY] * 30, fps=10)
    assert results[69].stationary.tolist() == [True]
    ends = [tracks.captured_ns for tracks in results if tracks.ended]
    assert (ends[0] - START_NS) / 1e9 == pytest.approx(6.9 + DEFAULTS.lost_s, abs=0.11)


@pytest.mark.parametrize("fps", [5, 25])
def test_who_neither_moves_nor_is_sure_is_doubted_for_longer(fps: int) -> None:
    stands = [detections([at(0)], 0.65)] * 3 * fps
    moves = [detections([at(number / fps * 60.0)], 0.65) for number in range(fps)]
    first_told_s = [
        next(t.captured_ns for t in run(Tracker(DEFAULTS), clip, fps) if len(t)) - START_NS
        for clip in (stands, moves)
    ]
    assert first_told_s[0] / 1e9 == pytest.approx(DEFAULTS.doubt_s, abs=1e-6)
    assert DEFAULTS.confirm_s <= first_told_s[1] / 1e9 < 0.5


def test_a_box_that_flickers_about_the_threshold_and_stays_is_no_object() -> None:
    clip = [detections([at(0)], 0.62 if number % 5 < 2 else 0.52) for number in range(200)]
    assert ids(run(Tracker(DEFAULTS), clip, fps=10)) == set()


def test_no_known_object_jumps() -> None:
    clip = [detections([at(0, width=200)])] * 25 + [detections([at(110, width=200)])] * 25
    results = run(Tracker(DEFAULTS), clip, fps=25)
    assert results[25].lost == (1,)
    assert results[-1].track_id.tolist() == [2]


def test_a_second_box_of_an_object_is_no_second_object() -> None:
    double = [detections([at(0), at(0, height=50)], [0.9, 0.7])] * 20
    assert ids(run(Tracker(DEFAULTS), walker(5, 10, speed=0) + double, fps=10)) == {1}


def test_another_class_at_the_same_place_is_another_object() -> None:
    both = [detections([at(0), at(0)], class_id=[0, 1])] * 20
    results = run(Tracker(DEFAULTS), walker(5, 10, speed=0) + both, fps=10)
    assert results[-1].class_id.tolist() == [0, 1]


def test_tracks_made_by_others_have_the_defaults_of_what_they_leave_out() -> None:
    seen = run(Tracker(DEFAULTS), walker(9, fps=10), fps=10)[-1]
    bare = Tracks(
        seen.captured_ns, seen.frame, seen.track_id, seen.xyxy, seen.confidence, seen.class_id,
        seen.first_seen_ns, (),
    )  # fmt: skip
    assert (bare.lost, bare.stationary.tolist()) == ((), [False])
    np.testing.assert_array_equal(bare.median_confidence, seen.confidence)


@settings(deadline=None, max_examples=50)
@given(clips())
def test_the_same_frames_give_the_same_tracks(clip: list[Detections]) -> None:
    def told(tracks: Tracks) -> list[object]:
        return [
            tracks.track_id.tolist(), tracks.xyxy.tolist(), tracks.ended, tracks.lost,
            tracks.stationary.tolist(), tracks.median_confidence.tolist(),
        ]  # fmt: skip

    first, second = (run(Tracker(DEFAULTS), clip, fps=10) for _ in range(2))
    assert [told(tracks) for tracks in first] == [told(tracks) for tracks in second]


@settings(deadline=None, max_examples=50)
@given(clips(), st.sampled_from([2, 10, 30]))
def test_an_id_names_one_track_of_one_class_for_one_stretch_of_time(
    clip: list[Detections], fps: int
) -> None:
    tracker = Tracker(TrackerSettings(lost_s=0.5))
    over: set[int] = set()
    classes: dict[int, int] = {}
    first_seen: dict[int, int] = {}
    for tracks in run(tracker, clip, fps):
        assert not over & set(tracks.ended)
        over |= set(tracks.ended)
        names = tracks.track_id.tolist()
        assert len(names) == len(set(names))
        assert not over & set(names)
        for name, kind, since in zip(
            names, tracks.class_id.tolist(), tracks.first_seen_ns.tolist(), strict=True
        ):
            assert classes.setdefault(name, kind) == kind
            assert first_seen.setdefault(name, since) == since
    assert sorted(classes) == list(range(1, tracker.next_id))


def test_memory_is_bounded_whatever_the_detector_says() -> None:
    tracker = Tracker(TrackerSettings(max_tracks=50))
    rng = np.random.default_rng(1)
    for number in range(100):
        left_top = rng.uniform(0, 5000, (80, 2))
        boxes = np.concatenate((left_top, left_top + 20), axis=1).astype(np.float32)
        found = Detections(boxes, np.full(80, 0.9, np.float32), np.zeros(80, np.int32))
        tracker.update(found, captured_ns=START_NS + number * 100_000_000, frame=number)
        assert len(tracker) <= 50


def test_the_surest_are_tracked_where_there_is_no_room_for_all() -> None:
    tracker = Tracker(TrackerSettings(max_tracks=2))
    clip = [detections([at(0), at(200), at(400)], [0.7, 0.9, 0.8])] * 3
    assert run(tracker, clip, fps=10)[-1].xyxy[:, 0].tolist() == [200, 400]


def test_nobody_begins_where_there_are_more_than_settings_now_allow() -> None:
    tracker = Tracker(TrackerSettings(max_tracks=4))
    crowd = [at(number * 200.0) for number in range(4)]
    run(tracker, [detections(crowd)] * 3, fps=10)
    tracker.follow(TrackerSettings(max_tracks=2))
    others = [at(number * 200.0, y=400.0) for number in range(4)]
    later = detections([*crowd, *others])
    tracker.update(later, captured_ns=START_NS + 300_000_000, frame=3)
    assert len(tracker) == 4


def test_confidences_follow_the_models_threshold_unless_they_are_set() -> None:
    own = DEFAULTS.for_threshold(0.65)
    assert (own.low_confidence, own.high_confidence, own.new_confidence) == (0.325, 0.65, 0.65)
    mixed = TrackerSettings(new_confidence=0.9, lost_s=5).for_threshold(0.3)
    assert (mixed.low_confidence, mixed.high_confidence) == (0.15, 0.3)
    assert (mixed.new_confidence, mixed.lost_s) == (0.9, 5)


def test_confidences_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="low_confidence <= high_confidence"):
        TrackerSettings(low_confidence=0.7, new_confidence=0.6)
    alone = TrackerSettings(low_confidence=0.55)
    assert alone.for_threshold(0.65).low_confidence == 0.55
    with pytest.raises(ValidationError, match=r"not low_confidence 0.55, high_confidence 0.3, new"):
        alone.for_threshold(0.3)
