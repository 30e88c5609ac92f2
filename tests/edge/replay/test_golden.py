"""The whole edge on a real video: the same bytes in every process, and what is to be seen."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.real_assets import real_asset, real_network
from tests.support.small_agent import small_agent

SEEN = [
    ("object-started", "car", 5),
    ("object-started", "car", 5),
    ("zone-entered", "car", 18),
    ("object-updated", "car", 30),
    ("zone-exited", "car", 37),
    ("object-ended", "car", 37),
    ("object-ended", "car", 37),
]
"""Kind, class and frame: two cars, the first of them in the middle of the road; all ends with the
video."""

TOLERANCE_FRAMES = 2
"""Networks answer a little otherwise on other processors."""

CAMERA = {
    "id": "road", "source": "none.mp4",
    "zones": [{"id": "middle", "points": [[0.3, 0.2], [0.7, 0.2], [0.7, 1], [0.3, 1]]}],
    "rules": [{"id": "in-the-middle", "kind": "zone", "zone": "middle"}],
}  # fmt: skip


def begun(folder: Path, video: Path, seed: str, workers: int) -> "subprocess.Popen[bytes]":
    config = small_agent(
        folder, cameras=[CAMERA], model={"name": "fastestdet"}, infer={"workers": workers}
    )
    command = [sys.executable, "-m", "edge.cli", "replay", str(video), "-c", str(config)]
    return subprocess.Popen(
        [*command, "--epoch", "2026-05-01T12:00:00Z"],
        env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE,
    )  # fmt: skip


def test_two_runs_are_byte_identical_and_show_what_is_there(tmp_path: Path) -> None:
    real_network("fastestdet")
    video = real_asset("dashcam-cars")

    runs = [begun(tmp_path / "one", video, "1", 1), begun(tmp_path / "two", video, "2", 2)]
    one, two = (run.communicate(timeout=60)[0] for run in runs)

    assert [run.returncode for run in runs] == [0, 0]
    assert one == two
    told: list[dict[str, Any]] = [json.loads(line) for line in one.splitlines()]
    assert len(told) == len(SEEN)
    for event, (kind, name, frame) in zip(told, SEEN, strict=True):
        assert (event["kind"], event["object"]["class_name"]) == (kind, name)
        assert abs(event["frame"] - frame) <= TOLERANCE_FRAMES
