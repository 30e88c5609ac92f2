"""Devices that come back, and a line that is too slow: what was old goes at a pace."""

import random
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.publish.congestion import INITIAL_BATCHES
from edge.publish.flight import Choice
from edge.publish.pace import BURST_S, Pace
from edge.publish.settings import ForwarderSettings
from tests.support.flight_device import ALARM, OLD_STATE, SETTINGS, STATE, STATS, Device

RATE = 100.0
PACED = SETTINGS.model_copy(update={"replay_max_per_s": RATE})


def back_with(backlog: int, share: float = 0.0) -> Device:
    """A device whose connection comes back when it holds so many events of an earlier start."""
    device = Device(PACED, share)
    device.flight.disconnected(device.now_s)
    device.flight.available(OLD_STATE, backlog, device.now_s)
    device.flight.connected(device.now_s)
    return device


def take(device: Device) -> list[Choice]:
    """All that may go now, taken and stored at once, which lets more go."""
    gone = []
    while out := device.send():
        for token, choice in out:
            device.ack(token)
            device.store(choice)
            gone.append(choice)
    return gone


def until(device: Device, end_s: float) -> list[tuple[float, Choice]]:
    """Everything that goes before a time, as soon as it may go."""
    gone = []
    while True:
        device.refusals += device.flight.tick(device.now_s)
        gone += [(device.now_s, choice) for choice in take(device)]
        wake_s = device.flight.wake_s(device.now_s)
        if wake_s is None or wake_s > end_s:
            device.now_s = end_s
            return gone
        device.now_s = wake_s


def events(choices: list[Choice]) -> int:
    return sum(choice.last - choice.first + 1 for choice in choices)


@settings(max_examples=60, deadline=None)
@given(
    spends=st.lists(st.tuples(st.integers(1, 100), st.floats(0, 5)), max_size=60),
    at_s=st.floats(-1e6, 1e6),
)
def test_in_no_stretch_of_time_more_goes_than_the_rate(
    spends: list[tuple[int, float]], at_s: float
) -> None:
    pace = Pace(RATE, 10.0, lambda: 0.0)
    pace.begin(1000, at_s)
    gone: list[tuple[float, int]] = []
    for count, wait_s in spends:
        at_s = max(at_s + wait_s, pace.opens_s(urgent=False))
        pace.spend(count, at_s)
        gone.append((at_s, count))
    for begin, (begun_s, _) in enumerate(gone):
        for end in range(begin, len(gone)):
            within_s = gone[end][0] - begun_s
            most = RATE * (within_s + BURST_S) + gone[end][1]
            assert sum(count for _, count in gone[begin : end + 1]) <= most + 1e-3


def test_a_backlog_goes_out_at_its_rate_and_all_of_it() -> None:
    device = back_with(2000)
    gone = until(device, device.now_s + 18.5)
    assert RATE * 18.5 <= events([choice for _, choice in gone]) < 2000
    gone += until(device, device.now_s + 2)
    assert [choice.first for _, choice in gone] == list(range(1, 2000, 10))


def test_what_happens_now_is_not_held_back_behind_the_backlog() -> None:
    device = back_with(5000)
    until(device, device.now_s + 1)
    for seq in range(1, 11):
        for stream in (ALARM, STATE, STATS):
            device.flight.available(stream, seq, device.now_s)
        assert Choice(ALARM, seq, seq) in take(device)
        gone = [choice for _, choice in until(device, device.now_s + 0.3)]
        assert {Choice(STATE, seq, seq), Choice(STATS, seq, seq)} <= set(gone)
        until(device, device.now_s + 0.7)


def test_the_backlog_leaves_half_of_the_window_and_of_the_lane_to_what_happens_now() -> None:
    device = Device(PACED.model_copy(update={"max_awaiting": 8, "replay_max_per_s": 1e4}))
    device.flight.disconnected(device.now_s)
    device.flight.available(STATE, 500, device.now_s)
    device.flight.connected(device.now_s)
    for token, _ in device.send():
        device.ack(token)
    assert device.flight.on_the_way == 4
    assert device.send() == [], "no receipt comes"
    device.flight.available(STATE, 510, device.now_s)
    assert [choice for _, choice in device.send()] == [Choice(STATE, 501, 510)]


