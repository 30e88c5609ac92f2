"""When an object that goes on is told again, and what it says of its life."""

from dataclasses import replace

import numpy as np
import pytest

from edge.rules.port import Event
from tests.edge.rules.scenes import HEIGHT_PX, WIDTH_PX, Actor, of_kind, rules, time_s, tracks_at


def told(rests_s: tuple[float, float], update_s: float = 60.0) -> list[Event]:
    """Updates of an object that stands, and is stationary in between."""
    camera = rules({"objects": {"update_s": update_s}})
    drafts = []
    for frame in range(200):
        now_s = frame / 10
        rests = [7] if rests_s[0] <= now_s < rests_s[1] else []
        seen = {7: ((0.5, 0.5), Actor(lambda _: (0.5, 0.5)))}
        drafts += camera.step(tracks_at(now_s, frame, seen, stationary=rests), WIDTH_PX, HEIGHT_PX)
    return of_kind(drafts, "OBJECT_UPDATED")


def test_who_comes_to_rest_and_who_moves_on_is_told_at_once() -> None:
    updates = told((5.0, 11.0))
    assert [time_s(event) for event in updates] == pytest.approx([5.0, 11.0])
    assert [event.object.stationary for event in updates] == [True, False]


def test_an_object_that_stands_all_the_time_is_not_told_again() -> None:
    assert told((30.0, 30.0), update_s=1.0) == []


def test_the_median_score_is_told_beside_the_last_one() -> None:
    camera = rules({})
    tracks = tracks_at(0.0, 0, {1: ((0.5, 0.5), Actor(lambda _: (0.5, 0.5), confidence=0.4))})
    tracks = replace(tracks, median_confidence=np.array([0.735], np.float32))
    (started,) = camera.step(tracks, WIDTH_PX, HEIGHT_PX)
    (ended,) = camera.finish()
    for draft in (started, ended):
        assert draft.event.object.confidence == pytest.approx(0.4)
        assert draft.event.object.median_confidence == pytest.approx(0.735)
