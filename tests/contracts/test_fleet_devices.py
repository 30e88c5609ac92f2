"""Devices, presence and lifecycle: what they promise, on a real SQLite and a real PostgreSQL."""

from contextlib import closing

import pytest

from cloud.errors import DeviceError, UnknownDeviceError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.device import Device, Heard
from cloud.fleet.devices import Devices, Recorded
from cloud.fleet.lifecycle import Lifecycle
from cloud.fleet.presence import Presence
from protos.v1.device_state_pb2 import DeviceState
from tests.support.fleet import Clock, heartbeat
from tests.support.processes import together

BY = Actor("user:root", "here")
S_NS = 10**9
LATE_NS, OFFLINE_NS = 90 * S_NS, 300 * S_NS  # of a device that tells no interval


@pytest.fixture
def devices(database: FleetDatabase, clock: Clock) -> Devices:
    return Devices(database, clock)


@pytest.fixture
def audit(database: FleetDatabase, clock: Clock) -> Audit:
    return Audit(database, clock)


@pytest.fixture
def lifecycle(database: FleetDatabase, audit: Audit, clock: Clock) -> Lifecycle:
    return Lifecycle(database, audit, clock)


def will(session: int = 3, boot: int = 2**64 - 1) -> DeviceState:
    return DeviceState(schema=1, device="cam-box", boot=boot, session=session,
                       status=DeviceState.DISCONNECTED)  # fmt: skip


def heard(device: Device) -> Heard:
    assert device.heard is not None
    return device.heard


def standing(devices: Devices, device_id: str = "cam-box") -> tuple[Presence, int]:
    """What is told of a device; a page, and a filter by what it says, tell the same."""
    device = devices.get(device_id)
    assert device in devices.page(presence=device.presence, decommissioned=True)
    for other in set(Presence) - {device.presence}:
        assert device not in devices.page(presence=other, decommissioned=True)
    return device.presence, device.since_ns


def test_the_last_state_is_kept_over_a_restart(devices: Devices, clock: Clock, url: str) -> None:
    assert devices.record(heartbeat(seq=1)) is Recorded.KEPT
    clock.now_ns += 5
    assert devices.record(heartbeat(seq=2)) is Recorded.KEPT
    assert devices.record(heartbeat(seq=1)) is Recorded.OLDER

    with closing(FleetDatabase(url)) as again:
        [device] = Devices(again).page()
    last = heard(device)
    assert (device.device_id, last.seq, last.boot, last.status) == (
        "cam-box", 2, 2**64 - 1, "alive",
    )  # fmt: skip
    assert (device.first_seen_ns, device.last_seen_ns) == (clock.now_ns - 5, clock.now_ns)
    assert last.state == heartbeat(seq=2)


def test_many_states_are_kept_as_if_one_after_the_other(devices: Devices) -> None:
    devices.record(heartbeat("known-box", 5))
    states = [
        heartbeat("new-box", 2), heartbeat("known-box", 6), heartbeat("new-box", 1),
        heartbeat("known-box", 4), heartbeat("new-box", 3), heartbeat("another-box", 1),
    ]  # fmt: skip

    assert devices.record_all([(state, None) for state in states]) == [
        Recorded.KEPT, Recorded.KEPT, Recorded.OLDER,
        Recorded.OLDER, Recorded.KEPT, Recorded.KEPT,
    ]  # fmt: skip
    assert [(device.device_id, heard(device).seq) for device in devices.page()] == [
        ("another-box", 1), ("known-box", 6), ("new-box", 3),
    ]  # fmt: skip
    assert devices.record_all([]) == []


def test_processes_keep_states_of_the_same_devices_without_blocking_each_other(
    devices: Devices, url: str
) -> None:
    names = [f"box-{number}" for number in range(20)]
    with closing(FleetDatabase(url)) as other:
        tables = (devices, Devices(other))

        def keep(table: Devices, order: list[str]) -> None:
            for seq in range(1, 6):
                table.record_all([(heartbeat(name, seq), None) for name in order])

        together(lambda: keep(tables[0], names), lambda: keep(tables[1], names[::-1]))
    assert {heard(device).seq for device in devices.page()} == {5}


def test_a_last_will_changes_the_status_and_keeps_the_content(devices: Devices) -> None:
    devices.record(heartbeat())
    assert devices.record(will()) is Recorded.KEPT

    [device] = devices.page()
    assert heard(device).status == "disconnected"
    assert heard(device).state.agent_version == "1.2"


