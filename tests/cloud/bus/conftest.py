"""One embedded server for the tests of this folder, each in a project of its own."""

import uuid
from collections.abc import Iterator

import pytest

from cloud.bus.settings import BusSettings
from tests.support.processes import ServerProcess
from tests.support.pubsub import embedded_pubsub


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = embedded_pubsub(tmp_path_factory.mktemp("pubsub"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def settings(server: ServerProcess) -> BusSettings:
    project = f"test-{uuid.uuid4().hex[:12]}"
    return BusSettings(project=project, endpoint=f"127.0.0.1:{server.port}", retry_max_s=0.2)
