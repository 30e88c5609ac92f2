"""Every query of the dashboards is answered by the real InfluxDB, filled as ingest fills it."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud.store.influxdb.influxql import Bindings, Database, InfluxQl, Series
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.settings import InfluxDbSettings
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.influxdb import influxdb
from tests.support.stored import Event, crossing, person, stored

FOLDER = Path(__file__).parents[2] / "deploy/grafana"
BOARDS = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("dashboards/*.json")}
S = 1_000_000_000
START_NS = time.time_ns() - 300 * S  # the journal's times are those of storing, so of now
DEVICES = ("cam-box", "gate-box")
UNKNOWN_VARIABLE = re.compile(r"\$(?!/)\w*")


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            yield f"{name}: {panel['title']}", panel


def queries() -> list[tuple[str, str]]:
    return [
        (f"{title}, {target['refId']}", target["query"])
        for title, panel in panels()
        for target in panel["targets"]
    ]


def variables() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{name}: {variable['name']}", variable)
        for name, board in BOARDS.items()
        for variable in board["templating"]["list"]
    ]


def substituted(query: str, **chosen: str) -> str:
    """The query as Grafana sends it, with `All` for what is not chosen."""
    start_ms, end_ms = START_NS // 10**6 - 60_000, START_NS // 10**6 + 600_000
    query = query.replace("$timeFilter", f"time >= {start_ms}ms and time <= {end_ms}ms")
    query = query.replace("$__interval", "1m")
    for variable in ("device", "rule", "class"):
        query = query.replace(f"${variable}$/", f"{chosen.get(variable, '.*')}$/")
    assert not UNKNOWN_VARIABLE.search(query), query
    return query


def device_event(seq: int, kind: "EventBatch.Kind", **content: Any) -> Event:
    return Event(seq=seq, captured_ns=START_NS + seq * S, kind=kind, **content)


def backwards(seq: int) -> Event:
    event = crossing(seq, START_NS + seq * S)
    event.rule_hit.direction = EventBatch.B_TO_A
    event.rule_hit.dwell_s = float(seq)
    return event


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxQl]:
    """Asked as Grafana asks; two devices have sent every kind of event that a panel shows."""
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    try:
        settings = InfluxDbSettings(
            kind="influxdb", url=server.url, bucket=server.bucket, series_per_camera=4
        )
        with closing(InfluxDbStore(settings)) as store:
            for device in DEVICES:
                store.write(stored(*_events(), device=device))
        bucket = Database.of_bucket(server.bucket)
        with closing(InfluxQl(server.url, bucket, "", 10.0, None)) as asked:
            yield asked
    finally:
        server.stop()


def _events() -> list[Event]:
    lost = EventBatch.LostRange(boot=7, lane=EventBatch.LANE_STATE, first_seq=1, count=5)
    return [
        *(crossing(seq, START_NS + seq * S) for seq in range(1, 6)),
        *(backwards(seq) for seq in range(6, 11)),
        person(11, START_NS + 11 * S),
        device_event(
            12, EventBatch.CAMERA_STATE, camera="door",
            camera_status=EventBatch.CameraStatus(state="open", detail="rtsp"),
        ),
        device_event(
            13, EventBatch.EVENTS_LOST, events_lost=EventBatch.EventsLost(ranges=[lost])
        ),
        *(person(seq, START_NS + seq * S, class_name=f"thing-{seq}") for seq in range(14, 20)),
    ]  # fmt: skip


def ask(database: InfluxQl, query: str) -> list[Series]:
    [answer] = database.ask([query], Bindings())
    return answer


def rows(database: InfluxQl, query: str) -> list[dict[str, Any]]:
    return [row for series in ask(database, query) for row in series.dicts()]


@pytest.mark.parametrize("query", [q for _, q in queries()], ids=[title for title, _ in queries()])
def test_query_of_a_panel_returns_rows(database: InfluxQl, query: str) -> None:
    found = rows(database, substituted(query))
    assert any(value is not None for row in found for key, value in row.items() if key != "time")


@pytest.mark.parametrize("query", [q for _, q in queries() if "$device" in q],
                         ids=[title for title, q in queries() if "$device" in q])  # fmt: skip
def test_panel_shows_the_chosen_device_only(database: InfluxQl, query: str) -> None:
    assert rows(database, substituted(query, device="gate-box"))
    assert not any(
        value
        for row in rows(database, substituted(query, device="nobody"))
        for key, value in row.items()
        if key != "time"
    )


@pytest.mark.parametrize("variable", [one for _, one in variables()],
                         ids=[title for title, _ in variables()])  # fmt: skip
def test_variable_offers_values(database: InfluxQl, variable: dict[str, Any]) -> None:
    offered = {row["value"] for row in rows(database, substituted(variable["query"]))}
    expected = {"device": set(DEVICES), "rule": {"door-line"}, "class": {"person", "other"}}
    assert offered >= expected[variable["name"]]


def the_query(title: str) -> str:
    [query] = [one for name, one in queries() if name.startswith(title)]
    return substituted(query)


@pytest.mark.parametrize(
    ("title", "column", "expected"),
    [
        ("fleet: Devices that sent", "count", 2),
        ("fleet: Events, A", "sum", 38),
        ("fleet: Events lost, A", "sum", 10),
        ("fleet: Events stored", "sum", 38),
        ("events: Dwell by rule", "p50", 1.5),
        ("events: Dwell by rule", "p90", 9.0),
        ("events: Events by rule", "count", 20),
        ("events: Crossings by direction, B", "count", 10),
    ],
)
def test_panel_tells_the_truth(
    database: InfluxQl, title: str, column: str, expected: float
) -> None:
    assert sum(row[column] or 0 for row in rows(database, the_query(title))) == expected


def test_series_of_each_device_are_what_the_budget_let_in(database: InfluxQl) -> None:
    by_device = {
        device: sum(
            row["series"]
            for series in ask(database, the_query("fleet: Series of each device"))
            if series.tags["device"] == device
            for row in series.dicts()
        )
        for device in DEVICES
    }
    in_all = sum(row["count"] for row in rows(database, the_query("fleet: Series in the bucket")))
    assert by_device["cam-box"] == by_device["gate-box"] > 4
    assert in_all >= sum(by_device.values()) + len(DEVICES), "the journal's, one a device"


def test_single_numbers_come_of_one_series_or_are_summed(database: InfluxQl) -> None:
    for title, panel in panels():
        if panel["type"] == "stat" and "transformations" not in panel:
            [target] = panel["targets"]
            assert len(ask(database, substituted(target["query"]))) == 1, title


def test_dashboards_use_the_provisioned_source() -> None:
    [source] = yaml.safe_load((FOLDER / "datasources/wayside.yaml").read_text())["datasources"]
    used = {panel["datasource"]["uid"] for _, panel in panels()}
    used |= {target["datasource"]["uid"] for _, panel in panels() for target in panel["targets"]}
    used |= {variable["datasource"]["uid"] for _, variable in variables()}
    assert used == {source["uid"]}
    assert source["url"].startswith("https://")
    assert all(text.find("$__file{") >= 0 for text in source["secureJsonData"].values())


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_panels_lie_on_the_grid_without_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[name]["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert len(ids) == len(set(ids))
