"""The queue in memory: bounded, and the least urgent go first."""

from edge.publish.clock import ClockState
from edge.publish.rows import ROW_OVERHEAD_BYTES
from edge.publish.staging import Staged, Staging
from protos.ids import Lane

SIZE = 36 + ROW_OVERHEAD_BYTES


def staged(lane: Lane, number: int) -> Staged:
    return Staged(lane, number, ClockState(True, 1), bytes(36))


def test_the_oldest_of_the_least_urgent_lane_is_dropped() -> None:
    staging = Staging(3 * SIZE)
    staging.put(staged(Lane.STATS, n) for n in range(2))
    staging.put(staged(Lane.STATE, n) for n in range(2))
    staging.put([staged(Lane.ALARM, 0)])
    assert staging.dropped == {Lane.STATS: 2}
    left = staging.take(10 * SIZE)
    assert [(d.lane, d.captured_ns) for d in left] == [
        (Lane.ALARM, 0), (Lane.STATE, 0), (Lane.STATE, 1),
    ]  # fmt: skip


def test_what_no_disk_took_comes_back_in_order_and_within_the_bound() -> None:
    staging = Staging(3 * SIZE)
    staging.put(staged(Lane.STATE, n) for n in range(3))
    taken = staging.take(2 * SIZE)
    assert [d.captured_ns for d in taken] == [0, 1]
    staging.put([staged(Lane.STATE, 3)])
    assert not staging.dropped
    staging.give_back()
    assert staging.dropped == {Lane.STATE: 1}
    assert [d.captured_ns for d in staging.take(9 * SIZE)] == [1, 2, 3]
    staging.done()
    assert len(staging) == 0


def test_an_alarm_does_not_go_because_a_commit_holds_everything_else() -> None:
    staging = Staging(2 * SIZE)
    staging.put(staged(Lane.STATS, n) for n in range(2))
    staging.take(9 * SIZE)
    staging.put(staged(Lane.ALARM, n) for n in range(2))
    staging.give_back()
    assert staging.dropped == {Lane.STATS: 2}


def test_oldest_tells_what_is_durable() -> None:
    staging = Staging(100 * SIZE)
    assert staging.oldest == 1
    staging.put([staged(Lane.STATS, 0), staged(Lane.ALARM, 0)])
    staging.take(SIZE)
    assert staging.oldest == 1
    staging.done()
    assert staging.oldest == 1, "the statistics wait still"
    staging.take(SIZE)
    staging.done()
    assert staging.oldest == 3


def test_a_draft_larger_than_a_commit_is_taken_alone() -> None:
    staging = Staging(100 * SIZE)
    staging.put(staged(Lane.STATE, n) for n in range(2))
    assert len(staging.take(1)) == 1