def test_a_device_known_only_by_its_last_will_is_listed(devices: Devices) -> None:
    devices.record(DeviceState(schema=1, device="gone-box", boot=1, session=3,
                               status=DeviceState.DISCONNECTED))  # fmt: skip
    assert heard(devices.page()[0]).status == "disconnected"


def test_a_status_of_a_newer_peer_is_kept(devices: Devices) -> None:
    state = heartbeat()
    state.status = 9  # type: ignore[assignment]
    devices.record(state)
    assert heard(devices.page()[0]).status == "status-9"


def test_devices_come_page_by_page(devices: Devices) -> None:
    for number in (3, 1, 2):
        devices.record(heartbeat(f"box-{number}"))

    assert [device.device_id for device in devices.page(limit=2)] == ["box-1", "box-2"]
    assert [device.device_id for device in devices.page(after="box-2")] == ["box-3"]


def test_processes_do_not_stand_in_each_others_way(devices: Devices, url: str) -> None:
    def report(table: Devices, device: str) -> None:
        for seq in range(1, 16):
            table.record(heartbeat(device, seq))
            table.page()

    with closing(FleetDatabase(url)) as other:
        tables = (devices, Devices(other))
        together(*(lambda t=t, n=n: report(t, f"box-{n}") for t in tables for n in (1, 2)))
    assert [heard(device).seq for device in devices.page()] == [15, 15]


def test_presence_follows_the_heartbeats(devices: Devices, clock: Clock) -> None:
    begin_ns = clock.now_ns
    devices.record(heartbeat(seq=1))
    assert standing(devices) == (Presence.ONLINE, begin_ns)
    clock.now_ns += LATE_NS - 1
    assert standing(devices) == (Presence.ONLINE, begin_ns)
    clock.now_ns += 1
    assert standing(devices) == (Presence.LATE, begin_ns + LATE_NS)
    clock.now_ns = begin_ns + OFFLINE_NS - 1
    assert standing(devices) == (Presence.LATE, begin_ns + LATE_NS)
    clock.now_ns += 1
    assert standing(devices) == (Presence.OFFLINE, begin_ns + OFFLINE_NS)

    clock.now_ns += 5
    devices.record(heartbeat(seq=2))
    assert standing(devices) == (Presence.ONLINE, begin_ns + OFFLINE_NS + 5)
    clock.now_ns += LATE_NS - 1
    devices.record(heartbeat(seq=3))
    assert standing(devices) == (Presence.ONLINE, begin_ns + OFFLINE_NS + 5)


@pytest.mark.parametrize(("told_s", "believed_s"), [(1, 1), (600, 600), (2**32 - 1, 3600)])
def test_a_device_is_judged_by_its_own_interval(
    devices: Devices, clock: Clock, told_s: int, believed_s: int
) -> None:
    state = heartbeat()
    state.heartbeat_interval_s = told_s
    devices.record(state)
    clock.now_ns += 3 * believed_s * S_NS - 1
    assert standing(devices)[0] is Presence.ONLINE
    clock.now_ns += 1
    assert standing(devices)[0] is Presence.LATE
    clock.now_ns += 7 * believed_s * S_NS
    assert standing(devices)[0] is Presence.OFFLINE


def test_a_last_will_of_the_current_session_alone_says_offline(
    devices: Devices, clock: Clock
) -> None:
    devices.record(heartbeat(seq=1))
    online = standing(devices)
    clock.now_ns += 5
    for session, boot in ((2, 2**64 - 1), (3, 77)):
        assert devices.record(will(session, boot)) is Recorded.OLDER
        assert standing(devices) == online
    assert devices.record(will()) is Recorded.KEPT
    assert standing(devices) == (Presence.OFFLINE, clock.now_ns)
    clock.now_ns += OFFLINE_NS * 2
    assert standing(devices) == (Presence.OFFLINE, clock.now_ns - OFFLINE_NS * 2)

    back = heartbeat(seq=2)
    back.session = 4
    devices.record(back)
    assert standing(devices) == (Presence.ONLINE, clock.now_ns)
    assert devices.record(will(session=3)) is Recorded.OLDER
    assert standing(devices)[0] is Presence.ONLINE


def test_a_goodbye_says_offline_at_once(devices: Devices, clock: Clock) -> None:
    devices.record(heartbeat(seq=1))
    bye = heartbeat(seq=2)
    bye.status = DeviceState.STOPPED
    clock.now_ns += 5
    devices.record(bye)
    assert standing(devices) == (Presence.OFFLINE, clock.now_ns)


