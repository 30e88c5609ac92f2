"""Which of two reports is the newer one: whatever comes late, twice or out of order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from cloud.desired.order import Step, is_newer

BOOTS = (0xA, 0xB, 0xC)
STEPS = st.builds(Step, st.sampled_from(BOOTS), st.integers(1, 9), st.integers(0, 3))


def last_of(steps: list[Step], boots: tuple[int, ...] = BOOTS) -> Step:
    last: Step | None = None
    for step in steps:
        if is_newer(last, step, boots):
            last = step
    assert last is not None
    return last


def test_within_a_boot_the_transition_counts_and_then_the_download() -> None:
    first = Step(0xA, 4, 100)
    assert is_newer(None, first, ())
    assert is_newer(first, Step(0xA, 5, 0), BOOTS)
    assert is_newer(first, Step(0xA, 4, 101), BOOTS)
    assert not is_newer(first, first, BOOTS)
    assert not is_newer(first, Step(0xA, 3, 999), BOOTS)


def test_a_later_boot_that_has_lost_its_journal_is_believed() -> None:
    assert is_newer(Step(0xA, 9, 0), Step(0xB, 1, 0), BOOTS)
    assert not is_newer(Step(0xB, 1, 0), Step(0xA, 9, 0), BOOTS)


def test_of_a_boot_that_nobody_knows_the_transition_decides() -> None:
    assert is_newer(Step(0xA, 4, 0), Step(0xF, 5, 0), BOOTS)
    assert not is_newer(Step(0xA, 4, 0), Step(0xF, 4, 0), BOOTS)
    assert not is_newer(Step(0xF, 5, 0), Step(0xA, 4, 0), BOOTS)


@given(st.lists(STEPS, min_size=1), st.randoms())
def test_the_order_of_arrival_changes_nothing(steps: list[Step], chance: random.Random) -> None:
    shuffled = [*steps, *steps]
    chance.shuffle(shuffled)
    assert last_of(shuffled) == last_of(steps)
