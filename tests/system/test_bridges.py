"""One bridge process of two goes, in order or by SIGKILL, or stands still for a while."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from protos import topics
from tests.support.chaos import BRIDGES, Line, SimulatedFleet, expected
from tests.support.processes import wait_until
from tests.support.secure_broker import Party
from wayside.mqtt.settings import MqttSettings

RECEIPT_TIMEOUT_S = 5.0
SECONDS = 6.0
FIRST_BATCHES = 80
"""Of about 240; only then something happens, however long the fleet takes to start."""


def report_of_a_run(
    folder: Path, go: Callable[[Line], Iterable[str]], protocol: str = "auto"
) -> dict[str, Any]:
    """What the fleet says, when something happened to a bridge in the middle of its run.

    Args:
        folder: for everything.
        go: what happens; returns the bridges that are gone by it.
        protocol: MQTT's version, of bridges and devices.
    """
    options = [
        "--devices", 40, "--rate", 40, "--duration", SECONDS, "--drain", 30,
        "--receipt-timeout", RECEIPT_TIMEOUT_S, "--seed", 1,
    ]  # fmt: skip

    def happen(line: Line) -> Iterable[str]:
        settings = MqttSettings(port=line.broker.port)
        with Party(settings, "watcher", (topics.EVENTS_FILTER,)) as watcher:
            for _ in range(FIRST_BATCHES):
                watcher.heard.get(timeout=60)
        return go(line)

    with Line(folder, None, protocol=protocol) as line:
        fleet = SimulatedFleet(folder, line.broker.port, options, protocol)
        with fleet.running(), ThreadPoolExecutor(1) as threads:
            happening = threads.submit(happen, line)
            report = fleet.report(timeout_s=120)
        for name in happening.result():
            line.programs.pop(name)
        line.stop()
        assert line.stored() == expected(report)
    return report


@pytest.mark.system
def test_bridge_that_is_asked_to_go_leaves_nothing_to_send_again(tmp_path: Path) -> None:
    codes: list[int] = []

    def go(line: Line) -> list[str]:
        codes.append(line.programs["bridge-1"].stop())
        return ["bridge-1"]

    report = report_of_a_run(tmp_path, go)
    assert codes == [0]
    assert report["resent"] == 0
    assert report["sent"] == report["made"]


@pytest.mark.system
def test_what_a_killed_bridge_held_is_stored_within_two_receipt_timeouts(tmp_path: Path) -> None:
    def go(line: Line) -> list[str]:
        line.programs["bridge-1"].kill()
        return ["bridge-1"]

    report = report_of_a_run(tmp_path, go)
    assert report["round_trip_longest_s"] < 2 * RECEIPT_TIMEOUT_S


@pytest.mark.system
def test_active_bridge_of_the_older_protocol_hands_over_and_nothing_is_sent_again(
    tmp_path: Path,
) -> None:
    codes: list[int] = []

    def go(line: Line) -> list[str]:
        [active] = line.active_bridges()
        codes.append(line.programs[active].stop())
        assert line.active_bridges() == [other(active)], "before the old one has ended"
        return [active]

    report = report_of_a_run(tmp_path, go, "3.1.1")
    assert codes == [0]
    assert report["resent"] == 0
    assert report["sent"] == report["made"]


@pytest.mark.system
def test_standby_of_the_older_protocol_takes_over_from_a_killed_bridge(tmp_path: Path) -> None:
    def go(line: Line) -> list[str]:
        [active] = line.active_bridges()
        line.programs[active].kill()
        begun_s = time.monotonic()
        wait_until(lambda: line.active_bridges() == [other(active)], "the standby to take over")
        print(f"taken over after {time.monotonic() - begun_s:.2f} s")
        return [active]

    report = report_of_a_run(tmp_path, go, "3.1.1")
    assert report["round_trip_longest_s"] < 2 * RECEIPT_TIMEOUT_S


@pytest.mark.system
def test_standby_of_the_older_protocol_takes_over_from_one_that_is_silent(tmp_path: Path) -> None:
    def go(line: Line) -> list[str]:
        [active] = line.active_bridges()
        # As behind a cut network: the broker notices nothing for a long time.
        os.kill(line.programs[active].pid, signal.SIGSTOP)
        begun_s = time.monotonic()
        try:
            wait_until(lambda: len(line.active_bridges()) == 2, "the standby to take over")
            print(f"taken over after {time.monotonic() - begun_s:.2f} s")
        finally:
            os.kill(line.programs[active].pid, signal.SIGCONT)
        wait_until(lambda: len(line.active_bridges()) == 1, "one of two active ones to step down")
        return []

    report_of_a_run(tmp_path, go, "3.1.1")


def other(bridge: str) -> str:
    return next(name for name in BRIDGES if name != bridge)
