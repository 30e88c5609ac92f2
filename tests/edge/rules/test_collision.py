"""What a vehicle will run into: told at a time before it, however fast and at any frame rate."""

import math

import numpy as np
import pytest

from edge.rules.port import Event
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import Actor, of_kind, play, rules, time_s

AHEAD = {"id": "ahead", "points": [[0.45, 0.5], [0.55, 0.5], [0.9, 1.0], [0.1, 1.0]]}


def corridor(**rule: object) -> dict[str, object]:
    """Settings with one collision rule."""
    one = {"id": "brake", "kind": "collision-warning", "zone": "ahead", "closing_s": 0, **rule}
    return {"zones": [AHEAD], "rules": [one]}


def closing(
    begins_m: float, mps: float, jitter: float = 0.0, x: float = 0.5, until_m: float = 3.0
) -> Actor:
    """A car of 1.8 m by 1.5 m, so far ahead, that comes nearer at a steady speed and stays."""
    rng = np.random.default_rng(11)

    def gap_m(now_s: float) -> float:
        return max(begins_m - mps * now_s, until_m)

    def size(now_s: float) -> tuple[float, float]:
        scale = (1 + float(rng.normal(0, jitter))) / gap_m(now_s)
        return (1.2 * scale, 1.0 * scale * 2)

    return Actor(lambda now: (x, 0.5 + 1.1 / gap_m(now)), 1, size=size)


def warnings(actor: Actor, seconds: float, fps: float = 10.0, **rule: object) -> list[Event]:
    drafts = play(rules(corridor(**rule)), {1: actor}, seconds, fps)
    return of_kind(drafts, "COLLISION_WARNING")


@pytest.mark.parametrize("fps", [5, 10, 30])
@pytest.mark.parametrize(("begins_m", "mps"), [(40.0, 10.0), (20.0, 4.0)])
def test_it_is_told_so_many_seconds_before_the_collision(
    fps: int, begins_m: float, mps: float
) -> None:
    (event,) = warnings(closing(begins_m, mps), 8.0, fps)
    left_s = begins_m / mps - time_s(event)
    assert left_s == pytest.approx(2.5, abs=1.1 / fps)
    assert event.rule_hit.value == pytest.approx(left_s, abs=1e-3)
    assert (event.rule_hit.rule, event.rule_hit.target) == ("brake", "ahead")
    assert event.object.class_name == "car"


def test_it_is_an_alarm() -> None:
    drafts = play(rules(corridor()), {1: closing(20.0, 4.0)}, 5.0)
    assert {d.lane for d in drafts if d.event.kind == EventBatch.COLLISION_WARNING} == {Lane.ALARM}


def test_trembling_boxes_do_not_move_it_by_much() -> None:
    (event,) = warnings(closing(40.0, 10.0, jitter=0.01), 8.0, fps=25, closing_s=0.1)
    assert 4.0 - time_s(event) == pytest.approx(2.5, abs=0.5)


def test_a_box_that_is_wrong_now_and_then_tells_nothing() -> None:
    right = closing(15.0, 0.0)

    def size(now_s: float) -> tuple[float, float]:
        width, height = right.size(now_s)
        is_wrong = round(now_s * 10) % 5 == 4
        return (width * 1.6, height * 1.6) if is_wrong else (width, height)

    assert warnings(Actor(right.way, 1, size=size), 20.0) == []


@pytest.mark.parametrize("mps", [0.0, -5.0, 1.0])
def test_who_keeps_its_distance_or_comes_slowly_is_not_told(mps: float) -> None:
    assert warnings(closing(25.0, mps, jitter=0.01), 15.0, fps=20) == []


def test_who_is_beside_the_corridor_is_not_told() -> None:
    assert warnings(closing(40.0, 10.0, x=0.15), 4.0) == []


def test_a_box_that_leaves_the_picture_does_not_seem_to_shrink_or_grow() -> None:
    def size(now_s: float) -> tuple[float, float]:
        return (0.2, 0.2 + 0.3 * now_s)  # beyond the upper edge

    assert warnings(Actor(lambda _: (0.5, 0.6), 1, size=lambda s: (0.2, 0.65 + s)), 4.0) == []
    assert len(warnings(Actor(lambda _: (0.5, 0.9), 1, size=size), 1.5)) == 1


def test_the_next_approach_is_told_again() -> None:
    def gap_m(now_s: float) -> float:
        return 20.0 - 15.0 * abs(math.sin(now_s * math.pi / 6.0))

    def size(now_s: float) -> tuple[float, float]:
        return (1.2 / gap_m(now_s), 2 / gap_m(now_s))

    actor = Actor(lambda now: (0.5, 0.5 + 1.1 / gap_m(now)), 1, size=size)
    assert len(warnings(actor, 12.0)) == 2
    assert len(warnings(actor, 12.0, cooldown_s=60)) == 1
