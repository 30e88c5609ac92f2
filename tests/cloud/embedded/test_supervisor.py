"""Children that are started again when they die."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.embedded.supervisor import Part, Supervisor
from cloud.errors import StartError
from tests.support.processes import wait_until


def script(tmp_path: Path, name: str, body: str) -> Part:
    """A part that says that it is ready by making a file, and notes each of its starts."""
    code = f"""
import os, pathlib, signal, sys
folder = pathlib.Path({str(tmp_path)!r})
with (folder / "{name}.starts").open("a") as starts:
    starts.write(f"{{os.getpid()}}\\n")
{body}
"""
    return Part(name, [sys.executable, "-c", code], (tmp_path / f"{name}.starts").exists, 10.0)


def starts(tmp_path: Path, name: str) -> list[int]:
    return [int(line) for line in (tmp_path / f"{name}.starts").read_text().splitlines()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


FOR_EVER = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_part_that_is_killed_is_started_again(tmp_path: Path, stop: threading.Event) -> None:
    supervisor = Supervisor(stop, pid_dir=tmp_path)
    supervisor.start(script(tmp_path, "server", "signal.pause()"))

    def kill_twice() -> None:
        os.kill(starts(tmp_path, "server")[-1], signal.SIGKILL)
        wait_until(lambda: len(starts(tmp_path, "server")) == 2, "the second start")
        os.kill(starts(tmp_path, "server")[-1], signal.SIGKILL)
        wait_until(lambda: len(starts(tmp_path, "server")) == 3, "the third start")
        stop.set()

    killer = threading.Thread(target=kill_twice)
    killer.start()
    supervisor.watch()
    killer.join()
    last = starts(tmp_path, "server")[-1]
    assert int((tmp_path / "server.pid").read_text()) == last
    assert alive(last)
    supervisor.shut_down()
    assert not alive(last)


def test_parts_end_in_reverse_order(tmp_path: Path, stop: threading.Event) -> None:
    body = """
def end(*_):
    with (folder / "ended").open("a") as ended:
        ended.write("{name} ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
(folder / "{name}.handles").touch()
signal.pause()
"""
    supervisor = Supervisor(stop)
    for name in ("first", "second"):
        supervisor.start(script(tmp_path, name, body.format(name=name)))
        wait_until((tmp_path / f"{name}.handles").exists, "the signal handler")
    supervisor.shut_down()
    assert (tmp_path / "ended").read_text() == "second first "


def test_part_that_ignores_sigterm_is_killed(tmp_path: Path, stop: threading.Event) -> None:
    body = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
(folder / "deaf").touch()
while True:
    signal.pause()
"""
    supervisor = Supervisor(stop, stop_timeout_s=0.2)
    supervisor.start(script(tmp_path, "server", body))
    wait_until((tmp_path / "deaf").exists, "the signal handler")
    supervisor.shut_down()
    assert not alive(starts(tmp_path, "server")[0])


def test_part_that_ends_at_once_cannot_be_started(stop: threading.Event) -> None:
    part = Part("server", [sys.executable, "-c", "raise SystemExit(3)"], lambda: False)
    with pytest.raises(StartError, match="server ended with exit code 3"):
        Supervisor(stop).start(part)


def test_part_that_never_gets_ready_cannot_be_started(stop: threading.Event) -> None:
    part = Part("server", FOR_EVER, lambda: False, 0.2)
    supervisor = Supervisor(stop)
    with pytest.raises(StartError, match="server is not ready after 0.2 s"):
        supervisor.start(part)
    supervisor.shut_down()


def test_what_a_part_lacks_is_told(stop: threading.Event) -> None:
    part = Part("serve", FOR_EVER, lambda: False, 0.2, lacking=lambda: "the store is away")
    supervisor = Supervisor(stop)
    with pytest.raises(StartError, match="serve is not ready after 0.2 s: the store is away"):
        supervisor.start(part)
    supervisor.shut_down()


def test_part_that_refuses_its_settings_is_not_started_again(
    tmp_path: Path, stop: threading.Event
) -> None:
    supervisor = Supervisor(stop)
    supervisor.start(script(tmp_path, "server", "sys.exit(2)"))
    with pytest.raises(StartError, match="server refused its settings"):
        supervisor.watch()


def test_program_that_is_missing_is_named(stop: threading.Event) -> None:
    with pytest.raises(StartError, match="cannot start no-such-program"):
        Supervisor(stop).start(Part("server", ["no-such-program"], lambda: True))
