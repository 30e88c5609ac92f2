"""Who has come to rest, as rules about presence take it that leave the stationary out."""

from collections.abc import Mapping

import pytest

from edge.rules.port import Draft
from tests.edge.rules.scenes import HEIGHT_PX, WIDTH_PX, Actor, kinds, rules, time_s, tracks_at

ZONES = [{"id": "yard", "points": [(0.2, 0.2), (0.8, 0.2), (0.8, 0.9), (0.2, 0.9)]}]
FPS, PARKS_S, LEAVES_S, GONE_S = 10, 10.0, 60.0, 62.0
WATCHED: Mapping[str, Mapping[str, object]] = {
    "zone": {},
    "dwell": {"after_s": 5.0, "repeat_s": 10.0},
    "occupancy": {},
    "zone-counts": {"interval_s": 10},
}


def parked(kind: str, stationary: str) -> list[Draft]:
    """A car that drives in at 1 s, is stationary from 10 s on, and drives off after a minute."""
    rule = {"id": "the-rule", "kind": kind, "zone": "yard", "stationary": stationary}
    camera = rules({"zones": ZONES, "rules": [{**rule, **WATCHED[kind]}]})
    drafts: list[Draft] = []
    for frame in range(round(65 * FPS)):
        now_s = frame / FPS
        x = 0.5 if 1.0 <= now_s < LEAVES_S + 1 else 0.05
        car = Actor(lambda _: (0.5, 0.5))
        rests = [1] if PARKS_S <= now_s < LEAVES_S else []
        seen = {1: ((x, 0.5), car)} if now_s < GONE_S else {}
        tracks = tracks_at(
            now_s, frame, seen, {1: 0}, (1,) if now_s == GONE_S else (), stationary=rests
        )
        drafts += camera.step(tracks, WIDTH_PX, HEIGHT_PX)
    return drafts


def told(kind: str, stationary: str) -> list[tuple[str, float]]:
    """What the rule said of the parked car, and when."""
    drafts = [draft for draft in parked(kind, stationary) if draft.event.rule_hit.rule]
    return [
        (name, round(time_s(draft.event), 1))
        for name, draft in zip(kinds(drafts), drafts, strict=True)
    ]


def test_a_parked_car_is_in_its_zone_unless_the_rule_leaves_it_out() -> None:
    assert [name for name, _ in told("zone", "include")] == ["ZONE_ENTERED", "ZONE_EXITED"]
    without = told("zone", "exclude")
    assert [name for name, _ in without] == ["ZONE_ENTERED", "ZONE_EXITED"] * 2
    assert [at for _, at in without[1:3]] == [PARKS_S + 0.5, LEAVES_S + 0.5]


def test_a_parked_car_alerts_until_it_has_come_to_rest_and_not_all_night() -> None:
    assert len(told("dwell", "include")) == 6
    assert told("dwell", "exclude") == [("DWELL", 6.0)]


def test_a_parked_car_is_not_among_those_that_are_there() -> None:
    numbers = [draft.event.rule_hit.value for draft in parked("occupancy", "exclude")
               if draft.event.rule_hit.rule]  # fmt: skip
    assert numbers == [1.0, 0.0]
    always = [draft.event.rule_hit.value for draft in parked("occupancy", "include")
              if draft.event.rule_hit.rule]  # fmt: skip
    assert always == [1.0, 0.0]
    assert told("occupancy", "exclude")[1][1] < told("occupancy", "include")[1][1]


@pytest.mark.parametrize(("stationary", "intervals"), [("include", 6), ("exclude", 2)])
def test_a_parked_car_counts_in_the_intervals_in_which_it_is_there(
    stationary: str, intervals: int
) -> None:
    counted = [draft.event.counts.counts for draft in parked("zone-counts", stationary)]
    assert sum(len(counts) for counts in counted) == intervals
