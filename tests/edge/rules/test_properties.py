"""What must not change what rules say: the order of tracks, the pace of the world, a mirror."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.rules.engine import CameraRules
from edge.rules.settings import CameraRulesSettings
from edge.track.port import Tracks
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import (
    HEIGHT_PX,
    START_NS,
    WIDTH_PX,
    Actor,
    Place,
    rules,
    through,
    tracks_at,
)

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without shrinking, which takes minutes with scenes like these."""
SECONDS = 12
FPS = 5
Fact = tuple[int, str, str, tuple[int, ...], int]
"""Frame, kind, rule, objects, direction."""


def everything(slower: int = 1, is_mirrored: bool = False) -> dict[str, Any]:
    """Settings with a rule of each kind, for a world in slow motion or in a mirror."""

    def at(x: float, y: float) -> Place:
        return (1.0 - x, y) if is_mirrored else (x, y)

    k = slower
    yard = {"zone": "yard", "min_s": 0.4 * k}
    return {
        "zones": [
            {"id": "yard", "points": [at(0.3, 0.3), at(0.8, 0.35), at(0.7, 0.9), at(0.25, 0.8)]}
        ],
        "lines": [{"id": "gate", "points": [at(0.1, 0.55), at(0.9, 0.6)]}],
        "ground": {
            "points": [at(0.2, 0.95), at(0.8, 0.95), at(0.65, 0.25), at(0.35, 0.25)],
            "metres": [(0, 0), (8, 0), (8, 24), (0, 24)],
            "window_s": 1.0 * k,
        },
        "rules": [
            {"id": "visit", "kind": "zone", **yard, "cooldown_s": 3.0 * k},
            {"id": "over", "kind": "line", "line": "gate", "min_s": 0.2 * k},
            {"id": "stay", "kind": "dwell", **yard, "after_s": 2.0 * k, "repeat_s": 2.6 * k},
            {"id": "fill", "kind": "occupancy", **yard, "settle_s": 1.0 * k},
            {"id": "full", "kind": "occupancy", **yard, "settle_s": 1.0 * k, "at_least": 2},
            {"id": "ghost", "kind": "wrong-way", "right_way": [at(0.4, 0.5), at(0.6, 0.5)],
             "tolerance_deg": 43.7, "min_distance": 0.137, "moving_s": 0.6 * k},
            {"id": "fast", "kind": "speed", "limit_mps": 3.137 / k, "over_s": 0.4 * k,
             "rearm_s": 1.0 * k},
            {"id": "apart", "kind": "proximity", "metres": 2.137, "near_s": 0.6 * k,
             "rearm_s": 1.0 * k},
            {"id": "brake", "kind": "collision-warning", **yard, "ttc_s": 2.137 * k,
             "window_s": 1.0 * k, "closing_s": 0.2 * k, "rearm_s": 1.0 * k},
        ],
        "objects": {"update_s": 1.0 * k, "min_move": 0.0137},
    }  # fmt: skip


hundredths = st.tuples(st.integers(5, 95), st.integers(28, 95))
walks = st.lists(st.lists(hundredths, min_size=4, max_size=4), min_size=1, max_size=5)


def actors(
    ways: list[list[tuple[int, int]]], slower: int = 1, is_mirrored: bool = False
) -> dict[int, Actor]:
    """Somebody for each way, who grows in the picture from its top to its bottom."""
    found = {}
    for number, way in enumerate(ways, 1):
        # Off the edges of zones and the limits of rules, where the last digit would decide.
        stops = [(x / 100 + 0.00317, y / 100 + 0.00171) for x, y in way]
        walk = through(
            *[(1.0 - x, y) if is_mirrored else (x, y) for x, y in stops],
            seconds_each=SECONDS * slower / (len(way) - 1),
        )

        def size(now_s: float, walk: object = walk) -> tuple[float, float]:
            height = 0.3 * walk(now_s)[1] ** 2  # type: ignore[operator]
            return (height / 2, height)

        found[number] = Actor(walk, number % 2, size=size)
    return found


def facts(
    camera: CameraRules,
    seen: dict[int, Actor],
    slower: int = 1,
    order: NDArray[np.intp] | None = None,
) -> list[tuple[Fact, float]]:
    """What is said, sorted, each with its value as in a world that is not slower."""
    said: list[tuple[Fact, float]] = []
    for frame in range(SECONDS * FPS + 1):
        time_s = frame / FPS * slower
        places = {name: (actor.way(time_s) or (0.0, 0.0), actor) for name, actor in seen.items()}
        tracks = tracks_at(time_s, frame, places, dict.fromkeys(seen, START_NS))
        if order is not None:
            tracks = permuted(tracks, np.roll(order, frame))
        for draft in camera.step(tracks, WIDTH_PX, HEIGHT_PX):
            event, hit = draft.event, draft.event.rule_hit
            names = tuple(sorted({event.object.track_id, hit.other_track_id}))
            kind = EventBatch.Kind.Name(event.kind)
            value = hit.value * TIMED.get(kind, _as_it_is)(slower)
            said.append(((event.frame, kind, hit.rule, names, hit.direction), value))
    return sorted(said)


