"""Every part is killed at random points, and nothing is missing and nothing twice.

The seed of a run is printed; `WAYSIDE_SEED=1234 make test` repeats it.
"""

import os
import random
import subprocess
import time
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.support.line import Agent, Cloud, assert_nothing_missing_nothing_twice

Victim = Literal["agent", "broker", "bridge", "pubsub", "serve"]
VICTIMS: tuple[Victim, ...] = ("agent", "broker", "bridge", "pubsub", "serve")


def grid(columns: int, rows: int) -> dict[str, Any]:
    """A zone rule for each cell of the picture, so that whoever walks makes many events."""
    zones = [
        {
            "id": f"cell-{row}-{column}",
            "points": [
                [x / columns, y / rows]
                for x, y in [
                    (column, row),
                    (column + 1, row),
                    (column + 1, row + 1),
                    (column, row + 1),
                ]
            ],
        }
        for row in range(rows)
        for column in range(columns)
    ]
    rules = [
        {"id": f"in-{zone['id']}", "kind": "zone", "zone": zone["id"], "min_s": 0, "margin": 0,
         "anchor": "centre"}
        for zone in zones
    ]  # fmt: skip
    return {"zones": zones, "rules": rules}


def kill(rng: random.Random, cloud: Cloud, agent: Agent, victim: Victim) -> int:
    """Kill one part while events are on their way; returns how many had no receipt then."""
    wait_for_a_receipt(agent)
    time.sleep(rng.uniform(0.0, 0.5))  # the random point; nothing is waited for
    while not agent.status()["outbox"]["rows"]:
        pass
    if victim == "agent":
        agent.program.kill()
        unreceipted = agent.outbox_rows()
        agent.program.start()
        return unreceipted
    cloud.kill(victim)
    killed_ns = time.time_ns()
    # Nothing new is captured before the kill: an older row stood without a receipt at that time.
    after = agent.status(since_ns=killed_ns)["outbox"]
    return int(after["rows"]) if 0 < after["oldest_ns"] < killed_ns else 0


def wait_for_a_receipt(agent: Agent) -> None:
    """The line works again, end to end, whatever was killed before."""
    before = agent.status(since_ns=time.time_ns())["forwarder"]["receipts"]
    begun_s = time.monotonic()
    while agent.status()["forwarder"]["receipts"] <= before:
        assert time.monotonic() - begun_s < 60, "no receipt within a minute"
    print(f"receipts flow after {time.monotonic() - begun_s:.1f} s")


@pytest.fixture(scope="module")
def walk(video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A man in a picture that sways, so that he enters and leaves zones without an end."""
    clip = tmp_path_factory.mktemp("clip") / "walk.mp4"
    sway = "crop=iw-160:ih:80+80*sin(2*PI*t/2):0"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-ss", "23", "-t", "20", "-i", str(video), "-an", "-vf", sway,
         str(clip)],
        check=True,
    )  # fmt: skip
    return clip


def survive(tmp_path: Path, video: Path, kills: int) -> None:
    seed = int(os.environ.get("WAYSIDE_SEED") or random.randrange(10**6))
    print(f"seed {seed}")
    rng = random.Random(seed)
    # The video runs live and in a loop, so that there are events for as long as there are kills.
    camera = {**grid(9, 8), "pace": "live", "loop": True}
    with (
        Cloud(tmp_path / "cloud") as cloud,
        Agent(tmp_path / "agent", cloud.broker_port, video, "yolox-nano", camera=camera) as agent,
    ):
        cloud.start()
        agent.program.start()
        kill_all(rng, cloud, agent, kills)
        wait_for_a_receipt(agent)
        assert agent.program.stop() == 0, agent.program.output[-3000:]
        assert agent.drain(timeout_s=90) == 0
        assert agent.outbox_rows() == 0
        cloud.stop()
        assert_nothing_missing_nothing_twice(cloud, agent)


def kill_all(rng: random.Random, cloud: Cloud, agent: Agent, kills: int) -> None:
    """So many kills that count; one after which every row had its receipt already does not."""
    victims = [VICTIMS[index % len(VICTIMS)] for index in range(kills)]
    rng.shuffle(victims)
    for number, victim in enumerate(victims, 1):
        while (unreceipted := kill(rng, cloud, agent, victim)) == 0:
            print(f"{victim} killed with no row on its way: does not count")
        print(f"kill {number}/{kills}: {victim} with {unreceipted} rows without a receipt")


@pytest.mark.system
@pytest.mark.timeout(400)
def test_line_survives_kills(tmp_path: Path, walk: Path) -> None:
    survive(tmp_path, walk, kills=20)


@pytest.mark.system
@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_line_survives_many_kills(tmp_path: Path, walk: Path) -> None:
    survive(tmp_path, walk, kills=200)
