"""Who stays for long is told when the time is up, at any frame rate."""

import pytest

from protos.ids import Lane
from tests.edge.rules.scenes import Actor, Place, of_kind, play, rules, straight, time_s

YARD = [[0.3, 0.2], [0.7, 0.2], [0.7, 0.8], [0.3, 0.8]]
STANDING = Actor(lambda _: (0.5, 0.5))


def loitering(**rule: object) -> dict[str, object]:
    """Settings with one dwell rule."""
    return {
        "zones": [{"id": "yard", "points": YARD}],
        "rules": [{"id": "loiter", "kind": "dwell", "zone": "yard", "after_s": 5, **rule}],
    }


@pytest.mark.parametrize("fps", [2, 10, 25])
def test_who_stays_is_told_once_when_the_time_is_up(fps: int) -> None:
    drafts = play(rules(loitering()), {7: STANDING}, 20.0, fps)
    (dwell,) = of_kind(drafts, "DWELL")
    assert time_s(dwell) == pytest.approx(5.0, abs=1 / fps)
    assert dwell.rule_hit.dwell_s == pytest.approx(5.0, abs=1 / fps)
    assert (dwell.rule_hit.rule, dwell.rule_hit.target) == ("loiter", "yard")
    assert dwell.object.track_id == 7
    assert {d.lane for d in drafts if d.event == dwell} == {Lane.ALARM}


@pytest.mark.parametrize("fps", [2, 10, 25])
def test_who_stays_on_is_told_again_in_a_rhythm(fps: int) -> None:
    found = of_kind(play(rules(loitering(repeat_s=4)), {1: STANDING}, 20.0, fps), "DWELL")
    assert [e.rule_hit.dwell_s for e in found] == pytest.approx([5, 9, 13, 17], abs=1 / fps)


def test_a_gap_between_frames_neither_doubles_nor_shifts_the_rhythm() -> None:
    def blink(now_s: float) -> Place | None:
        return None if 7.0 < now_s < 16.0 else (0.5, 0.5)

    found = of_kind(play(rules(loitering(repeat_s=4)), {1: Actor(blink)}, 22.0), "DWELL")
    assert [time_s(event) for event in found] == pytest.approx([5, 16, 17, 21])


def test_who_passes_through_is_not_told() -> None:
    walk = Actor(straight((0.1, 0.5), (0.9, 0.5), 8.0))
    assert of_kind(play(rules(loitering()), {1: walk}, 20.0), "DWELL") == []


def test_who_comes_back_is_told_anew_and_its_time_begins_anew() -> None:
    def pace(now_s: float) -> Place:
        return (0.5 if now_s % 10.0 < 7.0 else 0.9, 0.5)

    found = of_kind(play(rules(loitering()), {1: Actor(pace)}, 19.0), "DWELL")
    assert [time_s(event) for event in found] == pytest.approx([5.0, 15.0])
    assert [event.rule_hit.dwell_s for event in found] == pytest.approx([5.0, 5.0])


def test_within_its_cooldown_a_rule_leaves_the_object_alone() -> None:
    def pace(now_s: float) -> Place:
        return (0.5 if now_s % 10.0 < 7.0 else 0.9, 0.5)

    camera = rules(loitering(cooldown_s=15))
    both = {1: Actor(pace), 2: Actor(lambda s: (0.5, 0.5) if s > 8 else (0.9, 0.5))}
    found = of_kind(play(camera, both, 26.0), "DWELL")
    assert [(event.object.track_id, round(time_s(event), 1)) for event in found] == [
        (1, 5.0), (2, 13.1), (1, 25.0),
    ]  # fmt: skip


def test_who_is_still_there_when_the_cooldown_is_over_is_told_then() -> None:
    def pace(now_s: float) -> Place:
        return (0.9 if 7.0 < now_s < 8.0 else 0.5, 0.5)

    found = of_kind(play(rules(loitering(cooldown_s=15)), {1: Actor(pace)}, 60.0), "DWELL")
    assert [time_s(event) for event in found] == pytest.approx([5.0, 20.0])
    assert found[1].rule_hit.dwell_s == pytest.approx(12.0)


def test_a_rhythm_faster_than_the_cooldown_is_told_as_often_as_that_allows() -> None:
    camera = rules(loitering(repeat_s=4, cooldown_s=15))
    found = of_kind(play(camera, {1: STANDING}, 60.0), "DWELL")
    assert [time_s(event) for event in found] == pytest.approx([5.0, 20.0, 35.0, 50.0])
