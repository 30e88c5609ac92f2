"""Seen from outside: whatever is killed, every event of a fleet is stored exactly once.

Two bridges, three ingest workers on InfluxDB or one on DuckDB, 200 simulated devices with
duplicates, disorder and reconnect storms. The seed of a run is printed;
`WAYSIDE_SEED=1234 make chaos` repeats it.
"""

import os
import random
from pathlib import Path
from typing import Literal

import pytest

from tests.support.chaos import Line, SimulatedFleet, expected, havoc
from tests.support.influxdb import InfluxDb

Store = Literal["duckdb", "influxdb"]
DEVICES = 200
RATE = 20
DRAIN_S = 120


@pytest.fixture
def store(request: pytest.FixtureRequest, store_kind: Store) -> InfluxDb | None:
    """A real InfluxDB, or None for DuckDB."""
    if store_kind == "duckdb":
        return None
    server: InfluxDb = request.getfixturevalue("influx")
    return server


def survive(folder: Path, influx: InfluxDb | None, seconds: float, away_s: float) -> None:
    seed = int(os.environ.get("WAYSIDE_SEED") or random.randrange(10**6))
    print(f"seed {seed}")
    options = [
        "--seed", seed, "--devices", DEVICES, "--rate", RATE, "--duration", seconds, "--drain",
        DRAIN_S, "--heartbeat", 10, "--receipt-timeout", 2, "--storm", seconds / 4,
        "--storm-share", 0.5, "--duplicates", 0.1, "--reorder", 0.1,
    ]  # fmt: skip
    with Line(folder, influx) as line:
        fleet = SimulatedFleet(folder, line.broker.port, options)
        with fleet.running():
            kills = havoc(line, random.Random(seed), seconds, away_s)
            print(f"{kills} kills")
            report = fleet.report(timeout_s=seconds + 2 * DRAIN_S)
        line.stop()
        assert report["made"] == pytest.approx(RATE * seconds, rel=0.05)
        assert line.stored() == expected(report)
        for program in line.programs.values():
            assert "message refused" not in program.output


@pytest.mark.system
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("store_kind", "seconds"), [("influxdb", 25.0), ("duckdb", 15.0)])
def test_nothing_is_lost_and_nothing_counts_twice(
    tmp_path: Path, store: InfluxDb | None, seconds: float
) -> None:
    survive(tmp_path, store, seconds, away_s=8.0)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("store_kind", "seconds"), [("influxdb", 400.0), ("duckdb", 200.0)])
def test_nothing_is_lost_in_ten_minutes(
    tmp_path: Path, store: InfluxDb | None, seconds: float
) -> None:
    survive(tmp_path, store, seconds, away_s=60.0)