def test_devices_do_not_begin_together_and_alarms_do_not_wait_for_the_beginning() -> None:
    device = back_with(100_000, share=0.5)
    device.flight.disconnected(device.now_s)
    device.flight.available(ALARM, 3, device.now_s)
    device.flight.connected(device.now_s)
    assert take(device) == [Choice(ALARM, 1, 3)]
    assert until(device, device.now_s + 4.9) == []
    assert until(device, device.now_s + 0.2)
    few = back_with(20, share=1.0)
    assert events([choice for _, choice in until(few, few.now_s + 0.21)]) == 20


def test_who_was_away_for_a_moment_waits_for_nothing() -> None:
    device = Device(PACED)
    device.flight.available(STATE, 40, device.now_s)
    assert len(device.send()) == 4
    device.close()
    assert events([choice for _, choice in device.send()]) == 40


def test_fresh_events_that_cannot_go_for_long_are_old() -> None:
    device = Device(PACED.model_copy(update={"max_awaiting": 2}))
    device.flight.available(STATE, 1000, device.now_s)
    for token, choice in device.send():
        device.ack(token)
        device.pass_s(5.1)
        device.store(choice)
    gone = until(device, device.now_s + 3)
    assert events([choice for _, choice in gone]) <= RATE * (3 + BURST_S) + 10


def test_receipts_that_stay_away_narrow_the_window_and_receipts_widen_it() -> None:
    device = back_with(50_000)
    flight = device.flight
    for token, _ in device.send():
        device.ack(token)
    assert flight.on_the_way == INITIAL_BATCHES
    device.pass_s(10.5)
    assert flight.congestion.window == 2, "all that are overdue together say one thing"
    for _ in range(200):
        for token, _ in device.send():
            device.ack(token)
        device.pass_s(5)
    assert flight.congestion.window == 1
    assert flight.on_the_way <= 1
    until(device, device.now_s + 400)
    assert flight.congestion.window > 10


class SlowLine:
    """Carries so many events a second, in order, whoever sent them, and forgets none."""

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self.free_s = 0.0
        self.queue: deque[tuple[float, Device, Choice]] = deque()
        self.carried = 0

    def take(self, device: Device, now_s: float) -> None:
        for token, choice in device.send():
            device.ack(token)
            count = choice.last - choice.first + 1
            self.carried += count
            self.free_s = max(self.free_s, now_s) + count / self.per_s
            self.queue.append((self.free_s, device, choice))

    def deliver(self, now_s: float) -> None:
        while self.queue and self.queue[0][0] <= now_s:
            _, device, choice = self.queue.popleft()
            device.store(choice)


@pytest.mark.parametrize("devices", [5, 20])
def test_a_fleet_on_an_overloaded_line_does_not_say_everything_again_and_again(
    devices: int,
) -> None:
    """Each comes back with 2,000 events to a line that carries 200 a second of them all."""
    limits = ForwarderSettings(receipt_timeout_min_s=2.0, max_batch_events=50)
    rng = random.Random(7)
    fleet = [Device(limits, share=rng.random()) for _ in range(devices)]
    line = SlowLine(per_s=200.0)
    for device in fleet:
        device.flight.disconnected(device.now_s)
        device.flight.available(OLD_STATE, 2000, device.now_s)
        device.flight.connected(device.now_s)
    now_s = fleet[0].now_s
    total = 2000 * devices
    while sum(device.flight.backlog for device in fleet) or line.queue:
        assert now_s < 1000 + 4 * total / line.per_s
        now_s += 0.25
        line.deliver(now_s)
        for device in fleet:
            device.now_s = now_s
            device.refusals += device.flight.tick(now_s)
            line.take(device, now_s)
    assert not any(device.refusals for device in fleet)
    assert line.carried < 2 * total
    print(f"{devices} devices: each event {line.carried / total:.2f} times, "
          f"in {(now_s - 1000) * line.per_s / total:.2f} of the line's time")  # fmt: skip
