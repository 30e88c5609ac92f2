"""Whose turn it is, by an engine that takes the same time for every frame."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import assume, given
from hypothesis import strategies as st

from edge.infer.turns import GUARANTEED_IN_A_ROW, OPEN_ROUNDS, Turns, Waiting

S = 1_000_000_000
MS = 1_000_000


@dataclass
class Camera:
    """Brings a frame every so often; a new one replaces one that waits, as in a live slot."""

    every_ns: int
    min_fps: float | None = None
    since_ns: int | None = None
    next_ns: int = 0

    def look(self, now_ns: int) -> int | None:
        if self.next_ns <= now_ns:
            self.since_ns = self.next_ns if self.since_ns is None else self.since_ns
            self.next_ns += (1 + (now_ns - self.next_ns) // self.every_ns) * self.every_ns
        return self.since_ns

    @property
    def read_ns(self) -> int:
        """When the latest frame came."""
        return self.next_ns - self.every_ns


def taking(cameras: Sequence[Camera], frame_ns: int, until_ns: int) -> Iterator[tuple[int, int]]:
    """When whose frame is taken, by an engine that is busy for `frame_ns` with each."""
    turns = Turns()
    for number, camera in enumerate(cameras):
        turns.join(number, camera.min_fps)
    now_ns = 0
    while now_ns < until_ns:
        waiting = [
            Waiting(number, since_ns, camera.read_ns)
            for number, camera in enumerate(cameras)
            if (since_ns := camera.look(now_ns)) is not None
        ]
        if not waiting:
            now_ns = min(camera.next_ns for camera in cameras)
            continue
        turn = turns.choose(waiting, now_ns)
        assert turns.choose(waiting, now_ns) == turn, "asking changes nothing"
        assert turn in waiting, "there is a turn as long as anybody waits"
        turns.served(turn, waiting, now_ns)
        cameras[turn.feed].since_ns = None
        yield now_ns, turn.feed
        now_ns += frame_ns


def served(cameras: Sequence[Camera], frame_ns: int, until_ns: int) -> list[tuple[int, int]]:
    """All of it at once."""
    return list(taking(cameras, frame_ns, until_ns))


EVERY = st.integers(5 * MS, S)
MAYBE_FPS = st.none() | st.floats(0.5, 100)
CAMERAS = st.lists(st.builds(Camera, EVERY, MAYBE_FPS), min_size=1, max_size=12)


@given(CAMERAS, st.integers(MS, 100 * MS))
def test_nobody_waits_for_more_turns_than_three_rounds(
    cameras: list[Camera], frame_ns: int
) -> None:
    """Of 16 turns for each, whatever the others bring and are promised."""
    waited: Counter[int] = Counter()
    most = (OPEN_ROUNDS + 1) * (GUARANTEED_IN_A_ROW + 1) * len(cameras)
    for _, feed in taking(cameras, frame_ns, 200 * frame_ns):
        waited[feed] = 0
        for number, camera in enumerate(cameras):
            if number != feed and camera.since_ns is not None:
                waited[number] += 1
                assert waited[number] <= most


@given(st.lists(st.integers(MS, 20 * MS), min_size=1, max_size=10), st.integers(20 * MS, 100 * MS))
def test_without_guarantees_everybody_has_the_same(every: list[int], frame_ns: int) -> None:
    """As long as each brings more than its share, however much more."""
    cameras = [Camera(ns) for ns in every]
    turns = 30 * len(cameras)
    counts = Counter(feed for _, feed in served(cameras, frame_ns, turns * frame_ns))
    assert max(counts.values()) - min(counts[n] for n in range(len(cameras))) <= OPEN_ROUNDS


def test_the_freshest_goes_first() -> None:
    turns = Turns()
    waiting = [Waiting(feed, 0, read_ns) for feed, read_ns in ((1, 30), (2, 10), (3, 20))]
    for one in waiting:
        turns.join(one.feed)
    order = []
    for _ in range(6):
        turn = turns.choose(waiting, S)
        turns.served(turn, waiting, S)
        order.append(turn.feed)
    assert order == [1, 1, 3, 3, 2, 1], "two turns at most before everybody has had one"


@given(
    st.lists(st.tuples(st.floats(0.5, 60), st.integers(2, 15)), min_size=1, max_size=8),
    st.lists(EVERY, max_size=8),
    st.integers(2 * MS, 60 * MS),
)
def test_guarantees_are_kept_where_the_network_can(
    promised: list[tuple[float, int]], others: list[int], frame_ns: int
) -> None:
    """Each has its frames in every part, but for those that it had earlier, and one."""
    load = sum(fps for fps, _ in promised) * frame_ns / S
    assume(load <= 0.9)
    # A camera that brings a multiple of what it is promised.
    cameras = [Camera(round(S / fps / times), fps) for fps, times in promised]
    cameras += [Camera(every_ns) for every_ns in others]
    part_ns = round(max(S, 20 * frame_ns))
    taken = served(cameras, frame_ns, 3 * part_ns)
    for part in range(3):
        counts = Counter(feed for at, feed in taken if part == at // part_ns)
        for number, (fps, _) in enumerate(promised):
            assert counts[number] >= fps * part_ns / S - OPEN_ROUNDS - 1


@given(CAMERAS, st.integers(MS, 100 * MS))
def test_the_network_is_never_idle_while_anybody_waits(
    cameras: list[Camera], frame_ns: int
) -> None:
    taken = served(cameras, frame_ns, 100 * frame_ns)
    free_ns = 0
    again = [Camera(camera.every_ns) for camera in cameras]
    for at_ns, feed in taken:
        if at_ns > free_ns:
            assert all(camera.look(at_ns - 1) is None for camera in again)
        for camera in again:
            camera.look(at_ns)
        again[feed].since_ns = None
        free_ns = at_ns + frame_ns


@given(CAMERAS, st.integers(MS, 100 * MS))
def test_the_same_cameras_get_the_same_turns(cameras: list[Camera], frame_ns: int) -> None:
    again = [Camera(camera.every_ns, camera.min_fps) for camera in cameras]
    assert served(cameras, frame_ns, S) == served(again, frame_ns, S)


def test_guarantees_that_are_too_much_leave_one_turn_of_16_to_the_others() -> None:
    greedy, modest = Camera(5 * MS, min_fps=1000), Camera(5 * MS)
    taken = [feed for _, feed in served([greedy, modest], 10 * MS, 320 * 10 * MS)]
    assert 18 <= taken.count(1) <= 21


def test_who_was_away_has_no_turns_saved_up() -> None:
    turns = Turns()
    turns.join(0, min_fps=10)
    turns.join(1)
    now_ns = 60 * S  # the first camera was away for a minute
    taken = []
    for _ in range(8):
        waiting = [Waiting(feed, now_ns, now_ns) for feed in (0, 1)]
        turn = turns.choose(waiting, now_ns)
        turns.served(turn, waiting, now_ns)
        taken.append(turn.feed)
        now_ns += MS
    assert taken[:2] == [0, 0], "what is due, and one more"
    assert taken.count(1) >= 3


def test_who_comes_later_is_owed_nothing_and_who_leaves_is_forgotten() -> None:
    turns = Turns()

    def counted(feeds: Sequence[int], count: int) -> Counter[int]:
        waiting = [Waiting(feed, 0, 0) for feed in feeds]
        counts: Counter[int] = Counter()
        for _ in range(count):
            turn = turns.choose(waiting, 0)
            turns.served(turn, waiting, 0)
            counts[turn.feed] += 1
        return counts

    turns.join(1)
    turns.join(2)
    counted([1, 2], 40)
    turns.join(3)
    counts = counted([1, 2, 3], 30)
    assert all(10 - OPEN_ROUNDS <= counts[feed] <= 10 + OPEN_ROUNDS for feed in (1, 2, 3))
    turns.leave(2)
    counts = counted([1, 3], 20)
    assert abs(counts[1] - counts[3]) <= 2 * OPEN_ROUNDS
