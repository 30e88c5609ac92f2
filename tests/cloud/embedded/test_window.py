"""A subscription's window: leases, order, redelivery."""

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cloud.embedded.pubsub.messages import Consumer, Message, State
from cloud.embedded.pubsub.policy import Policy
from cloud.embedded.pubsub.window import Capacity, Window


def message(number: int, key: str = "", size: int = 1) -> Message:
    return Message(number, published_ns=number, ordering_key=key, body=bytes(size))


def window(policy: Policy | None = None, capacity: Capacity | None = None) -> Window:
    return Window(policy or Policy(), capacity or Capacity())


def take(target: Window, consumer: Consumer | None = None, now_s: float = 0.0) -> list[int]:
    return [item.id for item in target.take(consumer or Consumer(), now_s, 100, 1000)]


def test_messages_go_out_oldest_first_and_once() -> None:
    target = window()
    target.offer([message(1), message(2)])
    assert take(target) == [1, 2]
    assert take(target) == []


def test_a_consumer_gets_no_more_messages_than_he_may_hold() -> None:
    target, consumer = window(), Consumer(max_messages=2)
    target.offer([message(n) for n in (1, 2, 3)])
    assert take(target, consumer) == [1, 2]
    target.settle(1)
    assert take(target, consumer) == [3]


def test_a_consumer_gets_no_more_bytes_than_he_may_hold_but_a_large_message_alone() -> None:
    target, consumer = window(), Consumer(max_bytes=10)
    target.offer([message(1, size=50), message(2, size=6), message(3, size=6)])
    assert take(target, consumer) == [1]
    target.settle(1)
    assert take(target, consumer) == [2]


def test_what_is_taken_at_a_time_is_bounded_in_bytes() -> None:
    target = window()
    target.offer([message(n, size=400) for n in (1, 2, 3)])
    assert take(target) == [1, 2]
    assert take(target) == [3]


def test_a_lease_ends_at_its_deadline_and_an_extended_one_later() -> None:
    target = window(Policy(ack_deadline_s=10))
    target.offer([message(1), message(2)])
    first, _ = target.take(Consumer(), 0.0, 10, 100)
    target.extend(first.id, first.lease, 5.0, 20)
    assert target.expire(9.9) == []
    assert take(target, now_s=9.9) == []
    target.expire(10.0)
    assert take(target, now_s=10.0) == [2]
    target.expire(25.0)
    assert 1 in take(target, now_s=25.0)


def test_an_old_lease_can_neither_extend_nor_end_a_newer_one() -> None:
    target = window()
    target.offer([message(1)])
    (taken,) = target.take(Consumer(), 0.0, 1, 100)
    old = taken.lease
    target.nack(1, old, 0.0)
    (taken,) = target.take(Consumer(), 0.0, 1, 100)
    target.nack(1, old, 0.0)
    target.extend(1, old, 0.0, 600)
    assert taken.state is State.LEASED
    assert taken.due_s == 10.0


def test_backoff_doubles_up_to_its_maximum() -> None:
    target = window(Policy(min_backoff_s=1.0, max_backoff_s=3.0))
    target.offer([message(1)])
    now_s = 0.0
    for wait_s in (1.0, 2.0, 3.0, 3.0):
        (taken,) = target.take(Consumer(), now_s, 1, 100)
        target.nack(1, taken.lease, now_s)
        target.expire(now_s + wait_s - 0.01)
        assert take(target, now_s=now_s) == []
        now_s += wait_s
        target.expire(now_s)


def test_a_message_is_used_up_after_its_last_attempt_and_may_come_back() -> None:
    target = window(Policy(dead_letter_topic="t", max_delivery_attempts=2))
    target.offer([message(1)])
    (taken,) = target.take(Consumer(), 0.0, 1, 100)
    assert target.nack(1, taken.lease, 0.0) is None
    (taken,) = target.take(Consumer(), 0.0, 1, 100)
    assert target.expire(100.0) == [taken]
    assert take(target) == []
    target.not_forwarded(taken, 100.0, 5.0)
    target.expire(105.0)
    assert take(target) == [1]
    target.settle(1)
    target.not_forwarded(taken, 100.0, 5.0)
    assert len(target) == 0


def test_a_key_waits_for_its_first_message() -> None:
    target = window(Policy(ordered=True))
    target.offer([message(1, "a"), message(2, "a"), message(3, "b"), message(4)])
    assert take(target) == [1, 3, 4]
    target.settle(1)
    assert take(target) == [2]


def test_a_message_settled_out_of_turn_leaves_its_key_in_order() -> None:
    target = window(Policy(ordered=True))
    target.offer([message(n, "a") for n in (1, 2, 3)])
    target.settle(2)
    assert take(target) == [1]
    target.settle(1)
    assert take(target) == [3]


