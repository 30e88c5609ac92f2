"""Areas into events, and what an installer is told about rules that cannot be."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.rules.areas.engine import CameraAreaRules
from edge.rules.areas.port import AreaRules
from edge.rules.areas.settings import AreaRulesSettings
from edge.rules.port import Draft
from models.areas import NOTHING, Areas
from models.preprocess import Geometry
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.areas.test_lanes import road
from tests.edge.rules.scenes import START_NS
from wayside.errors import SettingsError
from wayside.settings import parse

CLASSES = ("drivable-area", "lane-line")
SIZE = Geometry(640, 360, 320, 180, 0.5, 0.5)


def rules(*rules: dict[str, object]) -> AreaRules:
    settings = AreaRulesSettings.model_validate({"rules": rules})
    return CameraAreaRules("dash-cam", CLASSES, "twinlitenet", "1.0", settings)


def shown(drivable: NDArray[np.uint8], lines: NDArray[np.uint8]) -> Areas:
    return Areas((drivable, lines), SIZE)


def nothing() -> NDArray[np.uint8]:
    return np.full((180, 320), NOTHING, np.uint8)


def drive(camera: AreaRules, place: object, seconds: float, fps: float = 5.0) -> list[Draft]:
    """The drafts of a drive at places in a lane of half the picture's width."""
    drafts: list[Draft] = []
    for frame in range(round(seconds * fps) + 1):
        at = place(frame / fps)  # type: ignore[operator]
        lines = road(0.5 - at / 2, 1.0 - at / 2)
        now_ns = START_NS + round(frame / fps * 1e9)
        drafts += camera.step(shown(nothing(), lines), now_ns, frame)
    return drafts


def test_a_departure_is_an_alarm_with_side_and_place() -> None:
    camera = rules({"id": "keep-lane", "kind": "lane-departure"})
    (draft,) = drive(camera, lambda now: 0.5 if now < 2 else 0.9, 4.0)
    event = draft.event
    assert draft.lane is Lane.ALARM
    assert (event.kind, event.camera) == (EventBatch.LANE_DEPARTURE, "dash-cam")
    assert (event.model, event.model_version) == ("twinlitenet", "1.0")
    assert (event.rule_hit.rule, event.rule_hit.target) == ("keep-lane", "right")
    assert event.rule_hit.value == pytest.approx(0.9, abs=0.03)
    assert (event.frame, event.captured_ns) == (12, START_NS + 2_400_000_000)
    assert not event.HasField("object")


def test_shares_and_outlines_are_told_every_so_often() -> None:
    camera = rules({"id": "road", "kind": "segmentation", "every_s": 2, "min_share": 0.01})
    drivable = nothing()
    drivable[90:180, 80:240] = 0
    drivable[120:140, 140:180] = NOTHING
    drivable[0:2, 0:2] = 0
    drafts: list[Draft] = []
    for frame in range(21):
        now_ns = START_NS + frame * 200_000_000
        drafts += camera.step(shown(drivable, nothing()), now_ns, frame)
    assert {draft.lane for draft in drafts} == {Lane.STATS}
    assert [draft.event.frame for draft in drafts] == [0, 10, 20]
    road_area, lines = drafts[0].event.segmentation.areas
    assert (road_area.class_name, lines.class_name) == CLASSES
    assert road_area.share == pytest.approx((90 * 160 - 20 * 40 + 4) / (180 * 320))
    outer, hole = road_area.polygons
    assert [(p.x, p.y) for p in outer.points] == [
        (0.25, 0.5),
        (0.75, 0.5),
        (0.75, 1.0),
        (0.25, 1.0),
    ]
    assert (outer.is_hole, hole.is_hole) == (False, True)
    assert (lines.share, len(lines.polygons)) == (0.0, 0)


