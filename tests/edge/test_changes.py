"""What a running agent can take over, and what it cannot."""

from pathlib import Path
from typing import Any

from edge.changes import Changes, changes
from edge.settings import EdgeSettings, load
from tests.support.small_agent import small_agent

ZONES = [{"id": "gate", "points": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.1]]}]
YARD = {"id": "yard", "source": "rtsp://192.0.2.1/a"}
GATE = {"id": "gate", "source": "rtsp://192.0.2.2/b", "zones": ZONES}
ROOF = {"id": "roof", "source": "rtsp://192.0.2.3/c"}


def settings(folder: Path, cameras: list[dict[str, Any]], **more: Any) -> EdgeSettings:
    return load(small_agent(folder, cameras=cameras, **more))


def test_nothing_changed_is_no_change(tmp_path: Path) -> None:
    old = settings(tmp_path, [YARD, GATE])
    assert not changes(old, settings(tmp_path, [YARD, GATE]))
    assert not changes(old, settings(tmp_path, [GATE, YARD]))


def test_cameras_come_go_begin_anew_and_get_rules(tmp_path: Path) -> None:
    old = settings(tmp_path, [YARD, GATE])
    rules = [{"id": "at-gate", "kind": "zone", "zone": "gate"}]
    new = settings(tmp_path, [{**GATE, "rules": rules}, ROOF])
    found = changes(old, new)
    assert found == Changes(removed=("yard",), added=(new.cameras[1],), ruled=(new.cameras[0],))
    assert found.told == {"removed": ["yard"], "added": ["roof"], "new_rules": ["gate"]}


def test_more_than_rules_begins_a_camera_anew(tmp_path: Path) -> None:
    old = settings(tmp_path, [YARD, GATE])
    new = settings(tmp_path, [{**YARD, "max_frame_age_ms": 10}, {**GATE, "zones": [], "fps": 5}])
    assert changes(old, new) == Changes(replaced=new.cameras)


def test_what_needs_a_restart_is_told_by_its_key(tmp_path: Path) -> None:
    old = settings(tmp_path, [YARD])
    sensor = {"id": "gps", "kind": "gps", "source": "gpsd://127.0.0.1:2947"}
    new = settings(
        tmp_path, [ROOF], mqtt={"port": 2, "keepalive_s": 9}, sensors=[sensor], device="gate-9"
    )
    assert changes(old, new).restart == ("device", "mqtt.port", "mqtt.keepalive_s", "sensors")


def test_a_network_that_is_not_loaded_needs_a_restart(tmp_path: Path) -> None:
    more = {"models": {"other": {"name": "tiny.yaml"}}}
    yard = {**YARD, "model": "other"}
    old = settings(tmp_path, [yard], **more)
    (told,) = changes(old, settings(tmp_path, [yard, ROOF], **more)).restart
    assert told.startswith("cameras[1]'s network '")
    assert told.endswith("tiny.yaml', which is not loaded")