def _as_it_is(_: int) -> float:
    return 1.0


TIMED: dict[str, Callable[[int], float]] = {
    "SPEED": lambda slower: slower,
    "COLLISION_WARNING": lambda slower: 1.0 / slower,
}
"""Kinds whose value has time in it, and what makes up for a slower world."""


def assert_same(found: list[tuple[Fact, float]], expected: list[tuple[Fact, float]]) -> None:
    """Boxes are float32, so that values differ in their last digits."""
    assert [fact for fact, _ in found] == [fact for fact, _ in expected]
    assert [value for _, value in found] == pytest.approx(
        [value for _, value in expected], rel=1e-3, abs=1e-3
    )


def permuted(tracks: Tracks, order: NDArray[np.intp]) -> Tracks:
    return replace(
        tracks,
        track_id=tracks.track_id[order],
        xyxy=tracks.xyxy[order],
        confidence=tracks.confidence[order],
        class_id=tracks.class_id[order],
        first_seen_ns=tracks.first_seen_ns[order],
    )


@settings(deadline=None, max_examples=8, phases=PHASES)
@given(walks, st.randoms(use_true_random=False))
def test_the_order_of_tracks_changes_nothing(
    ways: list[list[tuple[int, int]]], rng: object
) -> None:
    order = list(range(len(ways)))
    rng.shuffle(order)  # type: ignore[attr-defined]
    seen = actors(ways)
    plain = facts(rules(everything()), seen)
    assert_same(facts(rules(everything()), seen, order=np.array(order, np.intp)), plain)


@settings(deadline=None, max_examples=8, phases=PHASES)
@given(walks, st.sampled_from([2, 3]))
def test_in_slow_motion_the_same_is_said(ways: list[list[tuple[int, int]]], slower: int) -> None:
    plain = facts(rules(everything()), actors(ways))
    assert_same(facts(rules(everything(slower)), actors(ways, slower), slower), plain)


@settings(deadline=None, max_examples=8, phases=PHASES)
@given(walks)
def test_in_a_mirror_only_the_sides_of_lines_are_swapped(ways: list[list[tuple[int, int]]]) -> None:
    swapped = {0: 0, EventBatch.A_TO_B: EventBatch.B_TO_A, EventBatch.B_TO_A: EventBatch.A_TO_B}
    plain = facts(rules(everything()), actors(ways))
    mirrored = facts(rules(everything(is_mirrored=True)), actors(ways, is_mirrored=True))
    turned = [((*fact[:4], int(swapped[fact[4]])), value) for fact, value in mirrored]
    # Where a step goes straight across, rounding decides which leg it belongs to, and so the angle.
    angles = "WRONG_WAY"
    assert_same(
        sorted((fact, 0.0 if fact[1] == angles else value) for fact, value in turned),
        sorted((fact, 0.0 if fact[1] == angles else value) for fact, value in plain),
    )


def test_such_scenes_have_something_to_say_of_every_kind() -> None:
    rng = np.random.default_rng(1)
    kinds: Counter[str] = Counter()
    for _ in range(12):
        ways = [
            list(
                zip(rng.integers(5, 95, 4).tolist(), rng.integers(28, 95, 4).tolist(), strict=True)
            )
            for _ in range(5)
        ]
        kinds.update(f"{fact[1]} {fact[2]}" for fact, _ in facts(rules(everything()), actors(ways)))
    assert {kind.split()[0] for kind in kinds} >= {
        "ZONE_ENTERED", "ZONE_EXITED", "LINE_CROSSED", "DWELL", "OCCUPANCY", "WRONG_WAY", "SPEED",
        "PROXIMITY", "COLLISION_WARNING",
    }  # fmt: skip
    assert {"OCCUPANCY fill", "OCCUPANCY full"} <= set(kinds)


