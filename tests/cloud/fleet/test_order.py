"""Which state is the newer one."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.fleet.order import Place, follow
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
