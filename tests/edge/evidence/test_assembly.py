"""An agent with evidence: events, pictures and clips that belong together, and nothing unasked."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloud.evidence.snapshots import checked
from edge import settings as edge_settings
from edge.evidence.assembly import CamerasEvidence
from edge.evidence.stats import EvidenceStats
from edge.publish.schema import FILE_NAME
from edge.rules.port import Event
from protos.ids import EventId, Lane, parse_boot
from protos.v1.snapshot_pb2 import Snapshot
from tests.support.edge_command import call
from tests.support.small_agent import DEVICE, busy_camera, small_agent, write_busy_model
from tests.support.stills import played

EVIDENCE = {
    "pictures": {"enabled": True, "of": "objects"},
    "clips": {"enabled": True, "before_s": 0.4, "after_s": 0.4, "max_s": 60},
}


def agent(folder: Path, **camera: Any) -> Path:
    """Settings of an agent that reads a short file to its end; its rules hit many times."""
    write_busy_model(folder)
    busy = busy_camera(folder, fps=10.0)
    del busy["pace"], busy["loop"]
    return small_agent(folder, model={"name": "busy.yaml"}, cameras=[{**busy, **camera}])


def rows(folder: Path) -> dict[EventId, bytes]:
    """What waits in the outbox."""
    with closing(sqlite3.connect(folder / "data" / FILE_NAME)) as database:
        found = database.execute(
            "SELECT boot, lane, seq, payload FROM events JOIN boots USING (age)"
        ).fetchall()
    return {
        EventId(DEVICE, parse_boot(boot), Lane(lane), seq): payload
        for boot, lane, seq, payload in found
    }


def test_events_pictures_and_clips_belong_together(tmp_path: Path) -> None:
    config = agent(tmp_path, evidence=EVIDENCE)
    result = call("run", "-c", config)
    assert result.exit_code == 0, result.stderr
    held = rows(tmp_path)
    events = {
        one: Event.FromString(payload)
        for one, payload in held.items()
        if one.lane is not Lane.EVIDENCE
    }
    pictures = {
        str(checked(Snapshot.FromString(payload)))
        for one, payload in held.items()
        if one.lane is Lane.EVIDENCE
    }
    assert pictures
    assert {event.snapshot_id for event in events.values()} - {""} == pictures
    hits = {str(one) for one in events if one.lane is Lane.ALARM}
    assert all(events[one].snapshot_id for one in events if one.lane is Lane.ALARM)
    sidecars = [json.loads(path.read_text()) for path in tmp_path.glob("data/clips/busy/*.json")]
    assert {one["event_id"] for told in sidecars for one in told["events"]} == hits
    for told in sidecars:
        images = played(str(tmp_path / "data/clips/busy" / told["file"]))[1]
        assert len(images) == told["frames"] > 0


def test_clips_are_listed(tmp_path: Path) -> None:
    config = agent(tmp_path, evidence={"clips": EVIDENCE["clips"]})
    none = call("clips", "-c", config)
    assert (none.exit_code, none.stdout) == (0, f"no clips in {tmp_path}/data/clips\n")
    assert call("run", "-c", config).exit_code == 0
    listing = call("clips", "-c", config, "--camera", "busy")
    assert listing.exit_code == 0
    assert "zone-entered in-strip" in listing.stdout
    assert str(tmp_path / "data/clips/busy") in listing.stdout
    wrong = call("clips", "-c", config, "--camera", "door")
    assert wrong.exit_code == 2
    assert "no camera 'door'; known: busy" in wrong.stderr


def test_nothing_is_hidden_or_kept_unasked(tmp_path: Path) -> None:
    config = agent(tmp_path)
    settings = edge_settings.load(config)
    with CamerasEvidence(settings) as evidence:
        assert evidence.of(settings.cameras[0]) is None
        assert evidence.stats(["busy"]) == EvidenceStats()
    assert call("run", "-c", config).exit_code == 0
    assert {one.lane for one in rows(tmp_path)} == {Lane.ALARM, Lane.STATE}
    assert not (tmp_path / "data" / "clips").exists()


def test_a_camera_may_get_and_lose_clips_while_the_agent_runs(tmp_path: Path) -> None:
    """Its pipeline begins anew, with what it is to keep from then on."""
    plain = edge_settings.load(agent(tmp_path))
    (keeps,) = edge_settings.load(agent(tmp_path, evidence=EVIDENCE)).cameras
    with CamerasEvidence(plain) as evidence:
        assert evidence.of(plain.cameras[0]) is None
        made = evidence.of(keeps)
        assert made is not None
        with made:
            assert made.wants_pictures
            assert evidence.stats(["busy"]).cameras["busy"].recorder.clips == 0
        assert not evidence.stats([]).cameras, "the camera is no more"
        assert evidence.of(plain.cameras[0]) is None
        told = evidence.stats(["busy"])
        assert not told.cameras
        assert told.clips is not None


@pytest.mark.parametrize(
    ("camera", "told"),
    [
        ({"privacy": [{"polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}]}, "crosses or touches itself"),
        ({"privacy": [{"polygon": [[0, 0], [1, 1]]}]}, "at least 3 items"),
        ({"privacy": [{"polygon": [[0, 0], [2, 0], [0, 1]]}]}, "less than or equal to 1"),
        (
            {"evidence": {"clips": {"before_s": 10, "after_s": 10, "max_s": 15}}},
            "max_s, 15, is less",
        ),
        ({"evidence": {"clips": {"kinds": ["theft"]}}}, "kinds[0]"),
        ({"evidence": {"pictures": {"max_bytes": 10_000_000}}}, "less than or equal to 524288"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, camera: dict[str, Any], told: str) -> None:
    result = call("validate", "-c", agent(tmp_path, **camera))
    assert result.exit_code == 2
    assert told in result.stderr
