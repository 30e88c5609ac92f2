"""The broker is away for a whole video: everything arrives later, in the order of the frames."""

import time
from pathlib import Path

import pytest

from tests.support.line import Agent, Cloud, assert_nothing_missing_nothing_twice
from tests.support.processes import wait_until


@pytest.mark.system
@pytest.mark.timeout(300)
def test_video_without_a_broker_arrives_whole(tmp_path: Path, video: Path) -> None:
    with (
        Cloud(tmp_path / "cloud") as cloud,
        Agent(tmp_path / "agent", cloud.broker_port, video, "fastestdet") as agent,
    ):
        agent.program.start()
        wait_until(lambda: "all sources have ended" in agent.program.output, "the end", 200)
        waiting = agent.status(since_ns=time.time_ns())["outbox"]["rows"]
        assert waiting > 0

        cloud.start()
        assert agent.program.wait(timeout_s=60) == 0, agent.program.output[-3000:]
        assert agent.outbox_rows() == 0
        events = cloud.ask("/v1/events", order="captured", limit=1000)["events"]
        assert len(events) == waiting
        frames = [event["frame"] for event in events]
        assert frames == sorted(frames)
        assert waiting == sum(agent.last_seqs().values())
        cloud.stop()
        assert_nothing_missing_nothing_twice(cloud, agent)
