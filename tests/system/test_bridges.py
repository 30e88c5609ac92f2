"""One bridge process of two goes for good: in order, and by SIGKILL."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.chaos import Line, SimulatedFleet, expected

RECEIPT_TIMEOUT_S = 5.0
SECONDS = 8.0


def report_of_a_run(folder: Path, go: Callable[[Line], None]) -> dict[str, Any]:
    """What the fleet says, when one bridge went in the middle of its run."""
    options = [
        "--devices", 40, "--rate", 40, "--duration", SECONDS, "--drain", 30,
        "--receipt-timeout", RECEIPT_TIMEOUT_S, "--seed", 1,
    ]  # fmt: skip
    with Line(folder, None) as line:
        fleet = SimulatedFleet(folder, line.broker.port, options)
        with fleet.running():
            middle = threading.Timer(SECONDS / 2, go, [line])
            middle.start()
            report = fleet.report(timeout_s=120)
            middle.join()
        line.programs.pop("bridge-1")
        line.stop()
        assert line.stored() == expected(report)
    return report


@pytest.mark.system
def test_bridge_that_is_asked_to_go_leaves_nothing_to_send_again(tmp_path: Path) -> None:
    codes: list[int] = []
    report = report_of_a_run(tmp_path, lambda line: codes.append(line.programs["bridge-1"].stop()))
    assert codes == [0]
    assert report["resent"] == 0
    assert report["sent"] == report["made"]


@pytest.mark.system
def test_what_a_killed_bridge_held_is_stored_within_two_receipt_timeouts(tmp_path: Path) -> None:
    report = report_of_a_run(tmp_path, lambda line: line.programs["bridge-1"].kill())
    assert report["round_trip_longest_s"] < 2 * RECEIPT_TIMEOUT_S
