import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.port import Frame
from edge.capture.slot import Fork, FrameQueue, LatestFrameSlot, Slot
from tests.support.processes import wait_until

IMAGE = np.zeros((2, 2, 3), np.uint8)
MS = 1_000_000


def frame(number: int, captured_ns: int = 0) -> Frame:
    return Frame("cam-one", number, captured_ns, IMAGE)


def latest(max_frame_age_ms: int = 1000, now_ns: Callable[[], int] = lambda: 0) -> LatestFrameSlot:
    return LatestFrameSlot(max_frame_age_ms, now_ns)


def drained(slot: Slot) -> list[int]:
    return [arrival.frame.number for arrival in iter(slot.take, None)]


@given(st.lists(st.booleans(), max_size=60))
def test_the_newest_frame_wins_and_every_other_is_counted(puts: list[bool]) -> None:
    slot = latest()
    put = taken = 0
    waiting: int | None = None
    for is_put in puts:
        if is_put:
            assert slot.put(frame(put))
            waiting, put = put, put + 1
        elif waiting is not None:
            arrival = slot.take()
            assert arrival is not None
            assert arrival.frame.number == waiting
            waiting, taken = None, taken + 1
    assert slot.dropped == {"newer": put - taken - (waiting is not None), "too_old": 0}


def test_a_frame_that_is_too_old_is_dropped_and_the_next_awaited() -> None:
    now_ns = 0
    slot = latest(100, lambda: now_ns)
    slot.put(frame(0, captured_ns=0))
    now_ns = 101 * MS
    taken: list[int] = []
    taker = threading.Thread(target=lambda: taken.extend(drained(slot)))
    taker.start()
    wait_until(lambda: slot.dropped["too_old"] == 1, "the drop")
    slot.put(frame(1, captured_ns=now_ns))
    slot.close()
    taker.join()
    assert taken == [1]


def test_a_queue_loses_nothing_and_makes_its_writer_wait() -> None:
    queue = FrameQueue(2)
    written = 0

    def write() -> None:
        nonlocal written
        for number in range(20):
            queue.put(frame(number))
            written += 1

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: written == 2, "a full queue")
    for taken in range(20):
        assert written <= taken + 2
        arrival = queue.take()
        assert arrival is not None
        assert arrival.frame.number == taken
    writer.join()
    assert sum(queue.dropped.values()) == 0


@pytest.mark.parametrize("make", [latest, lambda: FrameQueue(1)])
def test_closing_wakes_who_waits_for_a_frame(make: Callable[[], Slot]) -> None:
    slot = make()
    taken: list[object] = []
    taker = threading.Thread(target=lambda: taken.append(slot.take()))
    taker.start()
    slot.close()
    taker.join(5)
    assert taken == [None]


def test_closing_wakes_who_waits_for_room() -> None:
    queue = FrameQueue(1)
    queue.put(frame(0))
    accepted: list[bool] = []
    writer = threading.Thread(target=lambda: accepted.append(queue.put(frame(1))))
    writer.start()
    queue.close()
    writer.join(5)
    assert accepted == [False]


@pytest.mark.parametrize("make", [latest, lambda: FrameQueue(4)])
def test_a_closed_slot_gives_what_it_has_and_takes_nothing(make: Callable[[], Slot]) -> None:
    slot = make()
    slot.put(frame(0))
    slot.close()
    assert not slot.put(frame(1))
    assert drained(slot) == [0]


def test_what_is_left_can_be_thrown_away() -> None:
    queue = FrameQueue(4)
    queue.put(frame(0))
    queue.close(discard=True)
    assert queue.take() is None


def test_an_arrival_knows_when_it_was_read() -> None:
    queue = FrameQueue(4)
    queue.put(frame(0))
    queue.put(frame(1))
    first, second = queue.take(), queue.take()
    assert first is not None
    assert second is not None
    assert 0 < first.read_ns <= second.read_ns


def test_a_fork_gives_the_same_picture_to_all_and_nobody_may_write_on_it() -> None:
    one, other = FrameQueue(2), FrameQueue(2)
    fork = Fork([one, other])
    picture = np.zeros((2, 2, 3), np.uint8)
    assert fork.put(Frame("cam-one", 0, 0, picture))
    first, second = one.poll(), other.poll()
    assert first is not None
    assert second is not None
    assert first.frame.image is second.frame.image is picture
    with pytest.raises(ValueError, match="read-only"):
        first.frame.image[0] = 1
    fork.close()
    assert not fork.put(frame(1))
    assert one.is_over
    assert other.is_over


def test_who_listens_is_told_of_frames_and_of_the_end() -> None:
    queue, told = FrameQueue(4), []
    queue.listen(lambda: told.append((queue.waits is not None, queue.is_over)))
    queue.put(frame(0))
    queue.close()
    assert queue.poll() is not None
    assert told == [(True, False), (True, False)]
    assert queue.is_over
    assert queue.waits is None


def test_a_frame_that_is_replaced_has_waited_since_the_first_of_them_came() -> None:
    slot = latest()
    slot.put(frame(0))
    first = slot.waits
    slot.put(frame(1))
    then = slot.waits
    assert first is not None
    assert then is not None
    assert first.since_ns == first.read_ns == then.since_ns
    arrival = slot.poll()
    assert arrival is not None
    assert arrival.read_ns == then.read_ns > first.read_ns
    assert slot.waits is None
