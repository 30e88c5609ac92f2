"""The table of devices, in a real SQLite file."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from cloud.errors import StartError, StoreAwayError
from cloud.fleet.devices import Devices
from cloud.fleet.settings import FleetSettings
from protos.v1.device_state_pb2 import DeviceState


def heartbeat(device: str = "cam-box", seq: int = 1, boot: int = 2**64 - 1) -> DeviceState:
    return DeviceState(
        schema=1, device=device, boot=boot, session=3, seq=seq, status=DeviceState.ALIVE,
        reported_ns=5, agent_version="1.2",
        cameras=[DeviceState.Camera(camera="door", state="live", fps=9.5)],
    )  # fmt: skip


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/folder/fleet.sqlite"


@pytest.fixture
def devices(url: str) -> Iterator[Devices]:
    with contextlib.closing(Devices(url, clock_ns=iter(range(1000, 2000)).__next__)) as made:
        yield made


def test_the_last_state_is_kept_over_a_restart(devices: Devices, url: str) -> None:
    assert devices.record(heartbeat(seq=1))
    assert devices.record(heartbeat(seq=2))
    assert not devices.record(heartbeat(seq=1))
    devices.close()

    with contextlib.closing(Devices(url)) as again:
        [device] = again.page()
    assert (device.device_id, device.seq, device.boot, device.status) == (
        "cam-box", 2, 2**64 - 1, "alive",
    )  # fmt: skip
    assert (device.first_seen_ns, device.last_seen_ns) == (1000, 1001)
    assert device.state == heartbeat(seq=2)


def test_a_last_will_changes_the_status_and_keeps_the_content(devices: Devices) -> None:
    devices.record(heartbeat())
    will = DeviceState(schema=1, device="cam-box", boot=2**64 - 1, session=3,
                       status=DeviceState.DISCONNECTED)  # fmt: skip
    assert devices.record(will)

    [device] = devices.page()
    assert device.status == "disconnected"
    assert device.state.agent_version == "1.2"


def test_a_device_known_only_by_its_last_will_is_listed(devices: Devices) -> None:
    devices.record(DeviceState(schema=1, device="gone-box", boot=1, session=3,
                               status=DeviceState.DISCONNECTED))  # fmt: skip
    assert devices.page()[0].status == "disconnected"


def test_a_status_of_a_newer_peer_is_kept(devices: Devices) -> None:
    state = heartbeat()
    state.status = 9  # type: ignore[assignment]
    devices.record(state)
    assert devices.page()[0].status == "status-9"


def test_devices_come_page_by_page(devices: Devices) -> None:
    for number in (3, 1, 2):
        devices.record(heartbeat(f"box-{number}"))

    assert [device.device_id for device in devices.page(limit=2)] == ["box-1", "box-2"]
    assert [device.device_id for device in devices.page(after="box-2")] == ["box-3"]


def test_threads_do_not_stand_in_each_others_way(devices: Devices) -> None:
    def report(device: str) -> None:
        for seq in range(1, 21):
            devices.record(heartbeat(device, seq))
            devices.page()

    threads = [threading.Thread(target=report, args=(f"box-{n % 2}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [device.seq for device in devices.page()] == [20, 20]


def test_a_database_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be opened"):
        Devices(f"sqlite:///{tmp_path}/file/fleet.sqlite")


def test_a_database_that_breaks_is_away(devices: Devices, tmp_path: Path) -> None:
    devices.record(heartbeat())
    devices.close()
    (tmp_path / "folder" / "fleet.sqlite").write_bytes(b"no database" * 100)

    with pytest.raises(StoreAwayError, match="fleet database"):
        devices.check()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "must be"),
        ("mysql://db/fleet", "must be"),
        ("postgresql://user:secret@db/fleet", "PGPASSWORD"),
    ],
)
def test_urls_that_do_not_fit_are_refused(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        FleetSettings(url=url)
