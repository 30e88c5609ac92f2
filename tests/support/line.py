"""The whole line with real parts: both programs, and what each end holds."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode
from urllib.request import urlopen

import duckdb
import yaml

from edge.publish.schema import FILE_NAME
from protos.ids import EventId, Lane
from tests.support.influxdb import InfluxDb
from tests.support.processes import ServerProcess, free_port, wait_until
from wayside.process import dying_with_parent

Part = Literal["broker", "pubsub", "serve", "bridge"]
Stream = tuple[int, Lane]


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of one (boot, lane), counted by the database itself."""

    count: int
    distinct: int
    first_seq: int
    last_seq: int


class Program:
    """One of Wayside's programs as a process with its output in a file."""

    def __init__(self, module: str, arguments: list[str], log: Path) -> None:
        self.log = log
        self._command = [sys.executable, "-m", module, *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing outlives a test, whatever became of it."""
        if self.running:
            self.kill()

    def start(self) -> None:
        assert not self.running
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                dying_with_parent(self._command),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait(self, timeout_s: float) -> int:
        """The exit code, once it ends by itself.

        Raises:
            TimeoutError: it does not; the message holds the end of its output.
        """
        assert self._process is not None
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"no end within {timeout_s} s: {self.output[-3000:]}") from None

    def stop(self, timeout_s: float = 30.0) -> int:
        """SIGTERM, and its exit code."""
        assert self._process is not None
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)


class Cloud:
    """`wayside-cloud up` on free ports.

    Args:
        folder: for its data, settings and log.
        influx: the store; None: the embedded DuckDB.
        emulator: Google's Pub/Sub emulator; None: the embedded server.
    """

    def __init__(
        self, folder: Path, influx: InfluxDb | None = None, emulator: ServerProcess | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._influx = influx
        self.broker_port, self.api_port = free_port(), free_port()
        settings: dict[str, Any] = {
            "data_dir": "data",
            "broker": {"port": self.broker_port},
            "pubsub": {"port": free_port()},
            "api": {"port": self.api_port},
        }
        if emulator is not None:
            settings["pubsub"] = None
            settings["bus"] = {"endpoint": f"127.0.0.1:{emulator.port}"}
        if influx is not None:
            token_file = folder / "token"
            token_file.write_text(influx.token)
            settings["store"] = {
                "kind": "influxdb", "url": influx.url, "org": influx.org,
                "bucket": influx.bucket, "token_file": str(token_file),
            }  # fmt: skip
        self.config = folder / "cloud.yaml"
        self.config.write_text(yaml.safe_dump(settings))
        self.program = Program("cloud.cli", ["up", "-c", str(self.config)], folder / "cloud.log")

    def __enter__(self) -> "Cloud":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.program.running:
            self.program.stop()

    def start(self, timeout_s: float = 60.0) -> None:
        self.program.start()

        def up() -> bool:
            assert self.program.running, self.program.output[-3000:]
            return "wayside-cloud is up" in self.program.output

        wait_until(up, "wayside-cloud up", timeout_s)

    def stop(self) -> None:
        if self.program.running:
            assert self.program.stop() == 0, self.program.output[-3000:]

    def kill(self, part: Part) -> None:
        """SIGKILL for one of its processes, once it runs; the supervisor starts it again."""

        def killed() -> bool:
            pid = int((self.folder / "data" / "run" / f"{part}.pid").read_text())
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
            return True

        wait_until(killed, f"{part} to run")

    def ask(self, path: str, **parameters: object) -> Any:
        """The API's answer."""
        url = f"http://127.0.0.1:{self.api_port}{path}?{urlencode(parameters)}"
        with urlopen(url, timeout=30) as answer:
            return json.load(answer)

    def held(self, device: str) -> dict[Stream, Held]:
        """What the database itself counts; DuckDB lets us in once the cloud has stopped."""
        if self._influx is not None:
            return _held_by_influxdb(self._influx, device)
        with duckdb.connect(self.folder / "data" / "events.duckdb", read_only=True) as database:
            rows = database.execute(
                "SELECT boot, lane, count(*), count(DISTINCT event_id), min(seq),"
                " max(seq) FROM events WHERE device = ? GROUP BY boot, lane",
                [device],
            ).fetchall()
        return {(boot, Lane(lane)): Held(*counts) for boot, lane, *counts in rows}


def _held_by_influxdb(influx: InfluxDb, device: str) -> dict[Stream, Held]:
    """Counted over all measurements; every event_id as the database gives it back."""
    statement = f"SELECT event_id FROM /.*/ WHERE device = '{device}'"
    answer = json.loads(influx.query(statement, influx.bucket))
    ids = [
        EventId.parse(event_id)
        for series in answer["results"][0].get("series", [])
        for _, event_id in series["values"]
        if event_id is not None
    ]
    streams: dict[Stream, list[int]] = {}
    for event_id in ids:
        streams.setdefault((event_id.boot, event_id.lane), []).append(event_id.seq)
    return {
        stream: Held(len(seqs), len(set(seqs)), min(seqs), max(seqs))
        for stream, seqs in streams.items()
    }


class Agent:
    """`wayside-edge run` on a video.

    Args:
        folder: for its data, settings and log.
        broker_port: of the cloud's broker.
        video: the file that it reads.
        network: name in the zoo.
        settings: laid over the rest of the settings; `camera` over the camera's.
    """

    device = "test-cam-01"

    def __init__(
        self, folder: Path, broker_port: int, video: Path, network: str, **settings: Any
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        camera = {"id": "entrance", "source": str(video), **settings.pop("camera", {})}
        written = {
            "device": self.device,
            "data_dir": "data",
            "mqtt": {"port": broker_port, "retry_initial_s": 0.1, "retry_max_s": 1.0},
            "model": {"name": network},
            "cameras": [camera],
            "forwarder": {"receipt_timeout_min_s": 1.0},
            "status": {"file": "status.json", "interval_s": 0.1},
            **settings,
        }
        self._status_file = folder / "status.json"
        self.config = folder / "edge.yaml"
        self.config.write_text(yaml.safe_dump(written))
        self.program = Program("edge.cli", ["run", "-c", str(self.config)], folder / "agent.log")

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *exception: object) -> None:
        self.program.__exit__()

    def drain(self, timeout_s: float) -> int:
        """`wayside-edge drain`, and its exit code."""
        log = self.folder / "drain.log"
        with Program("edge.cli", ["drain", "-c", str(self.config)], log) as drain:
            drain.start()
            return drain.wait(timeout_s)

    def outbox_rows(self) -> int:
        """Events on disk without a receipt; the agent must have ended, it alone has the file."""
        rows = self._ask_outbox("SELECT count(*) FROM events")
        return int(rows[0][0]) if rows else 0

    def status(self, since_ns: int = 0) -> dict[str, Any]:
        """What the running agent says of itself, as soon as it has said it after `since_ns`."""
        deadline = time.monotonic() + 60
        while True:
            assert self.program.running, self.program.output[-3000:]
            assert time.monotonic() < deadline, "the agent says nothing"
            with contextlib.suppress(FileNotFoundError):
                if self._status_file.stat().st_mtime_ns > since_ns:
                    return dict(json.loads(self._status_file.read_text()))
            time.sleep(0.01)

    def last_seqs(self) -> dict[Stream, int]:
        """The last seq of every (boot, lane) that the outbox remembers, over all starts."""
        rows = self._ask_outbox("SELECT boot, lane, last_seq FROM sequences JOIN boots USING (age)")
        return {(int(boot, 16), Lane(lane)): last for boot, lane, last in rows if last > 0}

    def _ask_outbox(self, question: str) -> list[tuple[Any, ...]]:
        path = self.folder / "data" / FILE_NAME
        if not path.exists():
            return []
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
            answer = database.execute(question).fetchall()
        database.close()
        return answer


def assert_nothing_missing_nothing_twice(cloud: Cloud, agent: Agent) -> None:
    """count(*) = count(distinct event_id) = 1..last_seq of every (boot, lane) of the outbox."""
    last_seqs = agent.last_seqs()
    assert last_seqs
    expected = {
        stream: Held(count=last, distinct=last, first_seq=1, last_seq=last)
        for stream, last in last_seqs.items()
    }
    assert cloud.held(agent.device) == expected