@pytest.mark.parametrize("reported_ns", [0, 10**9, 2**63])
def test_a_wrong_clock_of_a_device_changes_nothing(
    devices: Devices, clock: Clock, reported_ns: int
) -> None:
    state = heartbeat()
    state.reported_ns = reported_ns
    devices.record(state)
    assert standing(devices) == (Presence.ONLINE, clock.now_ns)


def test_a_state_that_waited_is_judged_by_when_it_came(devices: Devices, clock: Clock) -> None:
    came_ns = clock.now_ns - OFFLINE_NS
    devices.record(heartbeat(seq=1), came_ns)
    assert standing(devices) == (Presence.OFFLINE, clock.now_ns)
    devices.record(heartbeat(seq=2), clock.now_ns + 999)  # another machine's clock
    assert devices.get("cam-box").last_seen_ns == clock.now_ns
    devices.record(heartbeat(seq=3), came_ns)
    assert devices.get("cam-box").last_seen_ns == clock.now_ns


def test_devices_are_counted_by_presence(
    devices: Devices, lifecycle: Lifecycle, clock: Clock
) -> None:
    assert set(devices.tally().by_presence.values()) == {0}
    lifecycle.register("new-box", BY)
    devices.record(heartbeat("off-box"), clock.now_ns - OFFLINE_NS)
    for number in (1, 2):
        devices.record(heartbeat(f"late-{number}"), clock.now_ns - LATE_NS)
    for number in (1, 2, 3):
        devices.record(heartbeat(f"on-{number}"))
    for gone in ("on-3", "new-box"):
        lifecycle.decommission(gone, BY)

    tally = devices.tally()
    assert tally.by_presence == {
        Presence.ONLINE: 2, Presence.LATE: 2, Presence.OFFLINE: 1, Presence.NEVER_SEEN: 0,
    }  # fmt: skip
    assert tally.decommissioned == 2


def test_a_registered_device_is_expected(
    devices: Devices, lifecycle: Lifecycle, clock: Clock
) -> None:
    lifecycle.register("cam-box", BY)
    registered_ns = clock.now_ns
    device = devices.get("cam-box")
    assert (device.registered_ns, device.first_seen_ns, device.heard) == (registered_ns, None, None)
    clock.now_ns += OFFLINE_NS
    assert standing(devices) == (Presence.NEVER_SEEN, registered_ns)
    with pytest.raises(DeviceError, match="'cam-box' is registered already"):
        lifecycle.register("cam-box", BY)

    devices.record(heartbeat())
    assert standing(devices) == (Presence.ONLINE, clock.now_ns)
    device = devices.get("cam-box")
    assert (device.registered_ns, device.first_seen_ns) == (registered_ns, clock.now_ns)


def test_a_device_that_came_by_itself_can_be_registered(
    devices: Devices, lifecycle: Lifecycle, clock: Clock
) -> None:
    devices.record(heartbeat())
    before = standing(devices)
    lifecycle.register("cam-box", BY)
    assert standing(devices) == before
    assert devices.get("cam-box").registered_ns == clock.now_ns


def test_new_hardware_takes_over_the_id(
    devices: Devices, lifecycle: Lifecycle, clock: Clock
) -> None:
    first_ns = clock.now_ns
    for boot in (1, 2):
        devices.record(heartbeat(boot=boot))
    clock.now_ns += 5
    lifecycle.replace("cam-box", BY)
    assert standing(devices) == (Presence.NEVER_SEEN, clock.now_ns)
    device = devices.get("cam-box")
    assert (device.first_seen_ns, device.last_seen_ns) == (first_ns, first_ns)

    for late in (heartbeat(boot=2, seq=9), heartbeat(boot=1, seq=9), will(boot=2)):
        assert devices.record(late) is Recorded.OLDER
    assert standing(devices)[0] is Presence.NEVER_SEEN
    # However often the new one starts: the old one's starts are not forgotten.
    for boot in range(10, 40):
        assert devices.record(heartbeat(boot=boot)) is Recorded.KEPT
    assert devices.record(heartbeat(boot=2, seq=10)) is Recorded.OLDER
    assert standing(devices) == (Presence.ONLINE, clock.now_ns)
    device = devices.get("cam-box")
    assert (device.first_seen_ns, device.replaced_ns, heard(device).boot) == (
        first_ns, clock.now_ns, 39,
    )  # fmt: skip