@settings(deadline=None, max_examples=12, phases=PHASES)
@given(st.integers(0, 2**32))
def test_whatever_comes_and_goes_every_event_is_about_the_living_and_visits_add_up(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    camera = rules(everything())
    alive: set[int] = set()
    inside: set[int] = set()
    last, time_s = 0, 0.0
    for frame in range(80):
        ended = {name for name in alive if rng.random() < 0.08}
        alive -= ended
        born = set(range(last + 1, last + 1 + int(rng.integers(0, 4))))
        last, alive = last + len(born), alive | born
        seen = [name for name in alive if name in born or rng.random() < 0.7]
        # Steps of no time at all up to a long gap; boxes beyond the picture and without a size.
        time_s += float(rng.choice([0.0, 0.04, 0.2, 30.0], p=[0.05, 0.5, 0.44, 0.01]))
        foot = rng.uniform(-0.2, 1.2, (len(seen), 2))
        size = rng.choice([0.0, 0.05, 0.4], (len(seen), 2))
        tracks = Tracks(
            captured_ns=START_NS + round(time_s * 1e9),
            frame=frame,
            track_id=np.array(seen, np.int64),
            xyxy=(np.concatenate((foot - size, foot), axis=1) * 400).astype(np.float32),
            confidence=rng.uniform(0.1, 1.0, len(seen)).astype(np.float32),
            class_id=np.ones(len(seen), np.int32),
            first_seen_ns=np.full(len(seen), START_NS, np.int64),
            ended=tuple(ended),
        )
        for draft in camera.step(tracks, WIDTH_PX, HEIGHT_PX):
            event, hit = draft.event, draft.event.rule_hit
            if event.kind not in (EventBatch.OCCUPANCY, EventBatch.COUNTS):
                assert event.object.track_id in alive | ended
            assert not hit.other_track_id or hit.other_track_id in alive
            assert np.isfinite([hit.value, hit.dwell_s, event.object.speed_mps]).all()
            assert min(hit.value, hit.dwell_s) >= 0.0
            if event.kind == EventBatch.ZONE_ENTERED:
                assert event.object.track_id not in inside
                inside.add(event.object.track_id)
            elif event.kind == EventBatch.ZONE_EXITED:
                inside.remove(event.object.track_id)
        assert len(camera) == len(alive)
        assert inside <= alive
    left = [draft.event for draft in camera.finish()]
    exits = {e.object.track_id for e in left if e.kind == EventBatch.ZONE_EXITED}
    assert exits == inside
    assert len(camera) == 0


COUNTING = [
    {"id": "passers", "kind": "line-counts", "line": "gate", "min_s": 0.2, "interval_s": 4},
    {"id": "guests", "kind": "zone-counts", "zone": "yard", "min_s": 0.4, "interval_s": 3},
]
CALM = {"visit": 3.0, "stay": 1.5, "ghost": 2.0, "fast": 2.5, "apart": 2.0, "brake": 1.0}
"""Cooldowns, in s, so that what was told lately is remembered too."""


def calm() -> dict[str, Any]:
    """Every kind of rule, each with a memory."""
    found = everything()
    for rule in found["rules"]:
        rule["cooldown_s"] = CALM.get(rule["id"], 0.0)
    found["rules"] += [dict(rule) for rule in COUNTING]
    return found


IDS = [rule["id"] for rule in calm()["rules"]]


def said_by(
    names: set[str], seen: dict[int, Actor], changes: dict[int, dict[str, Any]]
) -> list[tuple[int, str]]:
    """What these rules say, and with which frame, where settings change before some frames."""
    camera, said = rules(calm()), []
    for frame in range(SECONDS * FPS + 1):
        drafts = []
        if frame in changes:
            drafts += camera.change(CameraRulesSettings.model_validate(changes[frame]))
        places = {
            name: (actor.way(frame / FPS) or (0.0, 0.0), actor) for name, actor in seen.items()
        }
        tracks = tracks_at(frame / FPS, frame, places, dict.fromkeys(seen, START_NS))
        drafts += camera.step(tracks, WIDTH_PX, HEIGHT_PX)
        said += [(frame, str(d.event)) for d in drafts if d.event.rule_hit.rule in names]
    said += [(-1, str(d.event)) for d in camera.finish() if d.event.rule_hit.rule in names]
    return sorted(said)


@settings(deadline=None, max_examples=40, phases=PHASES)
@given(walks, st.integers(1, SECONDS * FPS), st.integers(1, SECONDS * FPS), st.data())
def test_rules_that_stay_the_same_do_not_notice_that_others_change(
    ways: list[list[tuple[int, int]]], first: int, second: int, data: st.DataObject
) -> None:
    """Other rules come, go and change, in another order; twice, and back again."""
    changed = data.draw(st.sets(st.sampled_from(IDS)), "changed")
    new = calm()
    order = data.draw(st.permutations(new["rules"]), "order")
    new["rules"] = [rule for rule in order if rule["id"] not in changed]
    new["rules"] += [
        {"id": f"new-{number}", "kind": "zone", "zone": "yard"} for number in range(len(changed))
    ]
    same = set(IDS) - changed
    seen = actors(ways)
    undisturbed = said_by(same, seen, {})
    assert said_by(
        same, seen, {first: new, second: calm()} if first < second else {first: new}
    ) == (undisturbed)


@pytest.mark.parametrize("moved", ["zone", "line", "ground"])
def test_a_rule_whose_zone_line_or_ground_moves_begins_anew(moved: str) -> None:
    """Twice the same in one visit: so it is another rule."""
    ways = [((x, 0.5), (x, 0.52)) for x in (0.5, 0.52)]
    seen = {
        number: Actor(through(*way, seconds_each=SECONDS), size=lambda _: (0.1, 0.2))
        for number, way in enumerate(ways, 1)
    }
    new = calm()
    if moved == "zone":
        new["zones"][0]["points"][0] = (0.31, 0.3)
    elif moved == "line":
        new["lines"][0]["points"][0] = (0.11, 0.55)
    else:
        new["ground"]["metres"] = [(0, 0), (8, 0), (8, 25), (0, 25)]
    watched = {"zone": {"visit"}, "line": {"passers"}, "ground": {"apart"}}[moved]
    before = said_by(watched, seen, {})
    after = said_by(watched, seen, {30: new})
    assert before, "there is something to be told"
    assert len(after) > len(before)
