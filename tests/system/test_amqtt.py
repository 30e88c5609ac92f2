"""The line without a Mosquitto: amqtt speaks MQTT 3.1.1 only, and remembers nothing."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.line import Agent, Cloud, assert_nothing_missing_nothing_twice


def beginning(video: Path, folder: Path, seconds: int) -> Path:
    """The first seconds of a video, as they are."""
    cut = folder / "beginning.mp4"
    copy = ["ffmpeg", "-v", "error", "-i", str(video), "-t", str(seconds), "-c", "copy", str(cut)]
    subprocess.run(copy, check=True, stdin=subprocess.DEVNULL)
    return cut


@pytest.mark.system
@pytest.mark.timeout(180)
def test_every_event_arrives_through_amqtt(tmp_path: Path, video: Path) -> None:
    cloud = Cloud(tmp_path / "cloud")
    settings = yaml.safe_load(cloud.config.read_text())
    settings["broker"]["kind"] = "amqtt"
    cloud.config.write_text(yaml.safe_dump(settings))
    cut = beginning(video, tmp_path, 30)
    # amqtt does not answer MQTT 5 at all, so that this is how long the agent tries it.
    mqtt = {"port": cloud.broker_port, "connect_timeout_s": 2.0}
    with (
        cloud,
        Agent(tmp_path / "agent", cloud.broker_port, cut, "fastestdet", mqtt=mqtt) as agent,
    ):
        cloud.start()
        agent.program.start()
        assert agent.program.wait(timeout_s=90) == 0, agent.program.output[-3000:]
        assert agent.outbox_rows() == 0, "the agent ends when receipts have emptied its outbox"
        assert '"protocol": "3.1.1"' in agent.program.output
        assert "no shared subscriptions on MQTT 3.1.1" in cloud.program.output
        assert sum(agent.last_seqs().values()) >= 10
        cloud.stop()
        assert_nothing_missing_nothing_twice(cloud, agent)
