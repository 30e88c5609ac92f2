"""Verdicts on models, over scenes whose objects stay for a while."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ota.probation import Baseline, Block, ProbationLimits, Verdict, judge, summed_up
from edge.ota.states import Code

LIMITS = ProbationLimits()


def scene(
    seed: int, blocks: int, people: float = 2.0, cars: float = 0.5, seen: float = 1.0,
    latency_s: float = 0.02, frames: int = 50,
) -> list[Block]:  # fmt: skip
    """Blocks of a street: who comes stays for several blocks, so they are no independent draws."""
    random = np.random.default_rng(seed)
    levels = {"person": people, "car": cars}
    found = []
    for _ in range(blocks):
        amounts = {}
        for name, mean in levels.items():
            present = random.poisson(mean)
            amounts[name] = float(random.binomial(frames * present, min(1.0, 0.9 * seen)))
        found.append(Block(frames, amounts, frames * latency_s * random.uniform(0.9, 1.2)))
    return found


def verdict(before: list[Block], since: list[Block], errors: int = 0) -> Verdict | None:
    return judge(summed_up(before), summed_up(since), errors, LIMITS)


def first_verdict(before: list[Block], since: list[Block]) -> tuple[int, Verdict | None]:
    """As it is asked for real: after every block."""
    for count in range(1, len(since) + 1):
        said = verdict(before, since[:count])
        if said is not None:
            return count, said
    return len(since), None


def test_a_model_as_good_is_taken_after_enough_blocks_and_frames() -> None:
    count, said = first_verdict(scene(1, 30), scene(2, 40))
    assert count == 30
    assert said is not None
    assert said.code is None
    assert "where the incumbent found" in said.detail


def test_few_frames_are_waited_for() -> None:
    assert verdict(scene(1, 30), scene(2, 30, frames=2)) is None


def test_a_blind_model_goes_long_before_its_time() -> None:
    count, said = first_verdict(scene(1, 30), scene(2, 30, seen=0.0))
    assert said is not None
    assert said.code is Code.PROBATION_DETECTIONS
    assert count <= 8


def test_a_model_that_no_longer_sees_one_class_goes() -> None:
    before = scene(1, 30, people=4, cars=2)
    since = [Block(b.frames, {"person": b.amounts["person"]}, b.worked_s) for b in scene(2, 30, 4)]
    said = verdict(before, since)
    assert said is not None
    assert said.code is Code.PROBATION_DETECTIONS
    assert "car" in said.detail or "too little" in said.detail


def test_a_model_that_sees_ghosts_everywhere_goes() -> None:
    _, said = first_verdict(scene(1, 30), scene(2, 30, people=20))
    assert said is not None
    assert said.code is Code.PROBATION_DETECTIONS
    assert "too much" in said.detail


def test_a_slow_model_goes() -> None:
    _, said = first_verdict(scene(1, 30), scene(2, 30, latency_s=0.06))
    assert said is not None
    assert said.code is Code.PROBATION_LATENCY


def test_a_model_that_fails_goes_at_once() -> None:
    said = verdict([], scene(2, 1), errors=1)
    assert said is not None
    assert said.code is Code.PROBATION_ERRORS


def test_milliseconds_are_nobodys_loss() -> None:
    _, said = first_verdict(scene(1, 30, latency_s=0.001), scene(2, 30, latency_s=0.005))
    assert said is not None
    assert said.code is None


def test_without_a_baseline_only_errors_count() -> None:
    said = verdict([], scene(2, 30, seen=0.0))
    assert said is not None
    assert said.code is None


def test_an_empty_scene_proves_nothing_and_holds_nobody_up() -> None:
    empty = scene(1, 30, people=0, cars=0)
    _, said = first_verdict(empty, scene(2, 30, people=0, cars=0))
    assert said is not None
    assert said.code is None


def test_who_is_as_good_is_sent_back_as_rarely_as_was_said() -> None:
    """200 fair trials over scenes of which a class is rare; at most a few go by chance."""
    sent_back = 0
    for seed in range(200):
        _, said = first_verdict(scene(2 * seed, 30, cars=0.1), scene(2 * seed + 1, 30, cars=0.1))
        assert said is not None
        sent_back += said.code is not None
    assert sent_back <= 4


@given(
    st.lists(st.floats(0, 50), min_size=2, max_size=40),
    st.lists(st.floats(0, 50), min_size=2, max_size=40),
    st.floats(0.1, 10),
)
def test_the_unit_of_amounts_does_not_matter_to_what_is_too_little(
    before: list[float], since: list[float], scale: float
) -> None:
    def little(times: float) -> bool:
        def blocks(values: list[float]) -> Baseline:
            return summed_up([Block(100, {"person": 100 * times * v}, 1.0) for v in values])

        limits = ProbationLimits(least_blocks=2, most_more=1e9, most_share=1e9)
        said = judge(blocks(before), blocks(since), 0, limits)
        return said is not None and said.code is Code.PROBATION_DETECTIONS

    assert little(1.0) == little(scale)


@pytest.mark.parametrize("blocks", [[], [Block(3, {}, 0.1)]], ids=["none", "one"])
def test_nothing_is_concluded_from_nothing(blocks: list[Block]) -> None:
    assert judge(summed_up(scene(1, 30)), summed_up(blocks), 0, LIMITS) is None
