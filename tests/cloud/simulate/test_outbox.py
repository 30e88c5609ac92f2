"""A simulated outbox forgets by receipts alone."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.simulate.outbox import Outbox
from protos.ids import Lane


def outbox(batches: int = 1, count: int = 10) -> Outbox:
    made = Outbox(receipt_timeout_s=10.0)
    for _ in range(batches):
        made.append(Lane.STATE, count, b"payload")
    return made


def test_seqs_have_no_gap_within_a_lane() -> None:
    made = Outbox(10.0)
    ranges = [
        (batch.first, batch.last)
        for lane, count in ((Lane.STATE, 3), (Lane.ALARM, 2), (Lane.STATE, 4))
        for batch in [made.append(lane, count, b"")]
    ]
    assert ranges == [(1, 3), (1, 2), (4, 7)]
    assert made.last_seqs == {Lane.STATE: 7, Lane.ALARM: 2}


def test_puback_forgets_nothing_and_starts_the_wait_for_the_receipt() -> None:
    made = outbox()
    [batch] = made.waiting()
    assert not made.sending(batch, 0.0)
    assert made.due(1000.0) == [], "on its way, without a PUBACK"
    made.taken(batch, 1.0)
    assert made.due(10.9) == []
    assert made.due(11.0) == [batch]
    assert made.rows == 10


def test_wait_doubles_with_each_sending() -> None:
    made = outbox()
    [batch] = made.waiting()
    waits = []
    for _ in range(8):
        made.sending(batch, 0.0)
        made.taken(batch, 0.0)
        waits.append(batch.due_s)
    assert waits == [10, 20, 40, 80, 160, 320, 320, 320]


def test_a_slow_cloud_is_learnt() -> None:
    made = outbox(batches=10)
    for number, batch in enumerate(made.waiting()[:9]):
        made.sending(batch, 100.0 * number)
        made.taken(batch, 100.0 * number)
        made.stored(Lane.STATE, batch.first, batch.last, 100.0 * number + 60)
    [last] = made.waiting()
    made.sending(last, 0.0)
    made.taken(last, 0.0)
    assert 200 < last.due_s <= 240


def test_sent_again_is_told_from_sent() -> None:
    made = outbox()
    [batch] = made.waiting()
    assert [made.sending(batch, at_s) for at_s in (1.0, 2.0)] == [False, True]
    assert batch.sent_s == 1.0, "the round trip begins with the first sending"


def test_receipt_over_parts_of_batches_forgets_those_that_are_whole() -> None:
    made = outbox(batches=3)
    assert [batch.first for batch in made.stored(Lane.STATE, 6, 25, 0.0)] == [11]
    assert made.rows == 10
    assert made.stored(Lane.ALARM, 1, 30, 0.0) == [], "of another lane"
    assert [batch.first for batch in made.stored(Lane.STATE, 1, 30, 0.0)] == [1, 21]
    assert made.rows == 0
    assert made.last_seqs == {Lane.STATE: 30}


@given(
    st.lists(st.integers(1, 7), max_size=8),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), max_size=20),
)
def test_rows_are_what_no_receipt_has_named(
    counts: list[int], receipts: list[tuple[int, int]]
) -> None:
    made = Outbox(10.0)
    for count in counts:
        made.append(Lane.STATE, count, b"")
    left = set(range(1, sum(counts) + 1))
    for first, more in receipts:
        made.stored(Lane.STATE, first, first + more, 0.0)
        left -= set(range(first, first + more + 1))
        assert made.rows == len(left)
