"""A real video through the whole line: every event of the outbox is stored, once."""

from pathlib import Path

import pytest

from tests.support.line import Agent, Cloud, Held

WATCHED = {
    "lines": [{"id": "right-exit", "points": [[0.80, 0.99], [0.80, 0.50]]}],
    "rules": [{"id": "leaving", "kind": "line", "line": "right-exit", "classes": ["person"]}],
}
PEOPLE = 6


def assert_nothing_missing_nothing_twice(cloud: Cloud, agent: Agent) -> None:
    """count(*) = count(distinct event_id) = 1..last_seq of every (boot, lane) of the outbox."""
    last_seqs = agent.last_seqs()
    assert last_seqs
    expected = {
        stream: Held(count=last, distinct=last, first_seq=1, last_seq=last)
        for stream, last in last_seqs.items()
    }
    assert cloud.held(agent.device) == expected


@pytest.mark.system
@pytest.mark.timeout(300)
@pytest.mark.parametrize("store", ["duckdb", "influxdb"])
@pytest.mark.parametrize("pubsub", ["embedded", "google"])
def test_every_event_is_stored_once(
    request: pytest.FixtureRequest, tmp_path: Path, video: Path, store: str, pubsub: str
) -> None:
    cloud = Cloud(
        tmp_path / "cloud",
        request.getfixturevalue("influx") if store == "influxdb" else None,
        request.getfixturevalue("google_emulator") if pubsub == "google" else None,
    )
    cloud.start()
    agent = Agent(tmp_path / "agent", cloud.broker_port, video, "yolox-nano", camera=WATCHED)
    agent.program.start()
    assert agent.program.wait(timeout_s=200) == 0, agent.program.output[-3000:]
    assert agent.outbox_rows() == 0, "the agent ends when receipts have emptied its outbox"

    assert_an_operator_sees_what_happened(cloud, agent)
    cloud.stop()
    assert_nothing_missing_nothing_twice(cloud, agent)


def assert_an_operator_sees_what_happened(cloud: Cloud, agent: Agent) -> None:
    (device,) = cloud.ask("/v1/devices")["devices"]
    assert device["device"] == agent.device
    assert device["status"] == "stopped"

    crossings = cloud.ask("/v1/events", kind="line-crossed", order="captured")["events"]
    assert [event["direction"] for event in crossings] == ["a-to-b"] * PEOPLE
    assert {event["class"] for event in crossings} == {"person"}

    counted = sum(row["count"] for row in cloud.ask("/v1/counts", interval="1d")["counts"])
    assert counted == sum(agent.last_seqs().values())
    assert counted == len(all_events(cloud))


def all_events(cloud: Cloud) -> list[str]:
    """Ids of all events, by following the cursor to the end."""
    ids: list[str] = []
    cursor = ""
    while True:
        page = cloud.ask("/v1/events", limit=500, **({"cursor": cursor} if cursor else {}))
        ids += [event["event_id"] for event in page["events"]]
        cursor = page["cursor"]
        if not page["more"]:
            return ids