def test_only_the_named_classes_and_as_many_outlines_as_wanted() -> None:
    drivable = nothing()
    for column in range(0, 320, 40):
        drivable[100:180, column : column + 20] = 0
    drivable[90:180, 40:60] = 0
    one = {"id": "road", "kind": "segmentation", "classes": ["drivable-area"]}
    few = rules({**one, "max_outlines": 2}).step(shown(drivable, road(0.2)), START_NS, 0)
    (area,) = few[0].event.segmentation.areas
    assert [min(p.y for p in polygon.points) for polygon in area.polygons] == pytest.approx(
        [0.5, 100 / 180]
    )
    none = rules({**one, "max_outlines": 0}).step(shown(drivable, road(0.2)), START_NS, 0)
    (area,) = none[0].event.segmentation.areas
    assert (len(area.polygons), area.share > 0.2) == (0, True)


def test_noise_has_a_share_and_no_outlines_and_no_lane() -> None:
    noise = np.full((360, 640), NOTHING, np.uint8)
    noise[::2, ::2] = noise[1::2, 1::2] = 1
    camera = rules(
        {"id": "road", "kind": "segmentation", "min_share": 0.0},
        {"id": "keep-lane", "kind": "lane-departure", "min_s": 0},
    )
    areas = Areas((nothing(), noise), Geometry(640, 360, 640, 360, 1.0, 1.0))
    (draft,) = camera.step(areas, START_NS, 0)
    lines = draft.event.segmentation.areas[1]
    assert (lines.share, len(lines.polygons)) == (0.5, 0)


def test_outside_their_schedule_rules_say_nothing() -> None:
    # The scene begins on a Tuesday.
    schedule = [{"days": ["wed"]}]
    camera = rules(
        {"id": "keep-lane", "kind": "lane-departure", "schedule": schedule},
        {"id": "road", "kind": "segmentation", "schedule": schedule},
    )
    assert drive(camera, lambda now: 0.5 if now < 2 else 0.9, 4.0) == []


GOOD = """
rules:
  - {id: keep-lane, kind: lane-departure, nearer_than: 0.2, margin: 0.1}
  - {id: road, kind: segmentation, classes: [drivable-area]}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "message"),
    [
        ("id: road", "id: keep-lane", 4, "rules[1].id",
         "'keep-lane' stands twice, first in rules[0]"),
        ("margin: 0.1", "margin: 0.4", 3, "rules[0]",
         "nearer_than 0.2 and margin 0.4 leave no place in the middle of the lane"),
        ("kind: segmentation", "kind: areas", 4, "rules[1].kind",
         "must be 'lane-departure' or 'segmentation', not 'areas'"),
        ("nearer_than: 0.2", "nearer_then: 0.2", 3, "rules[0].nearer_then",
         "did you mean 'nearer_than'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_where_it_is(
    old: str, new: str, line: int, key: str, message: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(GOOD.replace(old, new), "agent.yaml", AreaRulesSettings)
    (problem,) = refused.value.problems
    assert (problem.line, problem.key) == (line, key)
    assert message in problem.message


def test_a_class_that_the_model_lacks_is_named() -> None:
    settings = parse(GOOD, "agent.yaml", AreaRulesSettings)
    with pytest.raises(SettingsError) as refused:
        CameraAreaRules("dash-cam", ("road", "lane-line"), "other", "1.0", settings)
    assert str(refused.value) == (
        "camera dash-cam: rules[1].classes[0]: the model has no class 'drivable-area'; "
        "known: road, lane-line"
    )


def test_another_model_may_number_its_classes_otherwise() -> None:
    camera = rules({"id": "road", "kind": "segmentation", "every_s": 1.0})
    (before,) = camera.step(shown(np.zeros((180, 320), np.uint8), nothing()), START_NS, 0)
    camera.follow(("lane-line", "drivable-area"), "twinlitenet", "2.0")
    later_ns = START_NS + 2 * 10**9
    (after,) = camera.step(shown(np.ones((180, 320), np.uint8), nothing()), later_ns, 1)
    for draft, version in ((before, "1.0"), (after, "2.0")):
        assert draft.event.model_version == version
        shares = {area.class_name: area.share for area in draft.event.segmentation.areas}
        assert shares["drivable-area"] == pytest.approx(1.0)
