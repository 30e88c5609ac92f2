"""The fleet's database where it is a file; what both kinds promise is in tests/contracts."""

import multiprocessing
from contextlib import closing
from pathlib import Path

import pytest

from cloud.errors import StartError, StoreAwayError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from protos.v1.device_state_pb2 import DeviceState

HEARTBEAT = DeviceState(schema=1, device="cam-box", boot=1, session=3, seq=1,
                        status=DeviceState.ALIVE)  # fmt: skip


def write_entries(url: str, count: int) -> None:
    with closing(FleetDatabase(url)) as database:
        for _ in range(count):
            Audit(database).begin(Actor("user:root", "here"), "x")


def test_a_file_is_made_with_its_folder_and_newest_tables(tmp_path: Path) -> None:
    with closing(FleetDatabase(f"sqlite:///{tmp_path}/a/b/fleet.sqlite")) as database:
        assert list(Devices(database).page()) == []


def test_a_database_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be opened"):
        FleetDatabase(f"sqlite:///{tmp_path}/file/fleet.sqlite")
    (tmp_path / "odd.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(StartError, match=r"odd\.sqlite: cannot be opened"):
        FleetDatabase(f"sqlite:///{tmp_path}/odd.sqlite")


def test_a_database_that_breaks_is_away(tmp_path: Path) -> None:
    file = tmp_path / "fleet.sqlite"
    with closing(FleetDatabase(f"sqlite:///{file}")) as database:
        devices = Devices(database)
        devices.record(HEARTBEAT)
        database.close()
        file.write_bytes(b"no database" * 100)

        with pytest.raises(StoreAwayError, match="fleet database"):
            devices.check()
        with pytest.raises(StoreAwayError, match="fleet database"):
            devices.record(HEARTBEAT)


def test_processes_make_and_write_one_file_together(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/fleet.sqlite"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write_entries, args=(url, 20)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0, 0]
    with closing(FleetDatabase(url)) as database:
        assert len(Audit(database).page(limit=100)) == 60


def test_a_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(StartError, match="127.0.0.1:9/fleet: cannot be opened"):
        FleetDatabase("postgresql://wayside@127.0.0.1:9/fleet")
