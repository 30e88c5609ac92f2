"""The tracker on a made street; its scores against others are in `make bench`."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from edge.track.port import Tracks
from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from models.detections import Detections
from models.nms import iou
from tests.support.street import WIDTH_PX
from tests.support.street_detector import Shot, shots

SEED, SECONDS, PEOPLE = 5, 30.0, 10


@cache
def recording(fps: int) -> list[Shot]:
    return shots(SEED, fps, duration_s=SECONDS, people=PEOPLE)


@pytest.fixture(params=[5, 25])
def street(request: pytest.FixtureRequest) -> list[Shot]:
    return recording(request.param)


DEFAULTS = TrackerSettings()
CREDULOUS = TrackerSettings(sure_confidence=0.0)
"""Believes whatever is seen again after `confirm_s`."""


def tracked(street: list[Shot], settings: TrackerSettings = DEFAULTS) -> list[Tracks]:
    tracker = Tracker(settings)
    return [
        tracker.update(shot.detections, captured_ns=shot.captured_ns, frame=frame)
        for frame, shot in enumerate(street)
    ]


def sightings(street: list[Shot], results: list[Tracks]) -> Counter[tuple[int, int]]:
    """How often each person, -1 for nobody, stood in the box of each track."""
    seen: Counter[tuple[int, int]] = Counter()
    for shot, tracks in zip(street, results, strict=True):
        overlap = np.concatenate((np.full((1, len(tracks)), 0.4), iou(shot.xyxy, tracks.xyxy)))
        person = np.array([-1, *shot.person])[overlap.argmax(axis=0)]
        seen.update(zip(person.tolist(), tracks.track_id.tolist(), strict=True))
    return seen


def mirrored(street: list[Shot]) -> list[Shot]:
    def turned(found: Detections) -> Detections:
        left, top, right, bottom = found.xyxy.T
        xyxy = np.stack((WIDTH_PX - right, top, WIDTH_PX - left, bottom), axis=1)
        return Detections(xyxy.astype(np.float32), found.confidence, found.class_id)

    return [replace(shot, detections=turned(shot.detections)) for shot in street]


def test_people_keep_their_ids_at_any_frame_rate(street: list[Shot]) -> None:
    seen = sightings(street, tracked(street))
    people = {person for person, _ in seen if person >= 0}
    kept = sum(max(count for (who, _), count in seen.items() if who == p) for p in people)
    of_people = sum(count for (who, _), count in seen.items() if who >= 0)
    assert len(people) >= PEOPLE
    assert kept / of_people >= 0.75


def test_what_is_nobody_has_a_low_median(street: list[Shot]) -> None:
    results = tracked(street, CREDULOUS)
    seen = sightings(street, results)
    median = {
        name: float(score)
        for tracks in results
        for name, score in zip(tracks.track_id.tolist(), tracks.median_confidence, strict=True)
    }
    long = {name for name in median if sum(n for (_, i), n in seen.items() if i == name) >= 20}
    mostly = {name: max((n, who) for (who, i), n in seen.items() if i == name)[1] for name in long}
    false = [median[name] for name in long if mostly[name] == -1]
    true = [median[name] for name in long if mostly[name] >= 0]
    assert len(false) >= 3
    assert len(true) >= PEOPLE
    assert max(false) < 0.55 < min(true)


def test_doubt_spares_what_is_nobody_and_costs_nobody(street: list[Shot]) -> None:
    doubting = sightings(street, tracked(street))
    credulous = sightings(street, tracked(street, CREDULOUS))

    def of_nobody(seen: Counter[tuple[int, int]]) -> int:
        return sum(count for (who, _), count in seen.items() if who == -1)

    assert of_nobody(doubting) < 0.85 * of_nobody(credulous)
    people = [sum(c for (who, _), c in seen.items() if who >= 0) for seen in (doubting, credulous)]
    assert people[0] > 0.97 * people[1]


def test_a_mirrored_street_has_the_same_tracks(street: list[Shot]) -> None:
    there, mirror = tracked(street), tracked(mirrored(street))
    assert [t.track_id.tolist() for t in there] == [t.track_id.tolist() for t in mirror]
    assert [t.stationary.tolist() for t in there] == [t.stationary.tolist() for t in mirror]
