"""What is sent when, and again: the flight alone, on a clock of the test's."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.publish.flight import Choice, Refusal
from edge.publish.rows import Stream
from protos.ids import Lane
from tests.support.flight_device import ALARM, OLD_STATE, SETTINGS, STATE, STATS, Device


@pytest.fixture
def device() -> Device:
    return Device()


def test_urgent_lanes_go_first_and_old_starts_before_new_ones(device: Device) -> None:
    for stream in (STATS, STATE, OLD_STATE, ALARM):
        device.flight.available(stream, 3, device.now_s)
    device.pass_s(1)
    assert [choice for _, choice in device.send()] == [
        Choice(stream, 1, 3) for stream in (ALARM, OLD_STATE, STATE, STATS)
    ]


def test_company_is_waited_for_unless_it_is_urgent_or_the_batch_is_full(device: Device) -> None:
    device.flight.available(STATE, 3, device.now_s)
    device.flight.available(ALARM, 1, device.now_s)
    device.flight.available(STATS, 10, device.now_s)
    assert {choice.stream for _, choice in device.send()} == {ALARM, STATS}
    device.pass_s(0.2)
    device.flight.available(STATE, 5, device.now_s)
    assert device.send() == []
    assert device.flight.wake_s(device.now_s) == pytest.approx(1000.25)
    device.pass_s(0.06)
    assert [choice for _, choice in device.send()] == [Choice(STATE, 1, 5)]


def test_no_more_than_the_window_goes_without_puback(device: Device) -> None:
    device.flight.available(STATE, 1000, device.now_s)
    tokens = [token for token, _ in device.send()]
    assert len(tokens) == 16
    device.ack(tokens[0])
    assert len(device.send()) == 1


def test_batches_without_a_receipt_are_bounded_in_each_lane(device: Device) -> None:
    device = Device(SETTINGS.model_copy(update={"max_awaiting": 4}))
    device.flight.available(STATE, 1000, device.now_s)
    device.flight.available(ALARM, 10, device.now_s)
    first = device.send()
    assert [choice.stream for _, choice in first] == [ALARM] + [STATE] * 4
    for token, _ in first:
        device.ack(token)
    assert device.send() == []
    device.store(first[1][1])
    assert len(device.send()) == 1


def test_what_has_no_receipt_in_time_goes_again_and_later_each_time(device: Device) -> None:
    device.flight.available(ALARM, 1, device.now_s)
    waits = []
    for _ in range(7):
        ((token, choice),) = device.send()
        assert choice == Choice(ALARM, 1, 1)
        device.ack(token)
        before = device.now_s
        while not device.flight.choose(device.now_s):
            device.now_s = device.flight.wake_s(device.now_s) or device.now_s
            device.refusals += device.flight.tick(device.now_s)
        waits.append(round(device.now_s - before))
    assert waits == [10, 20, 40, 80, 160, 300, 300]
    assert not device.refusals, "nobody else has receipts either: the cloud is away"


def test_a_slow_cloud_is_learnt(device: Device) -> None:
    for seq in range(1, 30):
        device.flight.available(ALARM, seq, device.now_s)
        for token, _ in device.send():
            device.ack(token)
        device.pass_s(8)
        device.store(Choice(ALARM, seq, seq))
    assert device.flight.timeout.observed_s == pytest.approx(8)
    device.flight.available(ALARM, 30, device.now_s)
    ((token, _),) = device.send()
    device.ack(token)
    device.pass_s(31.9)
    assert device.send() == []
    device.pass_s(0.2)
    assert len(device.send()) == 1


def test_a_connection_that_breaks_sends_everything_without_a_receipt_again(device: Device) -> None:
    device.flight.available(STATE, 30, device.now_s)
    (one, _), (two, second), _ = device.send()
    device.ack(one)
    device.ack(two)
    device.store(second)
    device.close()
    assert [choice for _, choice in device.send()] == [Choice(STATE, 1, 10), Choice(STATE, 21, 30)]


def test_a_receipt_may_cover_parts(device: Device) -> None:
    device.flight.available(STATE, 10, device.now_s)
    ((token, _),) = device.send()
    device.store(Choice(STATE, 4, 6))
    device.ack(token)
    assert device.flight.on_the_way == 1
    device.store(Choice(STATE, 1, 20))
    assert device.flight.on_the_way == 0


def test_where_there_is_no_connection_nothing_is_sent(device: Device) -> None:
    device.flight.available(ALARM, 1, device.now_s)
    ((token, _),) = device.send()
    device.flight.not_sent(token)
    assert device.send() == []
    assert device.flight.wake_s(device.now_s) is None
    device.flight.disconnected(device.now_s)
    device.flight.connected(device.now_s)
    assert len(device.send()) == 1


def test_answers_of_an_earlier_connection_are_ignored(device: Device) -> None:
    device.flight.available(ALARM, 1, device.now_s)
    ((token, _),) = device.send()
    device.close()
    assert device.flight.answered(token, 0, device.now_s) == (None, [])


def test_a_broker_that_answers_nothing_is_noticed(device: Device) -> None:
    device.flight.available(ALARM, 1, device.now_s)
    device.send()
    device.pass_s(119)
    assert not device.flight.stuck(device.now_s)
    device.pass_s(2)
    assert device.flight.stuck(device.now_s)


# Nobody there.


def test_where_nobody_subscribes_one_message_tries_again_and_again(device: Device) -> None:
    device.flight.available(STATE, 100, device.now_s)
    device.flight.available(STATS, 10, device.now_s)
    for token, choice in device.send():
        device.ack(token, 0x10 if choice.stream == STATE else 0)
    device.store(Choice(STATS, 1, 10))
    assert device.send() == []
    tries = 0
    for _ in range(600):
        device.pass_s(0.5)
        out = device.send()
        assert len(out) <= 1
        for token, _ in out:
            tries += 1
            device.ack(token, 0x10)
    assert 5 <= tries <= 60, "about one in 15 s once the wait has grown"
    device.pass_s(30)
    ((token, _),) = device.send()
    device.ack(token)
    assert len(device.send()) == 4, "they are old now, and go as receipts come"
    assert not device.refusals


# Refused.


def test_a_message_that_the_broker_refuses_is_set_aside_and_the_rest_flows(device: Device) -> None:
    device.flight.available(STATE, 30, device.now_s)
    (bad, _), (good, _), (fine, _) = device.send()
    device.ack(bad, 0x99)
    device.ack(good)
    device.ack(fine)
    assert device.refusals == [Refusal(STATE, 1, 10, "PUBACK reason code 0x99", False)]
    assert device.flight.aside == 10
    device.pass_s(1)
    device.flight.available(STATE, 60, device.now_s)
    assert len(device.send()) == 3, "others of its lane were taken: the lane is open"


def test_a_lane_is_set_aside_when_its_next_message_is_refused_as_well(device: Device) -> None:
    device.flight.available(STATE, 10, device.now_s)
    ((token, _),) = device.send()
    device.ack(token, 0x87)
    device.flight.available(STATE, 100, device.now_s)
    device.flight.available(STATS, 100, device.now_s)
    ((token, choice),) = device.send()
    assert choice == Choice(STATE, 11, 20), "alone, to see"
    device.ack(token, 0x87)
    assert [refusal.whole_lane for refusal in device.refusals] == [False, True]
    assert device.flight.aside == 100
    device.flight.available(STATE, 120, device.now_s)
    assert device.flight.aside == 120
    assert {choice.stream for _, choice in device.send()} == {STATS}
    device.pass_s(301)
    for token, _ in device.sent[-10:]:
        device.ack(token)
    device.pass_s(1)
    ((token, choice),) = device.send()
    assert choice.stream == STATE
    device.ack(token)
    device.pass_s(1)
    assert device.flight.aside == 0
    assert len(device.send()) == 3, "as receipts come"


def test_the_message_on_which_the_connection_closes_is_found(device: Device) -> None:
    device.flight.available(ALARM, 10, device.now_s)
    device.flight.available(STATE, 50, device.now_s)
    device.flight.available(STATS, 50, device.now_s)
    guilty = Choice(STATE, 21, 30)
    closes = 0
    for _ in range(60):
        out = device.send()
        for token, choice in out:
            if choice == guilty:
                closes += 1
                device.close()
                break
            device.ack(token)
            device.store(choice)
        device.pass_s(0.3)
    assert closes == 3
    assert device.refusals == [
        Refusal(STATE, 21, 30, "the connection closes on it", whole_lane=False)
    ]
    stored = {(c.stream, c.first) for _, c in device.sent} - {(STATE, 21)}
    assert len(stored) == 10


def test_a_puback_just_before_the_close_does_not_clear_a_message(device: Device) -> None:
    device.flight.available(STATE, 10, device.now_s)
    for _ in range(3):
        ((token, _),) = device.send()
        device.ack(token)
        device.pass_s(0.01)
        device.close()
    assert [refusal.first for refusal in device.refusals] == [1]


def test_the_network_is_not_blamed_on_messages(device: Device) -> None:
    device.flight.available(STATE, 10, device.now_s)
    for _ in range(10):
        assert len(device.send()) == 1
        device.close(blame=False)
    assert not device.refusals


def test_a_message_that_alone_gets_no_receipt_is_set_aside(device: Device) -> None:
    device.flight.available(STATE, 10, device.now_s)
    for seq in range(1, 201):
        device.flight.available(ALARM, seq, device.now_s)
        for token, choice in device.send():
            device.ack(token)
            if choice.stream == ALARM:
                device.store(choice)
        device.pass_s(1)
    assert device.refusals == [
        Refusal(STATE, 1, 10, "others get receipts, it gets none", whole_lane=False)
    ]


def test_events_that_are_gone_are_not_chosen_again(device: Device) -> None:
    device.flight.available(ALARM, 5, device.now_s)
    device.flight.gone(ALARM, 1, 5)
    assert device.send() == []


# The whole of it.


class RandomCloud:
    """Takes, loses, refuses and closes at random, as long as it is faulty."""

    def __init__(self, device: Device, rng: random.Random, refused: Lane | None) -> None:
        self.device = device
        self.rng = rng
        self.refused = refused
        self.faulty = True
        self.stored: dict[Stream, set[int]] = {}

    def turn(self) -> None:
        for token, choice in self.device.send():
            if not self.take(token, choice):
                self.device.close()
                return

    def take(self, token: int, choice: Choice) -> bool:
        """False where the connection closes."""
        fate = self.rng.random() if self.faulty else 1.0
        if self.faulty and choice.stream.lane is self.refused:
            if fate < 0.5:
                self.device.ack(token, self.rng.choice([0, 0x87]))
            return False
        if fate < 0.1:
            return False
        self.device.ack(token, 0x10 if fate < 0.2 else 0)
        if fate >= 0.35:
            seqs = range(choice.first, choice.last + 1)
            self.stored.setdefault(choice.stream, set()).update(seqs)
        if fate >= 0.5:
            self.device.store(choice)
        return True


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), refused=st.sampled_from([None, *Lane]))
def test_whatever_happens_everything_is_stored_in_the_end(seed: int, refused: Lane | None) -> None:
    rng = random.Random(seed)
    device = Device(SETTINGS.model_copy(update={"aside_retry_s": 30.0}))
    cloud = RandomCloud(device, rng, refused)
    last = {ALARM: 1, OLD_STATE: 1, STATE: 1, STATS: 1}
    for _ in range(60):
        stream = rng.choice(list(last))
        last[stream] += rng.randrange(25)
        for stream, seq in last.items():
            device.flight.available(stream, seq, device.now_s)
        cloud.turn()
        device.pass_s(rng.random() * 3)
    cloud.faulty = False
    for _ in range(700):
        device.pass_s(1)
        cloud.turn()
    assert cloud.stored == {stream: set(range(1, seq + 1)) for stream, seq in last.items()}
    assert device.flight.on_the_way == 0
    assert device.flight.aside == 0
