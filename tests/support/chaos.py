"""Every process of a cloud by itself, to be killed at will, and a simulated fleet before it."""

import json
import random
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from cloud.app.ready import ReadyRoute
from protos.ids import EventId, Lane, parse_boot
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.influxdb import InfluxDb
from tests.support.line import Held, Program
from tests.support.mosquitto import mosquitto
from tests.support.processes import free_port, wait_until
from tests.support.pubsub import embedded_pubsub

_START_S = 60.0
BRIDGES = ("bridge-1", "bridge-2")
Stream = tuple[str, int, Lane]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database itself counts.

    Attributes:
        streams: by device, boot and lane.
        counted: sum of the counts in all COUNTS events.
    """

    streams: dict[Stream, Held]
    counted: int


class Line:
    """Broker, Pub/Sub, bridges, and `serve` once on DuckDB or three times on InfluxDB.

    Args:
        folder: for everything.
        influx: the store; None: DuckDB.
        bridges: their names.
        protocol: MQTT's version between the broker and the bridges.
        duckdb: settings of that store, beyond its file.
    """

    def __init__(
        self,
        folder: Path,
        influx: InfluxDb | None,
        bridges: Sequence[str] = BRIDGES,
        protocol: str = "auto",
        duckdb: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.influx = influx
        self._protocol = protocol
        self._duckdb = duckdb
        self.broker = mosquitto(folder / "broker")
        self.pubsub = embedded_pubsub(folder / "pubsub")
        names = ["serve-1", "serve-2", "serve-3"] if influx is not None else ["serve-1"]
        self._api_ports = [free_port() for _ in names]
        self.programs = {name: self._program("bridge", name, free_port()) for name in bridges}
        self.programs |= {
            name: self._program("serve", name, port)
            for name, port in zip(names, self._api_ports, strict=True)
        }

    @property
    def victims(self) -> list[str]:
        """The names of everything that `kill` takes."""
        return ["broker", "pubsub", *self.programs]

    @property
    def pids(self) -> dict[str, int]:
        """The process of each part, by its name."""
        programs = {name: program.pid for name, program in self.programs.items()}
        return {"broker": self.broker.pid, "pubsub": self.pubsub.pid, **programs}

    def __enter__(self) -> "Line":
        try:
            self._start()
        except BaseException:  # `with` ends only what has begun
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for program in self.programs.values():
            program.__exit__()
        self.pubsub.stop()
        self.broker.stop()

    def _start(self) -> None:
        self.broker.start()
        self.pubsub.start()
        self._settle()

    def kill(self, name: str) -> None:
        """SIGKILL."""
        if name == "broker":
            self.broker.kill()
        elif name == "pubsub":
            self.pubsub.kill()
        elif self.programs[name].running:
            self.programs[name].kill()

    def revive(self, name: str) -> None:
        """Start what was killed, and with it whatever has ended by itself meanwhile."""
        if name == "broker":
            self.broker.start(_START_S)
        elif name == "pubsub":
            self.pubsub.start(_START_S)
        self._start_missing()

    def _start_missing(self) -> None:
        for name, program in self.programs.items():
            if not program.running:
                self._ready_file(name).unlink(missing_ok=True)
                program.start()

    def _settle(self) -> None:
        """Wait until everything stands; what has only begun to start cannot end in order."""
        self._start_missing()
        for port in self._api_ports:
            wait_until(ReadyRoute("127.0.0.1", port).is_ready, "ingest in serve", 60)
        for name in self.programs:
            if name.startswith("bridge"):
                wait_until(self._ready_file(name).exists, name, 60)

    def active_bridges(self) -> list[str]:
        """The running ones that have said last that they take the devices' messages."""
        return [
            name
            for name in BRIDGES
            if name in self.programs
            and self.programs[name].running
            and self.programs[name].output.rfind("bridge is active")
            > self.programs[name].output.rfind("two bridges were active")
        ]

    def stop(self) -> None:
        """End the programs in order, so that a database file may be read."""
        self._settle()
        for program in self.programs.values():
            code = program.stop()
            assert code == 0, f"exit code {code}: {program.output[-3000:]}"

    def stored(self) -> Stored:
        """What the database counts; DuckDB lets us in once the line has stopped."""
        if self.influx is not None:
            return _in_influxdb(self.influx)
        with duckdb.connect(self.folder / "data" / "events.duckdb", read_only=True) as database:
            rows = database.execute(
                "SELECT device, boot, lane, count(*), count(DISTINCT event_id), min(seq),"
                " max(seq) FROM events GROUP BY device, boot, lane"
            ).fetchall()
            counts = database.execute(
                "SELECT payload FROM stored_events WHERE kind = 'counts'"
            ).fetchall()
        streams = {(row[0], row[1], Lane(row[2])): Held(*row[3:]) for row in rows}
        return Stored(streams, sum(_counted(payload) for (payload,) in counts))

    def _program(self, command: str, name: str, api_port: int) -> Program:
        config = self.folder / f"{name}.yaml"
        config.write_text(yaml.safe_dump(self._settings(name, api_port)))
        ready = ["--ready-file", str(self._ready_file(name))] if command == "bridge" else []
        return Program(
            "cloud.cli", [command, "-c", str(config), *ready], self.folder / f"{name}.log"
        )

    def _ready_file(self, name: str) -> Path:
        return self.folder / f"{name}.ready"

    def _settings(self, name: str, api_port: int) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "data_dir": "data",
            "broker": {"port": self.broker.port},
            "mqtt": {"retry_initial_s": 0.1, "retry_max_s": 1.0, "protocol": self._protocol},
            "pubsub": {"port": self.pubsub.port},
            "api": {"port": api_port},
            "ingest": {"retry_max_s": 2.0},
        }
        if self._duckdb is not None:
            settings["store"] = {"kind": "duckdb", **self._duckdb}
        if self.influx is not None:
            token = self.folder / "token"
            token.write_text(self.influx.token)
            settings["store"] = {
                "kind": "influxdb", "url": self.influx.url, "org": self.influx.org,
                "bucket": self.influx.bucket, "token_file": str(token), "writer": name,
            }  # fmt: skip
        return settings


