"""What a camera's rules may say, and what an installer is told when they say something else."""

import pytest

from edge.rules.engine import CameraRules
from edge.rules.settings import CameraRulesSettings, unknown_classes
from wayside.errors import SettingsError
from wayside.settings import parse

GOOD = """
zones:
  - id: dock
    points: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
lines:
  - id: gate
    points: [[0.0, 0.5], [1.0, 0.5]]
rules:
  - {id: on-dock, kind: zone, zone: dock, classes: [person], min_s: 2}
  - {id: in-out, kind: line, line: gate, anchor: centre, margin: 0.05}
objects: {update_s: 5}
"""


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(SettingsError) as refused:
        parse(text, "agent.yaml", CameraRulesSettings)
    return [(item.line, item.key, item.message) for item in refused.value.problems]


def test_a_complete_file_is_read() -> None:
    settings = parse(GOOD, "agent.yaml", CameraRulesSettings)
    assert [rule.id for rule in settings.rules] == ["on-dock", "in-out"]
    assert [rule.min_s for rule in settings.rules] == [2.0, 0.2]
    assert settings.objects.update_s == 5.0


def test_rules_are_no_must() -> None:
    assert parse("{}", "agent.yaml", CameraRulesSettings) == CameraRulesSettings()


def test_a_rule_without_its_zone_is_told_which_there_are() -> None:
    assert problems(
        GOOD.replace("zone: dock,", "zone: deck,").replace("line: gate", "line: dock")
    ) == [
        (9, "rules[0].zone", "there is no zone 'deck'; known: dock"),
        (10, "rules[1].line", "there is no line 'dock'; known: gate"),
    ]
    lonely = "rules: [{id: on-dock, kind: zone, zone: dock}]"
    assert problems(lonely) == [(1, "rules[0].zone", "there is no zone 'dock'; none is defined")]


def test_names_stand_once() -> None:
    text = GOOD.replace("id: gate", "id: dock").replace("id: in-out", "id: on-dock")
    assert problems(text) == [
        (6, "lines[0].id", "'dock' stands twice, first in zones[0]"),
        (10, "rules[1].id", "'on-dock' stands twice, first in rules[0]"),
        (10, "rules[1].line", "there is no line 'gate'; known: dock"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "message"),
    [
        ("id: dock", "id: Dock", 3, "zones[0].id", "id 'Dock' is not allowed"),
        ("[0.0, 0.5], ", "[0, 1.9], ", 7, "lines[0].points[0][1]", "less than or equal to 1"),
        ("[0.9, 0.9]", "[0.5, 0.1]", 3, "zones[0]", "crosses or touches itself"),
        (", [0.9, 0.9]", "", 4, "zones[0].points", "at least 3 items"),
        ("[1.0, 0.5]", "[0.0, 0.5]", 6, "lines[0]", "the two points of line 'gate' are the same"),
        ("[1.0, 0.5]", "[1.0, 0.5], [1, 1]", 7, "lines[0].points", "at most 2 items"),
        ("kind: line", "kind: lane", 10, "rules[1].kind", "must be 'zone', 'dwell', "),
        ("kind: line, ", "", 10, "rules[1].kind", "is missing; must be 'zone', 'dwell', "),
        ("zone: dock,", "zone: Dock,", 9, "rules[0].zone", "id 'Dock' is not allowed"),
        ("line: gate, ", "", 10, "rules[1].line", "is missing"),
        ("min_s: 2", "min_s: -2", 9, "rules[0].min_s", "greater than or equal to 0"),
        ("min_s: 2", "min_s: .nan", 9, "rules[0].min_s", "finite number"),
        ("margin: 0.05", "margn: 0.05", 10, "rules[1].margn", "did you mean 'margin'?"),
        ("update_s: 5", "update_s: 0.5", 11, "objects.update_s", "greater than or equal to 1"),
    ],
)
def test_a_mistake_is_shown_where_it_is(
    old: str, new: str, line: int, key: str, message: str
) -> None:
    ((at, name, text),) = problems(GOOD.replace(old, new))
    assert (at, name) == (line, key)
    assert message in text


def test_a_class_that_the_model_lacks_is_named() -> None:
    settings = parse(GOOD, "agent.yaml", CameraRulesSettings)
    assert unknown_classes(settings, ["person"]) == []
    message = "the model has no class 'person'; known: car, bus"
    assert unknown_classes(settings, ["car", "bus"]) == [(("rules", 0, "classes", 0), message)]
    with pytest.raises(SettingsError) as refused:
        CameraRules("gate-cam", ["car", "bus"], "yolox-nano", "1.0", settings)
    assert str(refused.value) == f"camera gate-cam: rules[0].classes[0]: {message}"


