"""Of any number of bridges one is active, whatever happened to them and to their words."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.bridge.election import Candidate, Move, Pace, Role, Said, Word, parse
from tests.support.election_world import World

PACE = Pace(interval_s=1.0, timeout_s=3.5)
DELAY_S = 0.05
SETTLED_S = PACE.longest_silence_s + PACE.interval_s + 6 * DELAY_S
"""After the last thing that happened: somebody takes over, and of several one remains."""
ALONE_S = PACE.interval_s + 2 * PACE.spread_s
"""How long one that knows nobody listens, at most."""

Happening = Callable[[World], None]


def happenings(count: int) -> st.SearchStrategy[Happening]:
    """What may happen to a bridge; each at once, whatever follows from it later."""
    stalls = st.builds(
        lambda n, for_s: lambda world: world.stall(n, for_s),
        st.integers(0, count - 1), st.floats(0, 20),
    )  # fmt: skip
    return st.one_of(ends_and_beginnings(count), stalls)


def ends_and_beginnings(count: int) -> st.SearchStrategy[Happening]:
    """What may happen to a bridge that always runs while it is there."""
    numbers = st.integers(0, count - 1)
    delays = st.floats(0, 20)
    return st.one_of(
        st.builds(lambda n: lambda world: world.connect(n), numbers),
        st.builds(lambda n, late: lambda world: world.cut(n, late), numbers, delays),
        st.builds(_reconnect, numbers, delays),
        st.builds(lambda n: lambda world: world.leave(n), numbers),
    )


def _reconnect(number: int, will_after_s: float) -> Happening:
    def reconnect(world: World) -> None:
        world.cut(number, will_after_s, forgets=False)
        world.connect(number)

    return reconnect


def world_of(count: int, seed: int) -> World:
    """All bridges started, and settled."""
    world = World(count, PACE, random.Random(seed), DELAY_S)
    for number in range(count):
        world.connect(number)
    world.run(ALONE_S + PACE.interval_s)
    assert len(world.active) == 1
    return world


@given(data=st.data(), count=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_exactly_one_is_active_soon_after_any_disturbance(
    data: st.DataObject, count: int, seed: int
) -> None:
    world = World(count, PACE, random.Random(seed), DELAY_S)
    world.connect(0)
    world.loss = data.draw(st.sampled_from([0.0, 0.3, 0.9, 1.0]), "loss")
    world.worst_delay_s = data.draw(st.sampled_from([DELAY_S, 2.0, 10.0]), "worst delay")
    steps = st.lists(st.tuples(happenings(count), st.floats(0, 6)), max_size=25)
    for happen, pause_s in data.draw(steps, "steps"):
        happen(world)
        world.run(pause_s)
    world.calm_down()
    world.connect(data.draw(st.integers(0, count - 1), "survivor"))
    world.run(SETTLED_S)
    winner = world.active
    assert len(winner) == 1
    assert world.subscribed == winner
    world.spans.clear()
    world.run(20 * PACE.interval_s)
    assert world.active == winner, "nothing happens, so nothing changes"
    assert {count for _, _, count in world.spans} == {1}


@given(data=st.data(), count=st.integers(2, 5), seed=st.integers(0, 2**32))
def test_while_messages_pass_neither_none_nor_two_for_longer_than_the_bounds(
    data: st.DataObject, count: int, seed: int
) -> None:
    world = world_of(count, seed)
    world.spans.clear()
    happening = ends_and_beginnings(count)
    for pause_s in data.draw(st.lists(st.floats(SETTLED_S, 30), max_size=8), "pauses"):
        data.draw(happening, "happening")(world)
        world.connect(data.draw(st.integers(0, count - 1), "survivor"))
        world.run(pause_s)
    assert world.longest_s(lambda count: count == 0) <= PACE.longest_silence_s + 2 * DELAY_S
    assert world.longest_s(lambda count: count > 1) <= PACE.interval_s + 3 * DELAY_S


@given(count=st.integers(2, 5), seed=st.integers(0, 2**32))
def test_last_will_of_the_active_one_is_enough(count: int, seed: int) -> None:
    world = world_of(count, seed)
    world.spans.clear()
    world.cut(world.active[0])
    world.run(SETTLED_S)
    assert len(world.active) == 1
    assert world.longest_s(lambda count: count == 0) <= PACE.spread_s + 2 * DELAY_S


@given(count=st.integers(2, 5), seed=st.integers(0, 2**32))
def test_one_that_is_asked_to_go_leaves_no_gap(count: int, seed: int) -> None:
    world = world_of(count, seed)
    world.spans.clear()
    leaving = world.active[0]
    world.leave(leaving)
    world.run(SETTLED_S)
    assert len(world.active) == 1
    assert not world.nodes[leaving].alive
    assert world.longest_s(lambda count: count == 0) == 0
    assert world.longest_s(lambda count: count > 1) <= PACE.interval_s + 3 * DELAY_S


@given(count=st.integers(2, 5), seed=st.integers(0, 2**32), for_s=st.floats(0, 3))
def test_short_stall_of_a_standby_changes_nothing(count: int, seed: int, for_s: float) -> None:
    world = world_of(count, seed)
    before = world.active
    world.run(PACE.interval_s + DELAY_S)
    world.stall((before[0] + 1) % count, min(for_s, PACE.timeout_s - PACE.interval_s - DELAY_S))
    world.run(SETTLED_S)
    assert world.active == before


@given(seed=st.integers(0, 2**32))
def test_after_a_restart_of_the_broker_the_active_one_does_not_wait_long(seed: int) -> None:
    world = world_of(3, seed)
    active = world.active[0]
    for number in range(3):
        world.cut(number, will_after_s=1000.0, forgets=False)
    for number in range(3):
        world.connect(number)
    world.run(2 * PACE.spread_s)
    assert world.active == [active]
    world.run(SETTLED_S)
    assert world.active == [active]


def test_one_alone_goes_after_an_interval_without_a_successor() -> None:
    candidate = active_one()
    assert candidate.leave(10.0) == (Word.LEAVES,)
    assert candidate.leave(10.1) == (), "said once"
    assert candidate.hear(Said(7, Word.ASKS), 10.2) == (), "no longer active to whoever asks"
    assert candidate.tick(10.9) == ()
    assert candidate.tick(11.0) == ()
    assert candidate.role is Role.GONE


def active_one(own: int = 5) -> Candidate:
    candidate = Candidate(own, PACE, 0.0, draw=lambda: 0.0)
    assert candidate.begin() == (Word.ASKS,)
    assert not candidate.settled
    begun_s = candidate.due_s
    assert candidate.tick(begun_s) == (Move.SUBSCRIBE, Word.ACTIVE)
    candidate.hear(Said(own, Word.ASKS), begun_s)
    assert not candidate.settled, "the broker may not have seen the SUBSCRIBE"
    candidate.hear(Said(own, Word.ACTIVE), begun_s)
    assert candidate.settled
    return candidate


def test_the_greater_id_steps_down_and_the_smaller_one_says_so() -> None:
    assert active_one(5).hear(Said(6, Word.ACTIVE), 2.0) == (Word.ACTIVE,)
    greater = active_one(6)
    assert greater.hear(Said(5, Word.ACTIVE), 2.0) == (Move.UNSUBSCRIBE,)
    assert greater.role is Role.STANDBY
    assert greater.settled


def test_whoever_hears_not_even_itself_is_deaf() -> None:
    candidate = active_one()
    begun_s = candidate.due_s - PACE.interval_s
    assert not candidate.is_deaf(begun_s + PACE.timeout_s)
    assert candidate.is_deaf(begun_s + PACE.timeout_s + 0.1)
    candidate.hear(Said(5, Word.ACTIVE), begun_s + PACE.timeout_s)
    assert not candidate.is_deaf(begun_s + PACE.timeout_s + 0.1)


@given(bridge=st.integers(0, 2**64 - 1), word=st.sampled_from(Word))
def test_word_comes_back_from_the_wire(bridge: int, word: Word) -> None:
    assert parse(Said(bridge, word).encode()) == Said(bridge, word)


@pytest.mark.parametrize(
    "payload",
    [b"", b"active", b"active 1", b"active 0123456789ABCDEF", b"sleeps 0123456789abcdef",
     b"active 0123456789abcdef\n", b"\xff" * 100],
)  # fmt: skip
def test_other_payloads_say_nothing(payload: bytes) -> None:
    assert parse(payload) is None
