"""How a process ends: seen from outside, in real processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.processes import wait_until
from wayside.process import EXIT_CRASH_ONLY, dying_with_parent

WAITING = """
import threading
from wayside.process import stop_on_signals
stop = stop_on_signals()
print("ready", flush=True)
stop.wait()
print("asked", flush=True)
{then}
print("ended", flush=True)
"""


def begin(program: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_signal_asks_and_the_process_ends_in_order() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        process = begin(WAITING.format(then=""))
        assert line(process) == "ready"
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
        assert out.split() == ["asked", "ended"]
        assert process.returncode == 0


def test_a_second_signal_ends_it_at_once() -> None:
    process = begin(WAITING.format(then="threading.Event().wait()"))
    assert line(process) == "ready"
    process.send_signal(signal.SIGTERM)
    assert line(process) == "asked"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_hangup_calls_as_often_as_it_comes() -> None:
    process = begin(
        "import threading\n"
        "from wayside.process import on_hangup\n"
        "on_hangup(lambda: print('asked', flush=True))\n"
        "print('ready', flush=True)\n"
        "threading.Event().wait()\n"
    )
    assert line(process) == "ready"
    for _ in range(3):
        process.send_signal(signal.SIGHUP)
        assert line(process) == "asked"
    process.kill()
    process.communicate(timeout=20)


def test_a_crash_says_why_shows_every_thread_and_exits_70() -> None:
    process = begin(
        "import threading\n"
        "from wayside.logging import configure\n"
        "from wayside.process import crash\n"
        "configure()\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "crash('the outbox is stuck', seconds=30)\n"
    )
    _, err = process.communicate(timeout=20)
    assert process.returncode == EXIT_CRASH_ONLY
    assert "the outbox is stuck" in err
    assert err.count("most recent call first") == 2


def test_a_thread_that_dies_ends_the_process() -> None:
    process = begin(
        "import threading, sys\n"
        "from wayside.logging import configure\n"
        "from wayside.process import crash_on_thread_errors\n"
        "configure()\n"
        "crash_on_thread_errors()\n"
        "quiet = threading.Thread(target=sys.exit)\n"
        "quiet.start()\n"
        "quiet.join()\n"
        "print('lives', flush=True)\n"
        "threading.Thread(target=lambda: 1 / 0, name='worker').start()\n"
        "threading.Event().wait()\n"
    )
    out, err = process.communicate(timeout=20)
    assert out.strip() == "lives"
    assert process.returncode == EXIT_CRASH_ONLY
    assert "ZeroDivisionError" in err
    assert "worker" in err


def test_what_stands_at_the_start_is_not_collected_again() -> None:
    process = begin(
        "import gc\n"
        "from wayside.process import frozen_heap\n"
        "made = [[]]\n"
        "def collected():\n"
        "    return any(one is made for one in gc.get_objects())\n"
        "with frozen_heap():\n"
        "    print(gc.get_freeze_count() > 1000, collected())\n"
        "print(gc.get_freeze_count(), collected())\n"
    )
    out, _ = process.communicate(timeout=20)
    assert out.split() == ["True", "False", "0", "True"]


def test_a_child_dies_with_its_parent() -> None:
    parent = begin(
        "import subprocess, sys, threading\n"
        "from wayside.process import dying_with_parent\n"
        "child = subprocess.Popen(dying_with_parent(['sleep', '600']))\n"
        "print(child.pid, flush=True)\n"
        "threading.Event().wait()\n"
    )
    child = int(line(parent))
    os.kill(child, 0)
    parent.kill()
    parent.communicate(timeout=20)

    def gone() -> bool:
        status = Path(f"/proc/{child}/status")
        return not status.exists() or "State:\tZ" in status.read_text()

    wait_until(gone, "the child's end")
    assert parent.returncode == -signal.SIGKILL


def test_a_child_whose_parent_is_gone_already_does_not_begin() -> None:
    parent = begin(
        "import json\n"
        "from wayside.process import dying_with_parent\n"
        "print(json.dumps(dying_with_parent(['echo', 'lives'])))\n"
    )
    out, _ = parent.communicate(timeout=20)
    orphan = subprocess.run(json.loads(out), stdout=subprocess.PIPE, timeout=20, check=False)
    assert orphan.stdout == b""
    mine = subprocess.run(dying_with_parent(["echo", "lives"]), stdout=subprocess.PIPE, check=True)
    assert mine.stdout == b"lives\n"
