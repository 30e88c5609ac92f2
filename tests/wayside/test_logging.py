"""Logging, as a program's stderr shows it."""

import json
import re
import subprocess
import sys

PROGRAM = """
import logging, sys
import structlog
from wayside.logging import configure
configure(*sys.argv[1:])
log = structlog.get_logger().bind(device_id="gate-1")
log.debug("hidden")
log.info("started", zone="dock", detail="", count=3, path=object)
logging.getLogger("library").warning("of a library %d", 7)
logging.getLogger("library").info("chatter of a library")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""


def run(*arguments: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_machines_read_one_json_object_a_line() -> None:
    stdout, stderr = run("info", "auto")
    assert stdout == ""
    started, library, failed = [json.loads(line) for line in stderr.splitlines()]
    assert (started["event"], started["level"], started["count"]) == ("started", "info", 3)
    assert started["device_id"] == "gate-1"
    assert started["timestamp"].endswith("Z")
    assert started["detail"] == ""
    assert library["event"] == "of a library 7"
    assert failed["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_people_read_lines() -> None:
    _, stderr = run("debug", "console")
    assert "hidden" in stderr
    (started,) = [line for line in stderr.splitlines() if "started" in line]
    assert re.match(r"\d\d:\d\d:\d\d \[info", started)
    assert re.search(r"device_id=gate-1 zone=dock count=3 path=", started)
    assert "of a library 7" in stderr
    assert "chatter" not in stderr
    assert "ZeroDivisionError" in stderr


def test_less_can_be_asked_for() -> None:
    _, stderr = run("error", "json")
    assert [json.loads(line)["event"] for line in stderr.splitlines()] == ["failed"]
