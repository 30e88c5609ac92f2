"""Which state is the newer one."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.fleet.order import Place, Times, follow
from protos.v1.device_state_pb2 import DeviceState


def state(
    boot: int, session: int, seq: int, status: DeviceState.Status = DeviceState.ALIVE
) -> DeviceState:
    return DeviceState(
        schema=1, device="cam-box", boot=boot, session=session, seq=seq, status=status
    )


def will(boot: int, session: int) -> DeviceState:
    return state(boot, session, 0, DeviceState.DISCONNECTED)


def after(*states: DeviceState) -> Place | None:
    place: Place | None = None
    for one in states:
        place = follow(place, one) or place
    return place


def test_a_last_will_ends_its_own_session() -> None:
    assert after(state(1, 5, 1), will(1, 5)) == Place(1, 5, 1, DeviceState.DISCONNECTED)


def test_a_last_will_of_an_older_session_changes_nothing() -> None:
    place = after(state(1, 5, 1), state(1, 6, 2))
    assert place is not None
    assert follow(place, will(1, 5)) is None


def test_a_last_will_of_an_older_boot_changes_nothing() -> None:
    place = after(state(1, 5, 9), state(2, 6, 1))
    assert place == Place(2, 6, 1, DeviceState.ALIVE, (1,))
    assert follow(place, will(1, 5)) is None
    assert follow(place, state(1, 5, 10)) is None


def test_a_last_will_of_a_boot_never_heard_of_does_not_end_the_one_that_is() -> None:
    place = after(state(1, 5, 1))
    assert place is not None
    assert follow(place, will(2, 6)) is None
    assert after(state(1, 5, 1), will(2, 6), state(1, 5, 2)) == Place(1, 5, 2, DeviceState.ALIVE)


def test_boots_of_replaced_hardware_change_nothing() -> None:
    for one in (state(1, 5, 9), will(1, 5)):
        assert follow(None, one, (7, 1)) is None
        assert follow(Place(2, 6, 1, DeviceState.ALIVE), one, (7, 1)) is None


def test_an_older_heartbeat_changes_nothing() -> None:
    place = after(state(1, 5, 8))
    assert place is not None
    assert follow(place, state(1, 5, 7)) is None
    assert follow(place, state(1, 5, 8)) is None


def test_a_session_that_ended_stays_ended_and_the_next_one_lives() -> None:
    ended = after(state(1, 5, 1), will(1, 5))
    assert ended is not None
    assert follow(ended, state(1, 5, 2)) is None
    assert follow(ended, will(1, 5)) is None
    assert follow(ended, state(1, 6, 3)) == Place(1, 6, 3, DeviceState.ALIVE)


def test_who_said_goodbye_is_not_called_disconnected() -> None:
    stopped = after(state(1, 5, 1), state(1, 5, 2, DeviceState.STOPPED))
    assert stopped is not None
    assert follow(stopped, will(1, 5)) is None


def test_past_boots_are_bounded() -> None:
    place = after(*[state(boot, boot, 1) for boot in range(1, 101)])
    assert place is not None
    assert place.boot == 100
    assert len(place.past_boots) == 16


boots = st.lists(st.sampled_from([1, 2, 3]), unique=True, min_size=1)


@given(boots, st.data())
def test_late_and_repeated_states_of_earlier_boots_change_nothing(
    order: list[int], data: st.DataObject
) -> None:
    history = [state(boot, boot, seq) for boot in order for seq in (1, 2, 3)]
    replayed: list[DeviceState] = []
    for position, one in enumerate(history):
        replayed.append(one)
        replayed += data.draw(st.lists(st.sampled_from(history[: position + 1]), max_size=3))

    assert after(*replayed) == after(*history)


INTERVAL_S, OFFLINE_S = 30, 300
Came = tuple[int, DeviceState]
"""When a state came to Pub/Sub, in seconds, and the state."""


def delivered(states: list[Came], place: Place | None = None, last_s: int = 0) -> Place | None:
    """Where a device stands after states in the order of delivery, as the table reckons it."""
    for at_s, one in states:
        times = Times(at_s, last_s, last_s + OFFLINE_S) if place is not None else None
        found = follow(place, one, (), times)
        if found is not None and found.boot == one.boot:
            last_s = max(last_s, at_s)
        place = found or place
    return place


@st.composite
def lives(draw: st.DrawFn) -> list[Came]:
    """Boots one after the other, each with some heartbeats; true times."""
    at_s, told = 1000, list[Came]()
    for boot in range(1, draw(st.integers(1, 5)) + 1):
        at_s += draw(st.integers(5, 4000))
        for seq in range(1, draw(st.integers(1, 6)) + 1):
            told.append((at_s, state(boot, boot, seq)))
            at_s += INTERVAL_S
    return told


def test_boots_that_nobody_knew_are_told_apart_by_when_they_came() -> None:
    older, newer = state(1, 1, 4), state(2, 2, 1)
    place = delivered([(1100, newer), (1000, older)])
    assert place == Place(2, 2, 1, DeviceState.ALIVE, (1,))
    assert delivered([(1130, state(2, 2, 2))], place, 1100) == Place(
        2, 2, 2, DeviceState.ALIVE, (1,)
    )


def test_the_birth_after_a_last_will_is_the_next_boots_whichever_came_first() -> None:
    """The broker tells of the end when the next boot takes the session over."""
    history = [(1000, state(1, 1, 4)), (1101, will(1, 1)), (1100, state(2, 2, 1))]
    place = delivered(history)
    assert place == Place(2, 2, 1, DeviceState.ALIVE, (1,))


@given(lives(), st.data())
def test_after_an_outage_the_last_boot_is_the_live_one_in_whatever_order_states_come(
    told: list[Came], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(told), max_size=5))
    place = delivered(data.draw(st.permutations(told + again)))
    assert place is not None
    last_s, last = told[-1]
    assert place.boot == last.boot
    going_on = [(last_s + INTERVAL_S, state(last.boot, last.boot, last.seq + 1))]
    following = delivered(going_on, place, last_s)
    assert following is not None
    assert (following.boot, following.seq) == (last.boot, last.seq + 1)


@given(lives(), st.data())
def test_a_boot_that_goes_on_is_found_whatever_bridges_held_back(
    told: list[Came], data: st.DataObject
) -> None:
    """Times are wrong by minutes, wills among them: it takes until the wrong one is offline."""
    some = told + [(at_s, will(one.boot, one.session)) for at_s, one in told]
    late = [(at_s + data.draw(st.integers(0, 400)), one) for at_s, one in some]
    place = delivered(data.draw(st.permutations(late)))
    begin_s = max(at_s for at_s, _ in late)
    live = told[-1][1].boot
    going_on = [
        (begin_s + number * INTERVAL_S, state(live, 99, 100 + number))
        for number in range(1, OFFLINE_S // INTERVAL_S + 2)
    ]
    found = delivered(going_on, place, begin_s)
    assert found is not None
    assert (found.boot, found.status) == (live, DeviceState.ALIVE)


@given(lives())
def test_a_past_boot_that_is_delivered_again_changes_nothing_while_the_live_one_is_heard_of(
    told: list[Came],
) -> None:
    place = delivered(told)
    last_s = told[-1][0]
    for _, one in told[:-1]:
        again = delivered([(last_s + OFFLINE_S - 1, one)], place, last_s)
        assert again is not None
        assert again.boot == told[-1][1].boot