def test_keys_do_not_matter_where_the_subscription_does_not_order() -> None:
    target = window()
    target.offer([message(1, "a"), message(2, "a")])
    assert take(target) == [1, 2]


def test_what_does_not_fit_is_loaded_when_half_is_gone() -> None:
    target = window(capacity=Capacity(messages=4))
    target.offer([message(n) for n in range(1, 7)])
    assert target.behind
    assert not target.wants_more
    for number in take(target)[:2]:
        target.settle(number)
    assert target.wants_more
    assert (target.tail, target.room().messages) == (4, 2)
    target.loaded([message(5), message(6)], complete=True, up_to=6)
    assert not target.behind


def test_messages_stored_during_a_load_are_taken_once() -> None:
    target = Window(Policy(), Capacity(), head=2)
    target.loading = True
    target.offer([message(3)])
    target.loaded([message(1), message(2), message(3)], complete=True, up_to=2)
    target.offer([message(3), message(4)])
    assert take(target) == [1, 2, 3, 4]


def test_what_is_too_old_is_dropped() -> None:
    target = window()
    target.offer([message(1), message(2)])
    consumer = Consumer()
    take(target, consumer)
    target.drop_before(2)
    assert len(target) == 1
    assert consumer.messages == 1


class WindowAgainstModel(RuleBasedStateMachine):
    """A window over a disk, driven at random, against a plain queue."""

    @initialize(ordered=st.booleans(), capacity=st.integers(1, 8))
    def begin(self, ordered: bool, capacity: int) -> None:
        self.disk: dict[int, str] = {}
        self.next_id = 1
        self.now_s = 0.0
        self.ordered = ordered
        self.window = Window(Policy(ordered=ordered), Capacity(messages=capacity))
        self.consumer = Consumer(max_messages=3)
        self.leased: deque[Message] = deque()
        self.last_acked: dict[str, int] = {}

    def load(self) -> None:
        while self.window.wants_more:
            room, tail = self.window.room().messages, self.window.tail
            waiting = sorted(number for number in self.disk if number > tail)
            found = [message(number, self.disk[number]) for number in waiting[:room]]
            self.window.loaded(found, len(found) == len(waiting), self.window.head)

    @rule(keys=st.lists(st.sampled_from(["", "a", "b"]), min_size=1, max_size=5))
    def publish(self, keys: list[str]) -> None:
        new = {self.next_id + n: key for n, key in enumerate(keys)}
        self.next_id += len(keys)
        self.disk.update(new)
        self.window.offer([message(number, key) for number, key in new.items()])
        self.load()

    @rule()
    def take(self) -> None:
        self.leased.extend(self.window.take(self.consumer, self.now_s, 10, 1000))

    @rule(late=st.booleans())
    def acknowledge(self, late: bool) -> None:
        if not self.leased:
            return
        taken = self.leased.pop() if late else self.leased.popleft()
        if self.ordered and taken.ordering_key and taken.id in self.disk:
            assert taken.id > self.last_acked.get(taken.ordering_key, 0)
            self.last_acked[taken.ordering_key] = taken.id
        self.disk.pop(taken.id, None)
        self.window.settle(taken.id)
        self.load()

    @rule()
    def nack(self) -> None:
        if self.leased:
            taken = self.leased.popleft()
            self.window.nack(taken.id, taken.lease, self.now_s)

    @rule(seconds=st.floats(0, 15))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.window.expire(self.now_s)

    @invariant()
    def consumers_count_is_right(self) -> None:
        if hasattr(self, "consumer"):
            standing = (item for item in self.leased if item.id in self.disk)
            held = {item.id for item in standing if item.state is State.LEASED}
            assert self.consumer.messages == len(held) <= 3

    def teardown(self) -> None:
        if not hasattr(self, "window"):
            return
        for _ in range(10_000):
            if not self.disk:
                break
            self.now_s += 20
            self.window.expire(self.now_s)
            for taken in self.window.take(Consumer(), self.now_s, 10, 1000):
                del self.disk[taken.id]
                self.window.settle(taken.id)
            self.load()
        assert not self.disk, "messages that are never delivered"
        assert len(self.window) == 0


TestWindowAgainstModel = WindowAgainstModel.TestCase
TestWindowAgainstModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize(("attempts", "wait_s"), [(0, 2.0), (1, 2.0), (2, 4.0), (9, 60.0)])
def test_backoff_of_a_policy(attempts: int, wait_s: float) -> None:
    assert Policy(min_backoff_s=2.0, max_backoff_s=60.0).backoff_s(attempts) == wait_s
