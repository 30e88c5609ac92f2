"""Parts that end-to-end tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models import zoo
from models.errors import AssetError
from tests.support import pubsub
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.processes import ServerProcess


@pytest.fixture(scope="session")
def video() -> Path:
    """The video of people who pass a fixed camera one by one."""
    try:
        return zoo.video("cctv-people")
    except AssetError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", autouse=True)
def networks() -> None:
    """Fetched once, so that no agent has to."""
    try:
        zoo.network("yolox-nano")
        zoo.network("fastestdet")
    except AssetError as error:
        pytest.skip(str(error))


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[InfluxDb]:
    """A real InfluxDB 1.6 behind the facade of its second version's write API."""
    server = influxdb(tmp_path / "influxdb")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def google_emulator(tmp_path: Path) -> Iterator[ServerProcess]:
    """Google's own Pub/Sub emulator."""
    server = pubsub.google_emulator(tmp_path / "emulator")
    server.start()
    yield server
    server.stop()
