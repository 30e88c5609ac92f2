from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture import machine
from edge.capture.machine import (
    Action,
    Answered,
    Broke,
    CameBack,
    Ended,
    Finish,
    Happening,
    LetGo,
    Life,
    Limits,
    Noted,
    Open,
    Phase,
    Pictured,
    Started,
    Tell,
    Ticked,
)

STREAM = Limits(
    open_s=5, silence_s=2, hang_s=1, retry_initial_s=0.2, retry_max_s=3, reopen_stalled_s=10,
    max_hanging=3, is_final=False,
)  # fmt: skip
FILE = replace(STREAM, open_s=None, silence_s=None, is_final=True)


class Camera:
    """A life that a test leads; what it asks for is kept."""

    def __init__(self, limits: Limits = STREAM, luck: float = 1.0) -> None:
        self.limits = limits
        self.luck = luck
        self.life = Life()
        self.now_s = 100.0
        self.actions: list[Action] = []
        self.step(Started())

    def step(self, happening: Happening) -> list[Action]:
        self.life, actions = machine.step(self.life, happening, self.now_s, self.limits, self.luck)
        self.actions += actions
        return list(actions)

    def live(self) -> "Camera":
        self.step(Answered(self.attempt))
        self.step(Pictured(self.attempt))
        return self

    @property
    def attempt(self) -> int:
        return self.life.attempt

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(a.phase.value, a.reason) for a in self.actions if isinstance(a, Tell)]

    def go_on(self, seconds: float) -> list[Action]:
        """Let time pass, looking whenever it is due."""
        end_s, actions = self.now_s + seconds, list[Action]()
        while (due_s := machine.deadline_s(self.life, self.limits)) is not None and due_s <= end_s:
            self.now_s = max(self.now_s, due_s)
            actions += self.step(Ticked())
        self.now_s = end_s
        return actions


def test_a_camera_that_is_there_is_live_with_its_first_picture() -> None:
    camera = Camera()
    assert camera.actions == [Open(1)]
    assert camera.live().life.phase is Phase.LIVE
    assert camera.told == [("live", "")]
    assert camera.go_on(1.9) == []


def test_a_camera_that_is_down_is_told_once_and_tried_on_with_growing_waits() -> None:
    camera = Camera()
    waits = []
    for _ in range(7):
        camera.step(Broke(camera.attempt, "unreachable", "no answer"))
        assert camera.life.retry_s is not None
        waits.append(round(camera.life.retry_s - camera.now_s, 3))
        assert Open(camera.attempt + 1) in camera.go_on(waits[-1])
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0]
    assert camera.told == [("connecting", "unreachable")]


@given(luck=st.floats(0, 1, exclude_max=True), failures=st.integers(1, 20))
def test_no_wait_is_shorter_than_the_shortest_nor_longer_than_the_longest(
    luck: float, failures: int
) -> None:
    camera = Camera(luck=luck)
    for _ in range(failures):
        camera.step(Broke(camera.attempt, "unreachable", ""))
        assert camera.life.retry_s is not None
        wait_s = camera.life.retry_s - camera.now_s
        assert 0.2 - 1e-6 <= wait_s <= 3 + 1e-6
        camera.go_on(wait_s)


def test_a_lost_camera_reconnects_and_is_counted() -> None:
    camera = Camera().live()
    camera.step(Broke(1, "lost", "closed"))
    assert camera.life.phase is Phase.RECONNECTING
    assert camera.go_on(0.2) == [Open(2)]
    camera.live()
    assert camera.told == [("live", ""), ("reconnecting", "lost"), ("live", "")]
    assert camera.life.reconnects == 1


def test_a_camera_that_breaks_after_each_first_picture_is_not_hammered() -> None:
    camera = Camera().live()
    waits = []
    for _ in range(6):
        camera.step(Broke(camera.attempt, "lost", ""))
        assert camera.life.retry_s is not None
        waits.append(round(camera.life.retry_s - camera.now_s, 3))
        camera.go_on(waits[-1])
        camera.live()
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.0, 3.0]
    camera.now_s += 3
    camera.step(Pictured(camera.attempt))
    camera.step(Broke(camera.attempt, "lost", ""))
    assert camera.life.retry_s == pytest.approx(camera.now_s + 0.2)


def test_silence_is_told_and_then_the_read_is_replaced() -> None:
    camera = Camera().live()
    assert camera.go_on(2.0) == [Tell(Phase.STALLED, "silent", "no picture for 2.0 s")]
    told = Tell(Phase.RECONNECTING, "hangs", "a read does not come back and is replaced")
    assert camera.go_on(1.0) == [told, LetGo(1), Open(2)]
    assert camera.life.hanging == 1
    camera.step(CameBack())
    assert camera.life.hanging == 0
    camera.live()
    assert camera.life.phase is Phase.LIVE


def test_a_picture_ends_silence() -> None:
    camera = Camera().live()
    camera.go_on(2.5)
    camera.step(Pictured(1))
    assert camera.told == [("live", ""), ("stalled", "silent"), ("live", "")]
    assert camera.life.reconnects == 0


