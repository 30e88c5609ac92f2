"""Personal data erased while `serve` runs: over HTTP, by the command, and after a crash."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from cloud.archive.archive import Archive
from cloud.blobs.folder import FolderBlobs
from cloud.erasure.ranges import ErasedRange
from cloud.evidence.snapshots import Snapshots
from cloud.fleet.api_key import Role
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.erasures import Erasures
from cloud.fleet.keys import Keys
from cloud.store.duckdb.store import DuckDbStore
from tests.support.archived import archive_batches
from tests.support.pictures import JPEG, snapshot
from tests.support.processes import ServerProcess, free_port, wait_until
from tests.support.pubsub import embedded_pubsub
from tests.support.stored import START_NS, batch_of, crossing, stored

BY = Actor("user:root", "here")
SECRET = "only-seen-by-cam-box"
PROGRAM = [sys.executable, "-m", "cloud.cli"]


# Starts half a dozen processes, one after the other.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = embedded_pubsub(tmp_path_factory.mktemp("pubsub"))
    server.start()
    yield server
    server.stop()


class Site:
    """A `serve` of its own process over a DuckDB file, archive and pictures of two devices."""

    def __init__(self, folder: Path, pubsub_port: int) -> None:
        self.kept = folder / "kept"
        self.config = folder / "cloud.yaml"
        self.port = free_port()
        self.config.write_text(
            f"data_dir: kept\npubsub: null\nbus: {{endpoint: '127.0.0.1:{pubsub_port}'}}\n"
            f"api: {{port: {self.port}}}\n"
        )
        self._fill()
        with self.fleet() as database:
            self.key = Keys(database, Audit(database)).create("an admin", Role.ADMIN, BY)[0].text

    def _fill(self) -> None:
        blobs = FolderBlobs(self.kept / "blobs")
        with (
            closing(DuckDbStore(self.kept / "events.duckdb")) as store,
            closing(Archive(blobs)) as archive,
        ):
            for device, seen in (("cam-box", SECRET), ("other-box", "by-others")):
                events = [crossing(seq, START_NS + seq * 1000, target=seen) for seq in range(1, 9)]
                store.write(stored(*events, device=device))
                archive_batches(archive, [batch_of(*events, device=device)])
                image = JPEG[:-2] + seen.encode() + JPEG[-2:]
                name = f"{device}/{7:016x}/state/1"
                Snapshots(blobs).keep(snapshot(1, device=device, event_id=name, image=image))

    @contextmanager
    def fleet(self) -> Iterator[FleetDatabase]:
        with closing(FleetDatabase(f"sqlite:///{self.kept}/fleet.sqlite")) as database:
            yield database

    @contextmanager
    def serving(self) -> Iterator["subprocess.Popen[bytes]"]:
        with (self.config.parent / "serve.log").open("ab") as log:
            process = subprocess.Popen(
                [*PROGRAM, "serve", "-c", str(self.config)], stdout=log, stderr=log
            )
        try:
            wait_until(lambda: self.ask("get", "/readyz").status_code == 200, "serve", 90.0)
            yield process
        finally:
            process.terminate()
            process.wait()

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with httpx.Client(trust_env=False) as client:
                return client.request(method, url, headers=headers, json=body)
        except httpx.TransportError:
            return httpx.Response(599)

    def state(self, number: int) -> str:
        return str(self.ask("get", f"/v1/erasures/{number}").json()["state"])

    def devices_with_events(self) -> set[str]:
        events = self.ask("get", "/v1/events?limit=1000").json()["events"]
        return {event["device"] for event in events}

    def files_with(self, text: str) -> list[Path]:
        found = [path for path in self.kept.rglob("*") if path.is_file()]
        return [path for path in found if text.encode() in path.read_bytes()]

    def erase(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*PROGRAM, "erase", *arguments, "-c", str(self.config)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def audited(self) -> list[tuple[str, str, str]]:
        entries = self.ask("get", "/v1/audit?limit=1000").json()["entries"]
        return [(one["actor"], one["action"], one["outcome"]) for one in entries]


@pytest.fixture
def site(tmp_path: Path, pubsub: ServerProcess) -> Site:
    return Site(tmp_path, pubsub.port)


def test_a_device_is_erased_over_http_while_serve_answers(site: Site) -> None:
    with site.serving():
        assert len(site.files_with(SECRET)) > 1
        answer = site.ask("post", "/v1/erasures", {"device": "cam-box"})
        assert answer.status_code == 202, answer.text
        number = answer.json()["erasure"]
        wait_until(lambda: site.state(number) == "done", "the end of the erasure")

        told = site.ask("get", f"/v1/erasures/{number}").json()
        assert told["outcome"] == "done: 8 events, 1 files, 1 pictures"
        assert site.files_with(SECRET) == [], "while it runs"
        assert site.devices_with_events() == {"other-box"}
        by = f"key:{site.key.split('_')[1]}"
        assert (by, "POST /v1/erasures", "202") in site.audited()
        assert (by, "erase", told["outcome"]) in site.audited()

        the_command_lets_serve_do_it(site)


def the_command_lets_serve_do_it(site: Site) -> None:
    """First one that fails, then one that does not."""
    [damaged] = (site.kept / "blobs/archive").rglob("device=other-box/*.parquet")
    whole = damaged.read_bytes()
    damaged.write_bytes(b"damaged")
    arguments = ("--device", "other-box", "--from", str(START_NS + 2000), "--yes")
    done = site.erase(*arguments)
    assert done.returncode == 1
    assert "Erasure 2: failed: archive file" in done.stdout
    assert "tries again by itself" in done.stderr
    assert site.devices_with_events() == {"other-box"}

    damaged.write_bytes(whole)
    done = site.erase(*arguments)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("`serve` runs and holds the store, so it deletes device other-box")
    assert lines[1] == "Erasure 3 is on record; it goes on without this command."
    assert [line for line in lines if line.startswith("Erasure 3: done")]
    assert "Erased." in lines
    assert site.devices_with_events() == {"other-box"}
    [event] = site.ask("get", "/v1/events").json()["events"]
    assert event["seq"] == 1, "the one before the range"
    by = [one for one in site.audited() if one[0].startswith("user:") and one[1] == "erase"]
    assert len(by) == 2


def test_a_killed_serve_goes_on_when_it_starts_again(site: Site) -> None:
    """Killed whenever: before it began, in the middle of it, or after the end."""
    with site.serving() as process:
        accepted = site.ask("post", "/v1/erasures", {"device": "cam-box"}).json()["erasure"]
        os.kill(process.pid, signal.SIGKILL)
    with site.fleet() as database:
        erasures = Erasures(database, Audit(database))
        begun = erasures.ask(ErasedRange("other-box", 0, START_NS + 4000), BY, START_NS)
        erasures.take(begun.number)
    with site.serving():
        numbers = (accepted, begun.number)
        wait_until(lambda: {site.state(one) for one in numbers} == {"done"}, "both erasures")
        assert site.files_with(SECRET) == []
        events = site.ask("get", "/v1/events").json()["events"]
        assert {(one["device"], one["seq"]) for one in events} == {
            ("other-box", seq) for seq in range(4, 9)
        }