class SimulatedFleet:
    """`wayside-cloud simulate` as a process.

    Args:
        folder: for its settings, log and report.
        broker_port: where it connects.
        options: further ones of its command line.
        protocol: MQTT's version.
    """

    def __init__(
        self, folder: Path, broker_port: int, options: Sequence[object], protocol: str = "auto"
    ) -> None:
        config = folder / "fleet.yaml"
        written = {
            "broker": {"port": broker_port},
            "mqtt": {"retry_initial_s": 0.1, "retry_max_s": 2.0, "protocol": protocol},
        }
        config.write_text(yaml.safe_dump(written))
        self._report = folder / "fleet.json"
        arguments = ["simulate", "-c", str(config), "--report", str(self._report)]
        arguments += [str(option) for option in options]
        self.program = Program("cloud.cli", arguments, folder / "fleet.log")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Started, and gone at the end whatever happens."""
        with self.program:
            self.program.start()
            yield

    def report(self, timeout_s: float) -> dict[str, Any]:
        """What it wrote at its end; it must have left nothing."""
        code = self.program.wait(timeout_s)
        print(self.program.output)
        assert code == 0, "events are left without a receipt"
        return dict(json.loads(self._report.read_text()))


def expected(report: dict[str, Any]) -> Stored:
    """What the store must hold, by what the fleet made: each stream from 1 to its last seq."""
    streams = {
        (stream["device"], parse_boot(stream["boot"]), Lane.from_slug(stream["lane"])): Held(
            stream["last_seq"], stream["last_seq"], 1, stream["last_seq"]
        )
        for stream in report["streams"]
    }
    return Stored(streams, report["counted"])


def havoc(line: Line, rng: random.Random, seconds: float, away_s: float) -> int:
    """Kill one part after the other for so long, each at least once; returns the kills.

    Args:
        line: whose parts.
        rng: of the order and the times.
        seconds: how long.
        away_s: how long the database is away, once, where it is a server.
    """
    begun_s, kills = time.monotonic(), 0
    away_at_s = seconds / 3 if line.influx is not None else float("inf")
    while time.monotonic() - begun_s < seconds:
        for name in rng.sample(line.victims, len(line.victims)):
            time.sleep(rng.uniform(0.5, 2.5))  # the random point; nothing is waited for
            line.kill(name)
            kills += 1
            print(f"{time.monotonic() - begun_s:5.1f} s: killed {name}")
            time.sleep(rng.uniform(0.0, 1.5))  # and how long it stays dead
            line.revive(name)
            if line.influx is not None and time.monotonic() - begun_s > away_at_s:
                away_at_s = float("inf")
                line.influx.kill()
                print(f"{time.monotonic() - begun_s:5.1f} s: the database is away")
                time.sleep(away_s)
                line.influx.start()
                line.revive("")
    return kills


def _in_influxdb(influx: InfluxDb) -> Stored:
    answer = json.loads(influx.query("SELECT event_id FROM /.*/", influx.bucket))
    ids = [
        EventId.parse(event_id)
        for series in answer["results"][0].get("series", [])
        for _, event_id in series["values"]
        if event_id is not None
    ]
    seqs: dict[Stream, list[int]] = {}
    for one in ids:
        seqs.setdefault((one.device, one.boot, one.lane), []).append(one.seq)
    streams = {
        stream: Held(len(found), len(set(found)), min(found), max(found))
        for stream, found in seqs.items()
    }
    answer = json.loads(influx.query('SELECT payload FROM "counts"', influx.bucket))
    payloads = [
        b64decode(payload)
        for series in answer["results"][0].get("series", [])
        for _, payload in series["values"]
    ]
    return Stored(streams, sum(map(_counted, payloads)))


def _counted(payload: bytes) -> int:
    return sum(count.count for count in EventBatch.Event.FromString(payload).counts.counts)
