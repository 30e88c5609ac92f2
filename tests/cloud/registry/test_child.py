"""A process that may do what it likes: its caller goes on, and knows what it did."""

import os
import signal
import sys
from pathlib import Path

import pytest

from cloud.registry.child import MAX_TOLD_BYTES, Ended, run_apart
from tests.support.processes import wait_until

FOR_EVER = "import time; time.sleep(3600)"


def run(folder: Path, code: str, timeout_s: float = 30.0, job: bytes = b"") -> Ended:
    return run_apart(job, folder, timeout_s, [sys.executable, "-c", code])


def test_what_it_says_is_told_by_the_line(tmp_path: Path) -> None:
    code = "import sys; print(sys.stdin.read()); print('two'); print('cut off', end='')"
    assert run(tmp_path, code, job=b"one") == Ended([b"one", b"two"])


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise SystemExit('no model')", "ended with exit code 1: no model"),
        ("raise SystemExit(3)", "ended with exit code 3"),
        ("import os; os.abort()", "ended with signal 6"),
        ("import os; os.kill(os.getpid(), 9)",
         "was killed, as the kernel does where memory or time runs out"),
        ("import os; os.kill(os.getpid(), 24)",
         "took more time of the processor than it may and was ended"),
    ],
)  # fmt: skip
def test_how_it_ended_is_told_in_words(tmp_path: Path, code: str, why: str) -> None:
    assert run(tmp_path, f"print('begun', flush=True)\n{code}") == Ended([b"begun"], why)


@pytest.mark.parametrize("closes", ["", "import os; os.close(1); "])
def test_who_hangs_is_ended_whether_it_still_talks_or_not(tmp_path: Path, closes: str) -> None:
    ended = run(tmp_path, closes + FOR_EVER, timeout_s=0.5)
    assert ended.why == "took more than 0.5 s and was ended"


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, pathlib\n"
        f"child = subprocess.Popen([sys.executable, '-c', {FOR_EVER!r}], stdout=2)\n"
        "pathlib.Path('pid').write_text(str(child.pid))"
    )
    assert run(tmp_path, code).why == ""
    pid = int((tmp_path / "pid").read_text())

    def is_gone() -> bool:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z")

    wait_until(is_gone, "the end of what it started")


def test_who_talks_without_end_is_ended(tmp_path: Path) -> None:
    ended = run(tmp_path, "while True: print('x' * 4000)")
    assert ended.why == "talked without end and was ended"
    assert sum(map(len, ended.told)) <= MAX_TOLD_BYTES


def test_it_knows_no_secret_of_ours_and_runs_nothing_that_lies_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter-2")
    (tmp_path / "json.py").write_text("raise SystemExit('not the real one')")
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    [line] = run(tmp_path, code).told
    assert b"hunter" not in line
    assert b"PATH" in line


def test_what_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        run_apart(b"", tmp_path / "none", 1.0)
