"""Threads of the agent share one heap."""

import os
import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, threading
from wayside.malloc import keep_one_heap
{begin}
together = threading.Barrier(8)
def work():
    together.wait()
    held = [bytearray(100_000) for _ in range(50)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
ctypes.CDLL(None).malloc_stats()
"""


def arenas(begin: str, **environment: str) -> int:
    """Heaps that malloc_stats(3) tells of after eight threads have allocated at once."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(begin=begin)],
        env={**ours, **environment}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return ended.stderr.count("Arena ")


_HOLES = """
import os, time
from pathlib import Path
from wayside.malloc import giving_back, keep_one_heap
keep_one_heap()
def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20
frames = [bytearray(b"x") * 3_000_000 for _ in range(12)]
del frames[:-1]  # one at the upper end holds the heap up
held = resident_mb()
with giving_back(0.01):
    until_s = time.monotonic() + 20
    while resident_mb() > held - 25 and time.monotonic() < until_s:
        time.sleep(0.01)
    print(held, resident_mb())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heap is glibc's")
def test_holes_are_given_back() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _HOLES], capture_output=True, text=True, timeout=60, check=True
    )
    held, left = map(int, ended.stdout.split())
    assert left <= held - 25, "eleven frames of 3 MB"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_threads_share_one_heap() -> None:
    assert arenas("pass") > 1, "they would have heaps of their own"
    assert arenas("keep_one_heap()") == 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_the_environment_is_stronger() -> None:
    assert arenas("keep_one_heap()", MALLOC_ARENA_MAX="4") > 1