def test_opening_that_never_comes_back_is_replaced() -> None:
    camera = Camera()
    assert camera.go_on(5.9) == []
    actions = camera.go_on(0.1)
    assert LetGo(1) in actions
    assert Open(2) in actions
    assert camera.told == [("connecting", "hangs")]


def test_too_many_that_hang_are_a_failure_until_one_comes_back() -> None:
    camera = Camera()
    camera.go_on(100)
    assert camera.life.hanging == 4
    assert camera.attempt == 4
    assert camera.told == [("connecting", "hangs"), ("failed", "hangs")]
    assert camera.step(CameBack())[-1] == Open(5)
    camera.live()
    assert camera.told[-2:] == [("connecting", "hangs"), ("live", "")]


def test_a_frozen_stream_is_opened_again_at_once_and_then_less_and_less_often() -> None:
    camera = Camera().live()
    opened_s = []
    for _ in range(1300):
        camera.step(Pictured(camera.attempt, "frozen", "the same picture"))
        if any(isinstance(action, Open) for action in camera.go_on(0.1)):
            opened_s.append(round(camera.now_s - 100))
            camera.step(CameBack())
            camera.step(Answered(camera.attempt))
    assert opened_s == [0, 10, 30, 70]
    assert camera.told == [("live", ""), ("stalled", "frozen")]
    camera.step(Pictured(camera.attempt))
    assert camera.life.phase is Phase.LIVE
    assert machine.deadline_s(camera.life, STREAM) == pytest.approx(camera.now_s + 2)


def test_a_frozen_stream_that_breaks_is_reconnecting() -> None:
    camera = Camera().live()
    camera.step(Pictured(1, "frozen", ""))
    camera.step(Broke(1, "lost", ""))
    assert camera.told[-1] == ("reconnecting", "lost")
    assert camera.go_on(1) == [Open(2)], "once, and not for the stall as well"


def test_changes_of_a_stream_are_told_and_change_nothing() -> None:
    camera = Camera().live()
    before = camera.life
    assert camera.step(Noted(1, "resolution", "a to b")) == [
        Tell(Phase.LIVE, "resolution", "a to b")
    ]
    assert camera.life == before


def test_a_file_ends_or_fails_for_good() -> None:
    ended = Camera(FILE).live()
    assert ended.step(Ended(1, "9 of 9")) == [Tell(Phase.ENDED, "end", "9 of 9"), Finish()]
    failed = Camera(FILE)
    assert failed.step(Broke(1, "unreachable", "no video")) == [
        Tell(Phase.FAILED, "unreachable", "no video"), Finish(),
    ]  # fmt: skip
    for camera in (ended, failed):
        before = camera.life
        for happening in (Ticked(), Started(), CameBack(), Pictured(1), Broke(1, "lost", "")):
            assert camera.step(happening) == []
        assert camera.life == before
        assert camera.go_on(1000) == []


def test_a_file_may_take_as_long_as_it_likes() -> None:
    camera = Camera(FILE)
    assert camera.go_on(10_000) == []
    camera.live()
    assert camera.go_on(10_000) == []


def test_what_was_let_go_is_not_heard() -> None:
    camera = Camera().live()
    camera.go_on(3)
    before = camera.life
    for happening in (
        Pictured(1), Pictured(1, "frozen"), Answered(1), Broke(1, "lost", ""), Ended(1, ""),
        Noted(1, "rate", ""),
    ):  # fmt: skip
        assert camera.step(happening) == []
    assert camera.life == before


HAPPENINGS = st.sampled_from(
    ["answered", "picture", "frozen", "corrupt", "broke", "note", "came back", "wait", "stale"]
)


@given(st.lists(st.tuples(HAPPENINGS, st.floats(0, 8)), max_size=80), st.floats(0, 0.99))
def test_whatever_happens_the_books_are_kept(
    history: Sequence[tuple[str, float]], luck: float
) -> None:
    """Attempts are opened one by one, bounded, and a good picture always makes it live."""
    camera = Camera(luck=luck)
    hanging = 0
    for name, seconds in history:
        begun = len(camera.actions)
        match name:
            case "answered":
                camera.step(Answered(camera.attempt))
            case "picture":
                camera.step(Pictured(camera.attempt))
                if camera.life.is_running:
                    assert camera.life.phase is Phase.LIVE
            case "frozen" | "corrupt":
                camera.step(Pictured(camera.attempt, name))
            case "broke":
                camera.step(Broke(camera.attempt, "lost", ""))
            case "note":
                camera.step(Noted(camera.attempt, "rate", ""))
            case "came back" if hanging:
                hanging -= 1
                camera.step(CameBack())
            case "stale":
                camera.step(Pictured(camera.attempt - 1))
        camera.go_on(seconds)
        hanging += sum(isinstance(action, LetGo) for action in camera.actions[begun:])
        assert camera.life.hanging == hanging <= STREAM.max_hanging + 1
        due_s = machine.deadline_s(camera.life, STREAM)
        assert due_s is not None or camera.life.phase is Phase.FAILED, "it is never forgotten"
    opened = [action.attempt for action in camera.actions if isinstance(action, Open)]
    assert opened == list(range(1, len(opened) + 1))
    let_go = [action.attempt for action in camera.actions if isinstance(action, LetGo)]
    assert let_go == sorted(set(let_go)), "none twice"
