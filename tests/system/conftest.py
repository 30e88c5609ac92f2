"""Parts that end-to-end tests share. Where CI is set, one that is skipped has failed."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from models import zoo
from models.errors import AssetError
from tests.support import pubsub as pubsub_servers
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.processes import ServerProcess


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each store and each Pub/Sub once; the other pairs of them take long and are deep.

    Google's emulator takes part where it is installed.
    """
    if {"store", "pubsub"} <= set(metafunc.fixturenames):
        has_google = pubsub_servers.emulator_jar() is not None
        others = [("influxdb", "embedded"), *([("duckdb", "google")] if has_google else [])]
        pairs = [
            ("duckdb", "embedded"),
            *([("influxdb", "google")] if has_google else []),
            *(pytest.param(*pair, marks=pytest.mark.deep) for pair in others),
        ]
        metafunc.parametrize(("store", "pubsub"), pairs)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """An end-to-end test that proves nothing must not look like one that does."""
    report = yield
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("system"):
        report.outcome = "failed"
        report.longrepr = f"an end-to-end test must not be skipped in CI: {report.longrepr}"
    return report


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
    server = pubsub_servers.google_emulator(tmp_path / "emulator")
    server.start()
    yield server
    server.stop()
