"""A real video through the whole line: every event of the outbox is stored, once."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.line import Agent, Cloud, assert_nothing_missing_nothing_twice
from tests.support.processes import wait_until

TRUTH = yaml.safe_load((Path(__file__).parent / "truth/cctv-people-crossings.yaml").read_text())
TOLERANCE_FRAMES = 6
"""The eye's 2, and 4 until an anchor is clear of the line by the margin for 0.2 s, at 10 fps."""


def watched() -> dict[str, Any]:
    """The three lines that were fixed beforehand, and a rule for each."""
    lines = [{"id": line["id"], "points": line["points"]} for line in TRUTH["lines"]]
    rules = [
        {"id": f"over-{line['id']}", "kind": "line", "line": line["id"], "classes": ["person"]}
        for line in lines
    ]
    return {"lines": lines, "rules": rules}


@pytest.mark.system
@pytest.mark.timeout(300)
def test_every_event_is_stored_once(
    request: pytest.FixtureRequest, tmp_path: Path, video: Path, store: str, pubsub: str
) -> None:
    influx = request.getfixturevalue("influx") if store == "influxdb" else None
    emulator = request.getfixturevalue("google_emulator") if pubsub == "google" else None
    with (
        Cloud(tmp_path / "cloud", influx, emulator) as cloud,
        Agent(
            tmp_path / "agent", cloud.broker_port, video, "yolox-nano", camera=watched()
        ) as agent,
    ):
        cloud.start()
        agent.program.start()
        assert agent.program.wait(timeout_s=200) == 0, agent.program.output[-3000:]
        assert agent.outbox_rows() == 0, "the agent ends when receipts have emptied its outbox"
        assert_an_operator_sees_what_happened(cloud, agent)
        cloud.stop()
        assert_nothing_missing_nothing_twice(cloud, agent)


def assert_an_operator_sees_what_happened(cloud: Cloud, agent: Agent) -> None:
    def goodbye_is_known() -> bool:
        devices = cloud.ask("/v1/devices")["devices"]
        return [(d["device"], d["status"]) for d in devices] == [(agent.device, "stopped")]

    wait_until(goodbye_is_known, "the device's goodbye")
    crossings = cloud.ask("/v1/events", kind="line-crossed", order="captured")["events"]
    for line in TRUTH["lines"]:
        seen = [event for event in crossings if event["target"] == line["id"]]
        assert_crossings_are_those_seen_by_eye(line, seen)

    counted = sum(row["count"] for row in cloud.ask("/v1/counts", interval_s=86400)["rows"])
    assert counted == sum(agent.last_seqs().values())
    assert len(set(all_events(cloud))) == counted


def assert_crossings_are_those_seen_by_eye(
    line: dict[str, Any], events: list[dict[str, Any]]
) -> None:
    expected = line["crossings"]
    seen = [(event["frame"], event["direction"]) for event in events]
    print(f"{line['id']}: by eye {[(c['frame'], c['direction']) for c in expected]}, seen {seen}")
    assert len(seen) == len(expected)
    for (frame, direction), truth in zip(seen, expected, strict=True):
        assert direction == truth["direction"]
        assert abs(frame - truth["frame"]) <= TOLERANCE_FRAMES, truth["who"]


def all_events(cloud: Cloud) -> list[str]:
    """Ids of all events, by following the cursor to the end."""
    ids: list[str] = []
    cursor = ""
    while True:
        page = cloud.ask("/v1/events", limit=100, **({"cursor": cursor} if cursor else {}))
        ids += [event["event_id"] for event in page["events"]]
        cursor = page["cursor"]
        if not page["more"]:
            return ids
