"""What an idle device costs a link that somebody pays by the byte.

Eight cameras, TLS with certificates, and what a modem would carry: heartbeats, probes of the
connection, their acknowledgements, and looks into the signed repository. `QUIET_S` seconds are
measured and scaled to a day.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.quiet_scene import Counted

SECONDS = float(os.environ.get("QUIET_S", "600"))
DAY_S = 86_400.0
LOOK_EVERY_S = 21_600.0
"""As an agent's settings have it unless they say otherwise."""

OFTEN_S = 10.0
"""Between two looks, where what a look costs is measured."""

MAX_BYTES_A_DAY = 2_000_000

pytestmark = [
    pytest.mark.system, pytest.mark.deep, pytest.mark.timeout(SECONDS + 300),
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"),
        reason="a network of one's own takes root, unshare and ip",
    ),
]  # fmt: skip


def scene(folder: Path, cameras: int, seconds: float, look_every_s: float) -> Counted:
    """What goes over the network of one device, which is alone on it."""
    arguments = [str(folder), str(cameras), str(seconds), str(look_every_s)]
    ended = subprocess.run(
        ["unshare", "--net", sys.executable, "-m", "tests.support.quiet_scene", *arguments],
        capture_output=True, text=True, timeout=seconds + 240, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    return Counted(**json.loads(ended.stdout.splitlines()[-1]))


def test_an_idle_device_takes_two_megabytes_a_day_at_most(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        looking = threads.submit(scene, tmp_path / "looks", 1, min(SECONDS, 120), OFTEN_S)
        single = threads.submit(scene, tmp_path / "one", 1, SECONDS, LOOK_EVERY_S)
        eight = threads.submit(scene, tmp_path / "eight", 8, SECONDS, LOOK_EVERY_S).result()
    a_look = looking.result().all_bytes / looking.result().looks
    looks_a_day = a_look * DAY_S / LOOK_EVERY_S
    for cameras, found in ((1, single.result()), (8, eight)):
        assert found.looks == 0, "what a look costs is reckoned apart"
        assert found.heartbeats >= 1
        day = found.bytes / found.seconds * DAY_S + looks_a_day
        print(
            f"{cameras} cameras: {found.bytes:,} bytes in {found.seconds:.0f} s with "
            f"{found.heartbeats} heartbeats; a look {a_look:,.0f} bytes; "
            f"{day / 1e6:.2f} MB a day"
        )
        assert day <= MAX_BYTES_A_DAY
