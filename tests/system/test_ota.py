"""One update, whole: registered, validated, signed, ordered, swapped and committed, by commands.

Every part is real: `wayside-cloud up`, its registry, the signed repository behind a static file
server, the order on its way down, the agent, and its reports on their way back.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cloud.cli import app
from models.detections import Image
from models.record.register import register
from models.record.store import Store
from tests.support.file_server import FileServer
from tests.support.line import Cloud, Program
from tests.support.processes import wait_until
from tests.support.records import WHO, bright_onnx, pictures, submission, write_model
from tests.support.signed_repository import served
from tests.support.small_agent import DEVICE, small_agent

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

FAMILY = "gate"
STEADY = {"id": "steady", "source": "synthetic://a?width=64&height=64&frames=1000000000",
          "pace": "lossless"}  # fmt: skip
TRIAL = {"block_s": 1, "least_blocks": 4, "least_frames": 4, "latency_share": 1000}
PASSPHRASE = "correct horse battery"
OFFLINE = ["root", "root", "root", "targets", "targets", "targets"]


class Operator:
    """Somebody with a shell, the settings of the cloud, and all keys."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self._folder, self._cloud = folder, cloud
        self._passphrase = folder / "passphrase"
        self._passphrase.write_text(PASSPHRASE + "\n")
        self.repository = cloud.folder / "data" / "repository"

    def says(self, *arguments: str) -> str:
        """What a command answers."""
        done = CliRunner().invoke(app, [*arguments, "-c", str(self._cloud.config)])
        assert done.exit_code == 0, f"{arguments}: {done.output}"
        return done.stdout

    def signs(self, *arguments: str, keys: list[str]) -> str:
        """The same of a command that keys sign."""
        named = [word for key in keys for word in ("--key", str(self._folder / f"{key}.pem"))]
        return self.says(
            "repository", *arguments, *named, "--passphrase-file", str(self._passphrase)
        )

    def begin(self) -> None:
        """Keys, a repository, and a family that its own key signs for."""
        for number, role in enumerate(OFFLINE, 1):
            self._key(role, f"{role}-{number}")
        for role in ("snapshot", "timestamp"):
            self.says("repository", "keys", "create", "--role", role, "--holder", "server")
        self._key(f"family:{FAMILY}", FAMILY)
        names = [f"{role}-{number}" for number, role in enumerate(OFFLINE, 1)]
        halves = [self._folder / f"{name}.pub" for name in names]
        publics = [word for half in halves for word in ("--public", str(half))]
        self.signs("init", *publics, keys=["root-1", "root-2", "targets-4", "targets-5"])
        public = str(self._folder / f"{FAMILY}.pub")
        self.signs(
            "family", "add", FAMILY, "--public", public, keys=["targets-4", "targets-5", FAMILY]
        )

    def release(self, version: str, onnx: bytes, pictures: Sequence[Image]) -> None:
        """A model from its record, with golden pictures, to the signed repository."""
        place = self._folder / f"model-{version}"
        model = write_model(place, onnx, version=version)
        given = submission(place, model, pictures=pictures)
        made = register(given, Store(self._folder / "store"), WHO)
        self.says("models", "add", str(made.folder))
        self.says("models", "validate", FAMILY, version)
        self.signs("release", FAMILY, version, keys=[FAMILY])

    def _key(self, role: str, name: str) -> None:
        self.says(
            "repository", "keys", "create", "--role", role, "--holder", "ada", "--out",
            str(self._folder / f"{name}.pem"), "--passphrase-file", str(self._passphrase),
        )  # fmt: skip


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path / "cloud") as made:
        made.start()
        yield made


@pytest.fixture
def operator(tmp_path: Path, cloud: Cloud) -> Operator:
    found = Operator(tmp_path, cloud)
    found.begin()
    return found


@pytest.fixture
def host(operator: Operator) -> Iterator[FileServer]:
    """A static file server before the repository."""
    with served(operator.repository) as server:
        yield server


@pytest.fixture
def status(tmp_path: Path, cloud: Cloud, operator: Operator, host: FileServer) -> Iterator[Path]:
    """Status file of an agent that runs, with the root that came with it."""
    folder = tmp_path / "agent"
    folder.mkdir()
    own = write_model(folder / "own", version="0")
    shutil.copy(operator.repository / "metadata" / "1.root.json", folder / "root.json")
    config = small_agent(
        folder, model={"name": str(own)}, cameras=[STEADY], mqtt={"port": cloud.broker_port},
        status={"file": "status.json", "interval_s": 0.1}, heartbeat={"interval_s": 1},
        ota={
            "url": host.url, "root_file": "root.json", "probation": TRIAL,
            "fetch": {"min_free_bytes": 0},
        },
        when_done="stay",
    )  # fmt: skip
    with Program("edge.cli", ["run", "-c", str(config)], folder / "agent.log") as program:
        program.start()
        wait_until((folder / "status.json").exists, "the agent's status", 60)
        yield folder / "status.json"
        assert program.stop() == 0, program.output[-3000:]


def end_of(cloud: Cloud, version: str) -> dict[str, Any]:
    """How the update to a version ended."""

    def found() -> list[dict[str, Any]]:
        updates = cloud.ask(f"/v1/devices/{DEVICE}/updates")["updates"]
        return [
            one for one in updates
            if one["to_version"] == version and one["state"] in ("committed", "rolled-back")
        ]  # fmt: skip

    wait_until(lambda: bool(found()), f"the end of the update to {version}", 120)
    return found()[0]


def test_a_model_goes_from_its_record_to_a_camera_and_a_worse_one_comes_back(
    cloud: Cloud, operator: Operator, status: Path
) -> None:
    operator.release("1", bright_onnx(), pictures())
    # It does what its golden pictures show, and sees nothing where it is as dark as in the yard.
    glaring = [np.full((40, 40, 3), level, np.uint8) for level in (240, 245, 250)]
    operator.release("2", bright_onnx(score=0.0, weight=0.002), glaring)
    operator.says("desired", "model", DEVICE, FAMILY, "1")
    assert end_of(cloud, "1")["state"] == "committed"
    operator.says("desired", "model", DEVICE, FAMILY, "2")
    worse = end_of(cloud, "2")
    assert (worse["state"], worse["code"]) == ("rolled-back", "probation-detections")
    told = json.loads(status.read_text())
    wait_until(
        lambda: json.loads(status.read_text())["models"][0]["version"] == "1", "version 1", 20
    )
    (steady,) = told["cameras"]
    assert not any(steady["dropped"].values())

    def of_device() -> str:
        devices = cloud.ask("/v1/devices")["devices"]
        return str(devices[0]["models"][0]["version"]) if devices else ""

    wait_until(lambda: of_device() == "1", "version 1 in the fleet", 30)
    assert "released" in operator.says("models", "show", FAMILY, "1").lower()
