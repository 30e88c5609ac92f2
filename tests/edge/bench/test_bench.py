"""The bench as a command: tables and JSON of small agents, whole and broken ones."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.bench.crowd import Crowd, watched_classes
from edge.bench.stages import STAGES
from edge.bench.storage import commits, passing_outbox
from edge.bench.timing import Timing
from edge.publish.settings import OutboxSettings
from edge.rules.settings import CameraRulesSettings
from models.nms import iou
from tests.support.edge_command import call
from tests.support.small_agent import small_agent


def told(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call("bench", *arguments, "--json").stdout)
    return found


def test_every_stage_of_every_camera_is_measured(tmp_path: Path) -> None:
    cameras = [{"id": "yard", "source": "yard.mp4"}, {"id": "door", "source": "yard.mp4"}]

    report = told("-c", small_agent(tmp_path, cameras=cameras))

    assert [one["camera"] for one in report["cameras"]] == ["yard", "door"]
    for camera in report["cameras"]:
        assert set(camera["stages"]) == {"decode", *STAGES}
        assert all(stage["runs"] >= 5 for stage in camera["stages"].values())
    (network,) = report["networks"]
    assert (network["name"], network["engine"]) == (f"{tmp_path}/tiny.yaml", "onnxruntime/CPU")
    assert network["fps"] > 0
    assert report["commit"]["runs"] == 20
    assert report["capacity"]["fits"] is True
    assert report["capacity"]["fps"] == {"yard": pytest.approx(10), "door": pytest.approx(10)}


def test_the_table_says_whether_the_cameras_fit(tmp_path: Path) -> None:
    result = call("bench", "-c", small_agent(tmp_path))

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("gate-1: ")
    for stage in ("decode", *STAGES, "commit"):
        assert f" {stage} " in result.stdout
    assert "yard: brings 10.0 pictures a second of 64x48" in result.stdout
    assert lines[-1].startswith("The cameras fit, ")
    assert "... stages: yard" in result.stderr


def test_what_is_broken_is_told_and_the_rest_is_measured(tmp_path: Path) -> None:
    file = small_agent(
        tmp_path,
        cameras=[{"id": "gone", "source": "gone.mp4"}, {"id": "yard", "source": "yard.mp4"}],
        data_dir="/proc/nowhere",
    )
    (tmp_path / "tiny.onnx").unlink()

    result = call("bench", "-c", file)

    assert result.exit_code == 1
    assert f"camera gone: {tmp_path}/gone.mp4: there is no such file" in result.stdout
    assert "pictures of 1280x720 at 25 a second stand in for it" in result.stdout
    assert "its network should lie beside it as tiny.onnx" in result.stdout
    assert "disk: cannot be written: No such file or directory; let the agent" in result.stdout
    report = told("-c", file)
    assert set(report["cameras"][1]["stages"]) == {"decode", "track", "rules", "append"}
    assert report["capacity"] is None


def test_refused_settings_are_told_line_by_line(tmp_path: Path) -> None:
    result = call("bench", "-c", small_agent(tmp_path, device="gate/1"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "device: id 'gate/1' is not allowed" in result.stderr


def test_nothing_stays_on_disk(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/outbox.sqlite3").write_text("an agent's own")
    file = small_agent(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    assert call("bench", "-c", file).exit_code == 0

    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "data/outbox.sqlite3").read_text() == "an agent's own"


def test_nothing_stays_on_disk_where_it_is_ended(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "bench", "-c", str(small_agent(tmp_path))],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "stages" in line:
            break
    assert list((tmp_path / "data").iterdir())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)

    assert process.returncode == 128 + signal.SIGTERM
    assert not list((tmp_path / "data").iterdir())


def test_commits_are_of_the_disk_that_is_asked_for(tmp_path: Path) -> None:
    with passing_outbox(tmp_path / "a/b", OutboxSettings(), "gate-1") as outbox:
        (passing,) = tmp_path.iterdir()
        assert passing.name.startswith(".wayside-bench-")
        assert commits(outbox).median_ms > 0
    assert not list(tmp_path.iterdir())


def test_the_crowd_walks_within_the_picture_and_nobody_touches() -> None:
    crowd = Crowd(1280, 720, [0, 2])
    for elapsed_s in np.arange(0, 40, 0.5):
        seen = crowd.at(float(elapsed_s))
        assert len(seen) == 20
        assert set(seen.class_id.tolist()) == {0, 2}
        assert (seen.xyxy >= 0).all()
        assert (seen.xyxy <= np.array([1280, 720, 1280, 720])).all()
        assert np.triu(iou(seen.xyxy, seen.xyxy), 1).max() == 0
    moved = np.abs(crowd.at(1.0).xyxy - crowd.at(0.0).xyxy)
    assert (moved[:, 0] > 0).all()


def test_the_crowd_is_of_the_classes_that_the_rules_watch() -> None:
    zone = {"id": "all", "points": [[0, 0], [1, 0], [1, 1]]}
    rules = [{"id": "cars", "kind": "zone", "zone": "all", "classes": ["car"]}]
    watched = CameraRulesSettings.model_validate({"zones": [zone], "rules": rules})

    assert watched_classes(watched, ("person", "car")) == [1]
    assert watched_classes(CameraRulesSettings(), ("person", "car")) == [0]


def test_quartiles_are_those_of_what_was_measured() -> None:
    assert Timing.of([0.001, 0.002, 0.003, 0.004, 0.005]) == Timing(2.0, 3.0, 4.0, 5)
    assert Timing.of([0.002]) == Timing(2.0, 2.0, 2.0, 1)
