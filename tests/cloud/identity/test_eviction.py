"""Whom SIGHUP is sent to; the eviction itself is in tests/integration/test_identity.py."""

import os
import subprocess
from pathlib import Path

import pytest

from cloud.errors import IdentityError
from cloud.identity.eviction import reload_broker


def refused(pid_file: Path) -> str:
    with pytest.raises(IdentityError) as error:
        reload_broker(pid_file)
    return str(error.value)


def test_process_that_is_no_mosquitto_is_left_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "mosquitto.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    said = refused(pid_file)  # SIGHUP would have ended this test
    assert f"process {os.getpid()} is " in said
    assert said.endswith("not mosquitto")


def test_stale_missing_and_damaged_pid_files_are_told(tmp_path: Path) -> None:
    pid_file = tmp_path / "mosquitto.pid"
    assert refused(pid_file) == f"{pid_file}: no mosquitto runs under it"
    ended = subprocess.Popen(["true"])
    ended.wait()
    pid_file.write_text(str(ended.pid))
    assert refused(pid_file) == f"{pid_file}: no mosquitto runs under it"
    pid_file.write_text("-1")
    assert refused(pid_file) == f"{pid_file}: no mosquitto runs under it"
    pid_file.write_text("no number")
    assert refused(pid_file) == f"{pid_file} holds no process id"
    assert refused(tmp_path) == f"{tmp_path}: Is a directory; run this as who may"
