"""Other rules while objects are there: the objects live on, and other rules begin."""

from typing import Any

import pytest

from edge.rules.engine import CameraRules
from edge.rules.port import Draft
from edge.rules.settings import CameraRulesSettings
from tests.edge.rules.scenes import HEIGHT_PX, WIDTH_PX, Actor, kinds, of_kind, rules, tracks_at
from wayside.errors import SettingsError

WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]
STANDING = Actor(lambda _: (0.5, 0.5))


def watching(zone: str, **more: Any) -> dict[str, Any]:
    rule = {"id": f"at-{zone}", "kind": "zone", "zone": zone, "min_s": 0}
    return {"zones": [{"id": zone, "points": WHOLE}], "rules": [rule], **more}


def seen(camera: CameraRules, begin: int, end: int) -> list[Draft]:
    """A second a frame, with somebody who stands there."""
    return [
        draft
        for frame in range(begin, end)
        for draft in camera.step(
            tracks_at(frame, frame, {4: ((0.5, 0.5), STANDING)}), WIDTH_PX, HEIGHT_PX
        )
    ]


def change(camera: CameraRules, settings: dict[str, Any]) -> list[Draft]:
    return camera.change(CameraRulesSettings.model_validate(settings))


def test_objects_live_on_and_zones_are_left_and_entered() -> None:
    camera = rules(watching("old"))
    before = seen(camera, 0, 3)
    between = change(camera, watching("new"))
    after = seen(camera, 3, 6)
    assert kinds(before) == ["OBJECT_STARTED", "ZONE_ENTERED"]
    assert kinds(between) == ["ZONE_EXITED"]
    assert between[0].event.rule_hit.target == "old"
    assert between[0].event.rule_hit.dwell_s == pytest.approx(2.0)
    assert [event.rule_hit.target for event in of_kind(after, "ZONE_ENTERED")] == ["new"]
    assert kinds(after) == ["ZONE_ENTERED"]
    assert kinds(camera.finish()) == ["ZONE_EXITED", "OBJECT_ENDED"]


def test_counts_so_far_are_told() -> None:
    counting = {"id": "visitors", "kind": "zone-counts", "zone": "old", "min_s": 0,
                "interval_s": 3600}  # fmt: skip
    camera = rules(watching("old", rules=[counting]))
    seen(camera, 0, 3)
    (tally,) = of_kind(change(camera, watching("new")), "COUNTS")
    assert [(count.class_name, count.count) for count in tally.counts.counts] == [("person", 1)]


def test_a_number_that_was_told_does_not_outlive_its_rule() -> None:
    number = {"id": "visitors", "kind": "occupancy", "zone": "old", "min_s": 0, "settle_s": 0}
    camera = rules(watching("old", rules=[number]))
    assert [event.rule_hit.value for event in of_kind(seen(camera, 0, 3), "OCCUPANCY")] == [1]
    (over,) = of_kind(
        change(camera, watching("new", rules=[number | {"zone": "new"}])), "OCCUPANCY"
    )
    assert (over.rule_hit.target, over.rule_hit.value, over.frame) == ("old", 0, 2)
    assert [event.rule_hit.value for event in of_kind(seen(camera, 3, 6), "OCCUPANCY")] == [1]
    (over,) = of_kind(camera.finish(), "OCCUPANCY")
    assert (over.rule_hit.target, over.rule_hit.value, over.frame) == ("new", 0, 5)


def test_a_camera_without_rules_gets_some_with_metres_too() -> None:
    camera = rules({})
    seen(camera, 0, 2)
    ground = {"points": [[0.2, 0.4], [0.8, 0.4], [1, 1], [0, 1]],
              "metres": [[0, 20], [10, 20], [10, 0], [0, 0]]}  # fmt: skip
    fast = {"id": "too-fast", "kind": "speed", "limit_mps": 5}
    assert change(camera, {"ground": ground, "rules": [fast]}) == []
    assert kinds(seen(camera, 2, 5)) == []
    assert kinds(change(camera, {})) == []


def test_rules_that_do_not_fit_the_model_change_nothing() -> None:
    camera = rules(watching("old"))
    seen(camera, 0, 2)
    wrong = watching("new")
    wrong["rules"][0]["classes"] = ["tram"]
    with pytest.raises(SettingsError, match="tram"):
        change(camera, wrong)
    assert kinds(camera.finish()) == ["ZONE_EXITED", "OBJECT_ENDED"]


def test_another_model_is_named_by_what_its_frames_show_and_rules_go_on() -> None:
    counting = {"id": "visitors", "kind": "zone-counts", "zone": "yard", "min_s": 0,
                "interval_s": 3600}  # fmt: skip
    settings = watching("yard")
    camera = rules({**settings, "rules": [*settings["rules"], counting]})
    seen(camera, 0, 3)
    at_ns = tracks_at(3, 3, {}).captured_ns
    assert camera.follow(("person", "car"), "yolox-nano", "2.0", at_ns) == []
    assert camera.follow(("person", "car", "dog"), "yolox-nano", "3.0", at_ns + 10**9) == []
    ended = camera.step(tracks_at(4, 4, {}, ended=(4,)), WIDTH_PX, HEIGHT_PX)
    assert kinds(ended) == ["ZONE_EXITED", "OBJECT_ENDED"]
    assert {draft.event.model_version for draft in ended} == {"1.0"}, "who saw it last"
    dog = Actor(lambda _: (0.5, 0.5), class_id=2)
    began = camera.step(tracks_at(5, 5, {5: ((0.5, 0.5), dog)}), WIDTH_PX, HEIGHT_PX)
    assert kinds(began) == ["OBJECT_STARTED", "ZONE_ENTERED"]
    assert {draft.event.model_version for draft in began} == {"3.0"}
    assert began[0].event.object.class_name == "dog"
    (tally,) = of_kind(camera.finish(), "COUNTS")
    assert {count.class_name: count.count for count in tally.counts.counts} == {
        "person": 1, "dog": 1,
    }  # fmt: skip
