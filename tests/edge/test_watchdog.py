import subprocess
import sys
import time

from edge.watchdog import Watchdog
from wayside.process import EXIT_CRASH_ONLY


def test_idle_is_not_stuck() -> None:
    watchdog = Watchdog(10)
    with watchdog.working("inference"):
        pass
    assert watchdog.stuck(time.monotonic() + 1e6) is None


def test_work_is_stuck_when_it_takes_too_long() -> None:
    watchdog = Watchdog(10)
    with watchdog.working("inference"):
        assert watchdog.stuck(time.monotonic() + 9) is None
        assert watchdog.stuck(time.monotonic() + 11) == "inference"
    assert watchdog.stuck(time.monotonic() + 11) is None


def test_the_one_piece_of_several_that_is_stuck_is_named() -> None:
    watchdog = Watchdog(10)
    with watchdog.working("outbox"):
        late_s = time.monotonic() + 11
        with watchdog.working("inference"):
            assert watchdog.stuck(late_s) in ("outbox", "inference")
        assert watchdog.stuck(late_s) == "outbox"


def run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", f"from edge.watchdog import *\n{program}"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_a_stuck_process_ends_with_every_stack() -> None:
    ended = run(
        "def engine_that_never_returns():\n"
        "    threading.Event().wait()\n"
        "with Watchdog(0.3) as watchdog, watchdog.working('inference'):\n"
        "    engine_that_never_returns()\n"
    )
    assert ended.returncode == EXIT_CRASH_ONLY
    assert "inference" in ended.stdout + ended.stderr
    assert "engine_that_never_returns" in ended.stderr


def test_a_process_whose_interpreter_is_stuck_ends_too() -> None:
    ended = run(
        "import ctypes\n"
        "def holds_the_gil():\n"
        "    ctypes.PyDLL(None).sleep(60)\n"
        "with Watchdog(0.3, tick_s=0.1, grace_s=0.3):\n"
        "    holds_the_gil()\n"
    )
    assert ended.returncode == 1
    assert "holds_the_gil" in ended.stderr


def test_a_process_that_works_lives_on() -> None:
    ended = run(
        "with Watchdog(0.4, tick_s=0.05, grace_s=0.04) as watchdog:\n"
        "    for _ in range(40):\n"
        "        with watchdog.working('inference'):\n"
        "            time.sleep(0.02)\n"
        "time.sleep(0.49)\n"
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_it_says_that_nothing_is_stuck_until_something_is() -> None:
    ended = run(
        "with Watchdog(0.5, tick_s=0.05, alive=lambda: print('alive', flush=True)) as watchdog:\n"
        "    time.sleep(0.3)\n"
        "    with watchdog.working('inference'):\n"
        "        threading.Event().wait()\n"
    )
    assert ended.returncode == EXIT_CRASH_ONLY
    assert 3 <= ended.stdout.count("alive") <= 20