def test_of_many_classes_the_nearest_and_a_few_are_named() -> None:
    settings = parse(GOOD.replace("[person]", "[persn, lorry]"), "agent.yaml", CameraRulesSettings)
    classes = ["person", *(f"thing-{number}" for number in range(79))]

    (_, nearest), (_, unlike) = unknown_classes(settings, classes)

    assert nearest.startswith("the model has no class 'persn'; known: person, thing-0, thing-1,")
    assert nearest.endswith("thing-8 and 70 more; did you mean 'person'?")
    assert unlike.endswith("thing-8 and 70 more")


GROUND = """
zones: [{id: dock, points: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}]
ground:
  points: [[0.2, 0.9], [0.8, 0.9], [0.6, 0.4], [0.4, 0.4]]
  metres: [[0, 0], [6, 0], [6, 30], [0, 30]]
rules:
  - {id: too-fast, kind: speed, limit_mps: 14, zone: dock}
  - {id: apart, kind: proximity, metres: 1.5}
  - {id: crowd, kind: occupancy, zone: dock, at_least: 5, at_most: 1}
  - {id: stay, kind: dwell, zone: dock, after_s: 60, repeat_s: 600}
  - {id: one-way, kind: wrong-way, right_way: [[0.2, 0.5], [0.6, 0.5]]}
  - {id: brake, kind: collision-warning, zone: dock}
  - {id: visitors, kind: zone-counts, zone: dock, interval_s: 900}
"""


def test_a_file_with_rules_of_other_kinds_is_read() -> None:
    settings = parse(GROUND, "agent.yaml", CameraRulesSettings)
    assert settings.ground is not None
    assert [rule.kind for rule in settings.rules] == [
        "speed", "proximity", "occupancy", "dwell", "wrong-way", "collision-warning", "zone-counts",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "message"),
    [
        ("zone: dock}\n  - {id: apart", "zone: deck}\n  - {id: apart", 7, "rules[0].zone",
         "there is no zone 'deck'; known: dock"),
        ("limit_mps: 14, ", "", 7, "rules[0].limit_mps", "is missing"),
        ("at_most: 1", "at_most: 5", 9, "rules[2]",
         "at_most 5 and at_least 5 leave no number between them that is not told"),
        ("at_least: 5", "at_least: 0", 9, "rules[2]", "at_least 0 holds always"),
        ("after_s: 60", "after_s: 0", 10, "rules[3].after_s", "greater than 0"),
        ("repeat_s: 600", "repeat_s: 0.1", 10, "rules[3].repeat_s", "greater than or equal to 1"),
        ("[0.6, 0.5]", "[0.2, 0.505]", 11, "rules[4]", "too near to show a direction"),
        ("zone: dock}\n  - {id: visitors", "ttc_s: 2}\n  - {id: visitors", 12, "rules[5].zone",
         "is missing"),
        ("interval_s: 900", "interval_s: 0.5", 13, "rules[6].interval_s", "valid integer"),
        ("[0.4, 0.4]]", "[0.7, 0.65]]", 3, "ground",
         "points 2, 3 and 4 of the ground are in one line: choose four corners of a wide"),
        ("[6, 30]", "[12, 0]", 3, "ground", "metres 1, 2 and 3 of the ground are in one line"),
        ("[[0, 0], [6, 0]", "[[6, 0], [0, 0]", 3, "ground",
         "points and metres are not the same four places: walk around both in the same order"),
        (", [0, 30]", "", 5, "ground.metres[3]", "is missing"),
    ],
)  # fmt: skip
def test_a_mistake_in_another_kind_is_shown_where_it_is(
    old: str, new: str, line: int, key: str, message: str
) -> None:
    ((at, name, text),) = problems(GROUND.replace(old, new))
    assert (at, name) == (line, key)
    assert message in text


def test_rules_in_metres_need_a_ground() -> None:
    lines = GROUND.splitlines(keepends=True)
    message = (
        "a {} rule needs the camera's `ground`: four points of the picture and where they lie in "
        "metres"
    )
    assert problems("".join(lines[:2] + lines[5:])) == [
        (4, "rules[0].kind", message.format("speed")),
        (5, "rules[1].kind", message.format("proximity")),
    ]


def test_metres_may_be_measured_in_a_mirror() -> None:
    mirrored = GROUND.replace(
        "[[0, 0], [6, 0], [6, 30], [0, 30]]", "[[6, 0], [0, 0], [0, 9], [6, 9]]"
    )
    assert parse(mirrored, "agent.yaml", CameraRulesSettings).ground is not None