def test_a_decommissioned_device_is_hidden_until_it_is_taken_back(
    devices: Devices, lifecycle: Lifecycle, clock: Clock
) -> None:
    devices.record(heartbeat(seq=1))
    lifecycle.decommission("cam-box", BY)
    decommissioned_ns = clock.now_ns
    clock.now_ns += 5
    lifecycle.decommission("cam-box", BY)
    assert devices.get("cam-box").decommissioned_ns == decommissioned_ns
    assert devices.record(heartbeat(seq=2)) is Recorded.DECOMMISSIONED
    assert heard(devices.get("cam-box")).seq == 1
    assert devices.page() == []
    assert [one.device_id for one in devices.page(decommissioned=True)] == ["cam-box"]
    for refused in (lifecycle.register, lifecycle.replace):
        with pytest.raises(DeviceError, match="recommission it first"):
            refused("cam-box", BY)

    lifecycle.recommission("cam-box", BY)
    assert devices.record(heartbeat(seq=3)) is Recorded.KEPT
    [device] = devices.page()
    assert (device.decommissioned_ns, heard(device).seq) == (None, 3)


def test_what_people_do_to_devices_stands_in_the_audit(lifecycle: Lifecycle, audit: Audit) -> None:
    for act in (lifecycle.replace, lifecycle.decommission, lifecycle.recommission):
        with pytest.raises(UnknownDeviceError, match="no device 'cam-box'"):
            act("cam-box", BY)
    lifecycle.register("cam-box", BY)
    with pytest.raises(DeviceError):
        lifecycle.register("cam-box", BY)
    for act in (
        lifecycle.replace, lifecycle.decommission, lifecycle.decommission, lifecycle.recommission,
        lifecycle.recommission,
    ):  # fmt: skip
        act("cam-box", BY)
    with pytest.raises(DeviceError, match="'Cam Box' is not allowed"):
        lifecycle.register("Cam Box", BY)

    entries = audit.page()
    assert {(entry.actor, entry.target) for entry in entries} == {("user:root", "cam-box")}
    assert [(entry.action.removeprefix("device."), entry.outcome) for entry in entries] == [
        ("replace", "unknown"), ("decommission", "unknown"), ("recommission", "unknown"),
        ("register", "done"), ("register", "registered before"), ("replace", "done"),
        ("decommission", "done"), ("decommission", "decommissioned before"),
        ("recommission", "done"), ("recommission", "was in service"),
    ]  # fmt: skip


def test_nothing_is_done_to_a_device_without_an_entry_of_the_audit(
    database: FleetDatabase, devices: Devices
) -> None:
    class Broken(Audit):
        def note(self, *arguments: object, **more: object) -> int:
            raise DeviceError("no room")

    with pytest.raises(DeviceError, match="no room"):
        Lifecycle(database, Broken(database)).register("cam-box", BY)
    assert devices.page() == []


def test_a_device_is_registered_once_by_many(lifecycle: Lifecycle, devices: Devices) -> None:
    refused = []

    def register() -> None:
        try:
            lifecycle.register("cam-box", BY)
        except DeviceError:
            refused.append(1)

    together(*[register] * 4, lambda: devices.record(heartbeat()))
    assert len(refused) == 3
    assert standing(devices)[0] is Presence.ONLINE


def test_an_outage_that_delivers_boots_in_the_wrong_order_hides_no_live_one(
    devices: Devices, clock: Clock
) -> None:
    began_ns = clock.now_ns
    clock.now_ns += 120 * S_NS
    assert devices.record(heartbeat(boot=2), began_ns + 60 * S_NS) is Recorded.KEPT
    assert devices.record(heartbeat(boot=1, seq=9), began_ns) is Recorded.OLDER
    assert heard(devices.get("cam-box")).boot == 2
    assert devices.get("cam-box").last_seen_ns == began_ns + 60 * S_NS
    assert devices.record(heartbeat(boot=1, seq=10), clock.now_ns) is Recorded.OLDER
    assert devices.record(heartbeat(boot=2, seq=2), clock.now_ns) is Recorded.KEPT


def test_a_boot_taken_for_a_past_one_is_live_once_the_other_is_offline(
    devices: Devices, clock: Clock
) -> None:
    began_ns = clock.now_ns
    devices.record(heartbeat(boot=1))
    clock.now_ns += 5 * S_NS
    devices.record(heartbeat(boot=2))
    clock.now_ns = began_ns + 5 * S_NS + OFFLINE_NS - 1
    assert devices.record(heartbeat(boot=1, seq=2)) is Recorded.OLDER
    clock.now_ns += 1
    assert devices.record(heartbeat(boot=1, seq=3)) is Recorded.KEPT
    assert standing(devices) == (Presence.ONLINE, clock.now_ns)
    assert devices.record(heartbeat(boot=2, seq=2)) is Recorded.OLDER
