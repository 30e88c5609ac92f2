"""What devices shall be: what the tables promise, on a real SQLite file and a real PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta

import pytest

from cloud.desired.again import FIRST_WAIT_S
from cloud.desired.outbox import DownlinkOutbox
from cloud.desired.sender import DownlinkSender
from cloud.desired.state import MAX_TARGETS, Desired
from cloud.desired.way_down import WayDown
from cloud.desired.writer import DesiredStates
from cloud.errors import DeviceError, StoreAwayError, UnknownDeviceError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.fleet.lifecycle import Lifecycle
from protos.codec import decode
from protos.v1.desired_state_pb2 import DesiredState
from protos.v1.device_state_pb2 import DeviceState
from tests.support.fake_bus import FakeBus
from tests.support.fleet import Clock, heartbeat, way_down
from tests.support.processes import together, wait_until

BY = Actor("user:root", "here")
LEASE = timedelta(seconds=15)
RULES = b"cameras:\n- id: gate\n  zones: []\n"
S = 10**9


@pytest.fixture
def down(database: FleetDatabase, clock: Clock) -> WayDown:
    for device in ("cam-box", "other-box"):
        Lifecycle(database, Audit(database)).register(device, BY)
    return way_down(database, lambda: None, clock)


@pytest.fixture
def outbox(database: FleetDatabase, clock: Clock) -> DownlinkOutbox:
    return DownlinkOutbox(database, clock)


@pytest.fixture
def others(url: str, clock: Clock) -> Iterator[Callable[[], tuple[FleetDatabase, WayDown]]]:
    """As other processes see the database."""
    with ExitStack() as ends:

        def another() -> tuple[FleetDatabase, WayDown]:
            database = ends.enter_context(closing(FleetDatabase(url)))
            return database, way_down(database, lambda: None, clock)

        yield another


def waiting(outbox: DownlinkOutbox) -> list[DesiredState]:
    taken = outbox.take(1000, timedelta(0))
    assert {one.sub_folder for one in taken} <= {"config"}
    return [decode(DesiredState, one.payload) for one in taken]


def of(down: WayDown, device: str = "cam-box") -> Desired:
    return down.desired.of([device])[device]


def state(
    reported: int, status: DeviceState.Status = DeviceState.ALIVE, device: str = "cam-box"
) -> DeviceState:
    made = heartbeat(device)
    made.config_revision, made.status = reported, status
    return made


def audited(database: FleetDatabase) -> list[tuple[str, str, str]]:
    entries = Audit(database).page(limit=1000)
    return [(e.action, e.target, e.outcome) for e in entries if e.action.startswith("desired.")]


def test_each_change_is_a_revision_a_message_and_an_entry(
    down: WayDown, database: FleetDatabase, outbox: DownlinkOutbox, clock: Clock
) -> None:
    assert of(down) == Desired("cam-box")
    down.desired.set_rules("cam-box", RULES, BY)
    clock.now_ns += S
    digest = bytes(range(32))
    ordered = down.desired.order("cam-box", "detector", "1.1.0", digest, BY, "order-1")
    assert of(down) == ordered
    assert (ordered.revision, ordered.changed_ns, ordered.changed_by) == (
        2, clock.now_ns, "user:root",
    )  # fmt: skip
    assert (ordered.rules, ordered.rules_revision) == (RULES, 1)
    [target] = ordered.targets
    assert (target.family, target.version, target.sha256) == ("detector", "1.1.0", digest)
    assert (target.deployment, target.revision, target.ordered_ns) == ("order-1", 2, clock.now_ns)

    [message] = waiting(outbox)  # the newest only: the broker retains one
    assert (message.revision, message.config_yaml) == (2, RULES)
    assert [one.deployment for one in message.targets] == ["order-1"]

    withdrawn = down.desired.withdraw("cam-box", "detector", BY)
    assert (withdrawn.revision, withdrawn.targets, withdrawn.rules) == (3, (), RULES)
    own = down.desired.set_rules("cam-box", b"", BY)
    assert (own.revision, own.rules, own.rules_revision) == (4, b"", 4)
    assert audited(database) == [
        ("desired.rules", f"cam-box revision 1: {len(RULES)} bytes", "done"),
        ("desired.model", "cam-box revision 2: detector 1.1.0 order-1", "done"),
        ("desired.withdraw", "cam-box revision 3: detector", "done"),
        ("desired.rules", "cam-box revision 4: its own", "done"),
    ]
    assert of(down, "other-box") == Desired("other-box")


def test_devices_with_an_order_for_a_model_look_at_once_and_nothing_else_changes(
    down: WayDown, database: FleetDatabase, outbox: DownlinkOutbox
) -> None:
    lifecycle = Lifecycle(database, Audit(database))
    for device in ("back-box", "old-box"):
        lifecycle.register(device, BY)
        down.desired.order(device, "detector", "1.1.0", b"", BY, "order-1")
    down.desired.set_rules("back-box", RULES, BY)
    down.desired.order("cam-box", "reader", "1.1.0", b"", BY)
    lifecycle.decommission("old-box", BY)
    before = {device: of(down, device) for device in ("back-box", "old-box", "cam-box")}

    assert down.desired.have_looked("detector", BY) == ["back-box"]
    after = of(down, "back-box")
    assert (after.revision, after.rules_revision) == (3, 2)
    assert (after.targets, after.rules) == (before["back-box"].targets, RULES)
    assert {of(down, device) for device in ("old-box", "cam-box")} == {
        before["old-box"], before["cam-box"],
    }  # fmt: skip
    [sent] = [one for one in waiting(outbox) if one.device == "back-box"]
    assert (sent.revision, sent.targets[0].deployment) == (3, "order-1")
    assert audited(database)[-2:] == [
        ("desired.look", "back-box revision 3: detector", "done"),
        ("desired.look", "old-box: detector", "is decommissioned"),
    ]
    assert down.desired.have_looked("unknown", BY) == []


def test_an_order_takes_the_place_of_the_one_before_and_is_a_new_one(down: WayDown) -> None:
    first = down.desired.order("cam-box", "detector", "1.1.0", b"", BY)
    down.desired.order("cam-box", "areas", "2.0.0", b"", BY)
    second = down.desired.order("cam-box", "detector", "1.1.0", b"", BY)
    assert [one.family for one in second.targets] == ["areas", "detector"]
    assert [one.revision for one in second.targets] == [2, 3]
    assert second.targets[1].deployment != first.targets[0].deployment


def test_what_cannot_be_changed_is_audited_and_changes_nothing(
    down: WayDown, database: FleetDatabase, outbox: DownlinkOutbox
) -> None:
    with pytest.raises(UnknownDeviceError, match="no device 'no-box'"):
        down.desired.set_rules("no-box", RULES, BY)
    with pytest.raises(DeviceError, match="has no order for model 'detector'"):
        down.desired.withdraw("cam-box", "detector", BY)
    with pytest.raises(DeviceError, match="version: "):
        down.desired.order("cam-box", "detector", "1 0", b"", BY)
    for number in range(MAX_TARGETS):
        down.desired.order("other-box", f"model-{number}", "1", b"", BY)
    with pytest.raises(DeviceError, match="withdraw one first"):
        down.desired.order("other-box", "one-more", "1", b"", BY, "order-x")
    Lifecycle(database, Audit(database)).decommission("cam-box", BY)
    with pytest.raises(DeviceError, match="recommission it first"):
        down.desired.set_rules("cam-box", RULES, BY)
    assert [one for one in audited(database) if one[2] != "done"] == [
        ("desired.rules", f"no-box: {len(RULES)} bytes", "unknown"),
        ("desired.withdraw", "cam-box: detector", "no order"),
        ("desired.model", "other-box: one-more 1 order-x", "too many"),
        ("desired.rules", f"cam-box: {len(RULES)} bytes", "is decommissioned"),
    ]
    assert of(down).revision == 0
    assert [one.device for one in waiting(outbox)] == ["other-box"]


def test_nothing_is_changed_without_an_entry_of_the_audit(
    down: WayDown, database: FleetDatabase, outbox: DownlinkOutbox
) -> None:
    class Broken(Audit):
        def note(self, *arguments: object, **more: object) -> int:
            raise StoreAwayError("no room")

    with pytest.raises(StoreAwayError):
        DesiredStates(database, Broken(database), outbox).set_rules("cam-box", RULES, BY)
    assert of(down).revision == 0
    assert waiting(outbox) == []


def test_several_that_change_one_device_give_out_each_revision_once(
    down: WayDown, others: Callable[[], tuple[FleetDatabase, WayDown]], outbox: DownlinkOutbox
) -> None:
    given: list[Desired] = []
    lock = threading.Lock()

    def change(own: WayDown, family: str) -> None:
        for number in range(10):
            desired = own.desired.order("cam-box", family, str(number), b"", BY)
            with lock:
                given.append(desired)

    writers = [down, others()[1], others()[1]]
    together(*(lambda o=own, f=f"m-{n}x": change(o, f) for n, own in enumerate(writers)))
    assert sorted(one.revision for one in given) == list(range(1, 31))
    # Nobody's change was lost: the last revision holds the last order of each.
    last = max(given, key=lambda one: one.revision)
    assert of(down) == last
    assert [one.version for one in last.targets] == ["9", "9", "9"]
    assert [one.revision for one in waiting(outbox)] == [30]


def test_a_change_goes_beyond_what_the_device_has_seen(
    down: WayDown, database: FleetDatabase
) -> None:
    """As after an older backup was restored: the device would take nothing below."""
    down.desired.set_rules("cam-box", RULES, BY)
    seen = state(9)
    seen.refused_revision = 11
    Devices(database).record(seen)
    assert down.desired.set_rules("cam-box", RULES, BY).revision == 12
    Devices(database).record(state(2**63, device="other-box"))
    assert down.desired.set_rules("other-box", RULES, BY).revision == 1, "not believed"


def test_what_one_has_taken_no_other_gets_until_the_lease_ends(
    down: WayDown,
    outbox: DownlinkOutbox,
    others: Callable[[], tuple[FleetDatabase, WayDown]],
    clock: Clock,
) -> None:
    for device in ("cam-box", "other-box"):
        down.desired.set_rules(device, RULES, BY)
    other = DownlinkOutbox(others()[0], clock)
    [first] = outbox.take(1, LEASE)
    [second] = other.take(10, LEASE)
    assert (first.device, second.device) == ("cam-box", "other-box")
    assert outbox.take(10, LEASE) == other.take(10, LEASE) == []
    clock.now_ns += 15 * S
    assert [one.number for one in outbox.take(10, LEASE, {second.number})] == [first.number]
    outbox.give_back([first.number])
    assert [one.number for one in other.take(1, LEASE)] == [first.number]
    outbox.remove([first.number, second.number])
    assert outbox.numbers() == []


def test_a_sender_whose_clock_is_ahead_holds_nothing_back(
    down: WayDown, database: FleetDatabase, outbox: DownlinkOutbox, clock: Clock
) -> None:
    down.desired.set_rules("cam-box", RULES, BY)
    ahead = DownlinkOutbox(database, lambda: clock.now_ns + 3600 * S)
    assert len(ahead.take(10, LEASE)) == 1  # and it dies
    assert len(outbox.take(10, LEASE)) == 1
    assert outbox.take(10, LEASE) == []


def test_a_newer_state_takes_the_place_of_one_that_somebody_is_sending(
    down: WayDown, outbox: DownlinkOutbox
) -> None:
    down.desired.set_rules("cam-box", RULES, BY)
    [sending] = outbox.take(10, LEASE)
    down.desired.set_rules("cam-box", b"", BY)
    outbox.remove([sending.number])
    [message] = waiting(outbox)
    assert message.revision == 2


def test_two_senders_send_everything(
    down: WayDown,
    database: FleetDatabase,
    outbox: DownlinkOutbox,
    others: Callable[[], tuple[FleetDatabase, WayDown]],
    clock: Clock,
) -> None:
    bus, lifecycle = FakeBus(), Lifecycle(database, Audit(database))
    devices = [f"box-{number}" for number in range(40)]
    for device in devices:
        lifecycle.register(device, BY)
    second = DownlinkOutbox(others()[0], clock)
    senders = [DownlinkSender(one, bus.publisher(), 0.02, LEASE) for one in (outbox, second)]
    for sender in senders:
        sender.start()
    for device in devices:
        down.desired.set_rules(device, RULES, BY)
    wait_until(lambda: not outbox.numbers(), "all sent")
    for sender in senders:
        sender.stop()
    assert sorted(message.attributes["deviceId"] for _, message in bus.published) == sorted(devices)


def test_a_device_that_is_behind_is_told_again(
    down: WayDown, outbox: DownlinkOutbox, clock: Clock
) -> None:
    woken = []
    down = WayDown(down.desired, down.updates, lambda: woken.append(1))
    message = down.desired.set_rules("cam-box", RULES, BY).message
    outbox.remove(outbox.numbers())
    clock.now_ns += S

    def hear(*states: DeviceState) -> list[bytes]:
        down.tell_again([(one, clock.now_ns) for one in states])
        taken = outbox.take(10, LEASE)
        outbox.remove([one.number for one in taken])
        return [one.payload for one in taken]

    assert hear(state(1, DeviceState.BIRTH), state(0, device="other-box")) == []
    assert hear(state(0, DeviceState.BIRTH)) == [message]
    assert woken == [1]
    assert hear(state(0, DeviceState.BIRTH)) == []
    clock.now_ns += 2 * FIRST_WAIT_S * S
    assert hear(state(0)) == [message]
    clock.now_ns += 2 * FIRST_WAIT_S * S
    assert hear(state(0)) == []
    clock.now_ns += 2 * FIRST_WAIT_S * S
    assert hear(state(0)) == [message]
    assert hear(state(1)) == []
    # It had it, and the broker forgot: told at once as if it were the first time.
    assert hear(state(0, DeviceState.BIRTH)) == [message]


def test_several_that_hear_of_one_birth_tell_it_once(
    down: WayDown, others: Callable[[], tuple[FleetDatabase, WayDown]], clock: Clock
) -> None:
    told: list[str] = []
    for device in ("cam-box", "other-box"):
        down.desired.set_rules(device, RULES, BY)
    clock.now_ns += S
    births = [
        (state(0, DeviceState.BIRTH, device), clock.now_ns) for device in ("other-box", "cam-box")
    ]
    hearers = [down, others()[1], others()[1]]
    together(*(lambda own=own: told.extend(own.desired.tell_again(births)) for own in hearers))
    assert sorted(told) == ["cam-box", "other-box"]
