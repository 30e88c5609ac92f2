"""Losses in fewer records: nobody's loss is forgotten, and none is made up."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.publish.condense import Loss, condense
from protos.ids import Lane

REASONS = ["outbox full", "too old"]


@st.composite
def losses(draw: st.DrawFn) -> Loss:
    boot, lane = draw(st.integers(1, 4)), draw(st.sampled_from(Lane))
    reason = draw(st.sampled_from(REASONS))
    first = draw(st.integers(0, 40))
    count = draw(st.integers(1, 10))
    return Loss(boot, lane, first, first + count - 1 if first else 0, count, reason)


@settings(max_examples=300)
@given(items=st.lists(losses(), max_size=40), limit=st.integers(0, 20))
def test_nothing_is_forgotten_or_made_up(items: list[Loss], limit: int) -> None:
    by_id = dict(enumerate(items, 10))
    left = condense(by_id, limit)
    assert sorted(number for _, numbers in left for number in numbers) == sorted(by_id)
    assert len(left) <= max(limit, len({(loss.lane, loss.reason) for loss in items}))
    for loss, numbers in left:
        parts = [by_id[number] for number in numbers]
        assert loss.count == sum(part.count for part in parts)
        assert {(part.lane, part.reason) for part in parts} == {(loss.lane, loss.reason)}
        if loss.first:
            assert {part.boot for part in parts} == {loss.boot}
            assert loss.first == min(part.first for part in parts) > 0
            assert loss.last == max(part.last for part in parts)


def test_neighbours_are_joined_before_anything_becomes_less_exact() -> None:
    table = {n: Loss(1, Lane.STATS, n * 10, n * 10 + 9, 10, "outbox full") for n in range(1, 9)}
    table[9] = Loss(1, Lane.STATS, 200, 204, 5, "outbox full")
    (one, _), (other, _) = condense(table, 4)
    assert one == Loss(1, Lane.STATS, 10, 89, 80, "outbox full")
    assert other == table[9]
    ((span, _),) = condense(table, 1)
    assert span == Loss(1, Lane.STATS, 10, 204, 85, "outbox full"), "85 of these 195"


def test_of_several_starts_only_the_number_is_left_at_last() -> None:
    table = {n: Loss(n, Lane.STATE, 1, 5, 5, "too old") for n in range(1, 9)}
    ((loss, _),) = condense(table, 3)
    assert loss == Loss(0, Lane.STATE, 0, 0, 40, "too old")


def test_a_table_that_is_short_enough_is_left_alone() -> None:
    table = {n: Loss(1, Lane.STATE, n, n, 1, "too old") for n in range(1, 4)}
    assert condense(table, 3) == [(loss, [number]) for number, loss in table.items()]
