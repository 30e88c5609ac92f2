"""`serve` with a real Pub/Sub: batches are archived, pictures kept, both survive the store."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from cloud.app.ready import ReadyRoute
from cloud.app.serve import run_serve
from cloud.bus import topology
from cloud.bus.google_publisher import GooglePublisher
from cloud.settings import CloudSettings
from protos.codec import encode
from tests.support.pictures import JPEG, snapshot
from tests.support.processes import ServerProcess, free_port, wait_until
from tests.support.pubsub import embedded_pubsub
from tests.support.stored import batch_of, person


@pytest.fixture
def pubsub(tmp_path: Path) -> Iterator[ServerProcess]:
    server = embedded_pubsub(tmp_path / "pubsub")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def chosen(tmp_path: Path, pubsub: ServerProcess) -> CloudSettings:
    return CloudSettings.model_validate(
        {
            "data_dir": tmp_path / "kept",
            "pubsub": None,
            "bus": {"endpoint": f"127.0.0.1:{pubsub.port}"},
            "api": {"port": free_port()},
            "archive": {"max_wait_s": 0.1},
        }
    )


@contextmanager
def serving(chosen: CloudSettings) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run_serve, args=(chosen, stop))
    thread.start()
    try:
        wait_until(ReadyRoute("127.0.0.1", chosen.api.port).is_ready, "serve")
        yield
    finally:
        stop.set()
        thread.join()


def archive_command(folder: Path, chosen: CloudSettings, name: str) -> tuple[int, str]:
    config = folder / "cloud.yaml"
    config.write_text(yaml.safe_dump(chosen.model_dump(mode="json")))
    command = [sys.executable, "-m", "cloud.cli", "archive", name, "-c", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def picture(chosen: CloudSettings, seq: int) -> bytes:
    url = f"http://127.0.0.1:{chosen.api.port}/v1/events/{snapshot(seq).event_id}/snapshot"
    with urlopen(url, timeout=10) as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"
        return bytes(answer.read())


def test_what_pubsub_delivers_is_archived_and_a_lost_store_comes_back(
    tmp_path: Path, chosen: CloudSettings
) -> None:
    archived = tmp_path / "kept" / "blobs" / "archive"
    with serving(chosen):
        with closing(GooglePublisher(chosen.bus)) as publisher:
            batch = batch_of(*[person(seq) for seq in range(1, 31)])
            publisher.publish(topology.EVENTS, encode(batch), {"deviceId": "x"}).result(20)
            publisher.publish(topology.EVIDENCE, encode(snapshot(3)), {"deviceId": "x"}).result(20)
        wait_until(lambda: list(archived.rglob("*.parquet")), "a file")
        wait_until(lambda: list((tmp_path / "kept").rglob("3.jpg")), "a picture")
        assert picture(chosen, 3) == JPEG

        code, said = archive_command(tmp_path, chosen, "replay")
        assert code == 1
        assert "held by another process" in said
        assert "Traceback" not in said
        assert archive_command(tmp_path, chosen, "list")[0] == 0

    for path in (tmp_path / "kept").glob("events.duckdb*"):
        path.unlink()
    code, said = archive_command(tmp_path, chosen, "replay")
    assert (code, said.splitlines()[-1]) == (0, "30 events of 1 files are in the store")
    with serving(chosen):
        url = f"http://127.0.0.1:{chosen.api.port}/v1/events?limit=1000"
        with urlopen(url, timeout=10) as answer:
            assert answer.read().count(b'"event_id"') == 30
        assert picture(chosen, 3) == JPEG
