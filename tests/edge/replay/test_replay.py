"""Recordings replayed in this process, over a tiny network that always sees one person."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from protos.errors import InvalidIdError
from protos.ids import EventId
from protos.readable import readable
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.edge_command import call
from tests.support.media import picture, write_video
from tests.support.processes import wait_until
from tests.support.small_agent import FRAMES, busy_camera, small_agent, write_busy_model

EPOCH = "2026-05-01T12:00:00Z"
FOREVER = [[0, 0], [1, 0], [1, 1], [0, 1]]
WATCHED = {
    "id": "yard", "source": "gone.mp4",
    "zones": [{"id": "all", "points": FOREVER}],
    "rules": [{"id": "anybody", "kind": "zone", "zone": "all"}],
}  # fmt: skip


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_events_are_told_with_the_recordings_time(tmp_path: Path) -> None:
    config = small_agent(tmp_path, cameras=[WATCHED])

    result = call("replay", tmp_path / "yard.mp4", "--epoch", EPOCH, "-c", config)

    assert (result.exit_code, result.stderr) == (0, "")
    told = [(one["event_id"], one["kind"], one["frame"]) for one in events(result.stdout)]
    assert told == [
        ("gate-1/replay/state/1", "object-started", 2),
        ("gate-1/replay/alarm/1", "zone-entered", 7),
        ("gate-1/replay/alarm/2", "zone-exited", FRAMES - 1),
        ("gate-1/replay/state/2", "object-ended", FRAMES - 1),
    ]
    # Ten frames a second.
    assert events(result.stdout)[0]["captured_at"] == "2026-05-01T12:00:00.200000000Z"


def test_a_replay_tells_what_the_agent_tells(tmp_path: Path) -> None:
    config = small_agent(tmp_path, cameras=[{**WATCHED, "source": "yard.mp4"}])
    assert call("run", "-c", config).exit_code == 0

    replayed = call("replay", tmp_path / "yard.mp4", "--epoch", EPOCH, "-c", config)

    assert timeless(events(replayed.stdout)) == timeless(sent(tmp_path / "data"))


@pytest.mark.parametrize(("before_inference", "moves"), [(True, False), (False, True)])
def test_what_the_agents_network_may_not_see_a_replay_does_not_see(
    tmp_path: Path, before_inference: bool, moves: bool
) -> None:
    """The network's box moves with the picture's level, and all of the picture is masked."""
    write_busy_model(tmp_path)
    mask = {"polygon": FOREVER, "before_inference": before_inference}
    camera = {**busy_camera(tmp_path, fps=10.0), "privacy": [mask]}
    config = small_agent(tmp_path, model={"name": "busy.yaml"}, cameras=[camera])

    result = call("replay", tmp_path / "busy.mp4", "--epoch", EPOCH, "-c", config)

    assert result.exit_code == 0
    kinds = {event["kind"] for event in events(result.stdout)}
    assert "object-started" in kinds
    assert ("zone-entered" in kinds) == moves


def sent(folder: Path) -> list[dict[str, Any]]:
    """What waits in an agent's outbox of what its rules have told, as a replay tells it."""
    outbox = Outbox.open(folder, OutboxSettings(), "gate-1")
    try:
        told = [
            readable(EventBatch.Event.FromString(row.payload))
            for stream, last in outbox.streams()
            for row in outbox.read(stream, 1, last, 1000)
        ]
    finally:
        outbox.close()
    return [one for one in told if one["kind"] != "camera-state"]


def timeless(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events in the order of their frames, with times since the first of them."""
    first_ns = min(int(one["captured_ns"]) for one in told)
    for one in told:
        one["captured_ns"] = int(one["captured_ns"]) - first_ns
        one["object"]["first_seen_ns"] = int(one["object"]["first_seen_ns"]) - first_ns
    own = ("event_id", "lane", "captured_at", "seq")
    kept = [{key: value for key, value in one.items() if key not in own} for one in told]
    return sorted(kept, key=lambda one: (one["frame"], one["kind"]))


def test_no_event_of_a_replay_can_be_taken_for_one_that_happened(tmp_path: Path) -> None:
    result = call("replay", tmp_path / "yard.mp4", "--epoch", EPOCH, "-c", small_agent(tmp_path))

    for event in events(result.stdout):
        with pytest.raises(InvalidIdError, match="boot 'replay' is not 16"):
            EventId.parse(event["event_id"])


def test_nothing_else_is_touched(tmp_path: Path) -> None:
    config = small_agent(tmp_path, status={"file": "status.json"})
    before = sorted(tmp_path.iterdir())

    assert call("replay", tmp_path / "yard.mp4", "--epoch", EPOCH, "-c", config).exit_code == 0

    assert sorted(tmp_path.iterdir()) == before


def test_the_file_that_is_asked_for_holds_the_lines(tmp_path: Path) -> None:
    config, out = small_agent(tmp_path), tmp_path / "told.jsonl"
    recording = tmp_path / "yard.mp4"

    shown = call("replay", recording, "--epoch", EPOCH, "-c", config)
    filed = call("replay", recording, "--epoch", EPOCH, "-c", config, "--out", out)

    assert (filed.exit_code, filed.stdout) == (0, "")
    assert out.read_text() == shown.stdout


def test_a_replay_that_is_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    config, results = small_agent(tmp_path), tmp_path / "results"
    results.mkdir()
    recording = write_video(tmp_path / "long.avi", 5000)
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "replay", str(recording), "--epoch", EPOCH,
         "-c", str(config), "--out", str(results / "told.jsonl")],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: list(results.iterdir()), "the file that is not whole yet")
    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 128 + signal.SIGTERM
    assert not list(results.iterdir())


def test_a_camera_that_wants_fewer_frames_gets_fewer(tmp_path: Path) -> None:
    config = small_agent(tmp_path, cameras=[{**WATCHED, "max_fps": 2}])

    result = call("replay", tmp_path / "yard.mp4", "--epoch", EPOCH, "-c", config)

    # Of ten a second every fifth one, and the second of them a little early (see Thinning).
    told = [one["frame"] for one in events(result.stdout)]
    assert told[:2] == [3, 8]
    assert set(told) <= {0, 3, 8, 13, 18}


def test_a_folder_of_pictures_is_a_recording(tmp_path: Path) -> None:
    config, folder = small_agent(tmp_path), tmp_path / "1"  # no USB camera is meant
    folder.mkdir()
    for number in range(8):
        cv2.imwrite(str(folder / f"{number}.png"), picture(number))

    result = call("replay", folder, "--epoch", EPOCH, "-c", config)

    assert [one["kind"] for one in events(result.stdout)] == ["object-started", "object-ended"]


def test_the_camera_is_chosen_where_there_are_several(tmp_path: Path) -> None:
    cameras = [{"id": "door", "source": "gone.mp4"}, WATCHED]
    config, recording = small_agent(tmp_path, cameras=cameras), tmp_path / "yard.mp4"

    unsaid = call("replay", recording, "--epoch", EPOCH, "-c", config)
    unknown = call("replay", recording, "--epoch", EPOCH, "-c", config, "--camera", "roof")
    chosen = call("replay", recording, "--epoch", EPOCH, "-c", config, "--camera", "yard")

    assert unsaid.exit_code == unknown.exit_code == 1
    assert "several cameras: choose one with --camera, of door, yard" in unsaid.stderr
    assert "no camera 'roof'; there is door, yard" in unknown.stderr
    assert {one["camera"] for one in events(chosen.stdout)} == {"yard"}


@pytest.mark.parametrize(
    ("epoch", "said"),
    [
        ("yesterday", "--epoch 'yesterday': must be like 2026-05-01T12:00:00Z"),
        ("2026-05-01T12:00:00", "must be like 2026-05-01T12:00:00Z (RFC 3339)"),
        ("1777636800", "is before the year 2000"),
        ("2026-13-01T12:00:00Z", "--epoch '2026-13-01T12:00:00Z': month must be in 1..12"),
    ],
)
def test_a_time_that_is_none_is_refused(tmp_path: Path, epoch: str, said: str) -> None:
    result = call("replay", tmp_path / "yard.mp4", "--epoch", epoch, "-c", small_agent(tmp_path))

    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_a_recording_that_cannot_be_read_leaves_nothing_behind(tmp_path: Path) -> None:
    config, out = small_agent(tmp_path), tmp_path / "told.jsonl"
    letter = tmp_path / "letter.mp4"
    letter.write_text("no video")

    for recording, said in (
        (letter, f"{letter}: is no video that OpenCV can read"),
        (tmp_path / "gone.mp4", f"{tmp_path}/gone.mp4: there is no such file"),
        (Path("rtsp://127.0.0.1:1/x"), "rtsp:/127.0.0.1:1/x: there is no such file"),
    ):
        result = call("replay", recording, "--epoch", EPOCH, "-c", config, "--out", out)
        assert result.exit_code == 1
        assert said in result.stderr
    assert not [path for path in tmp_path.iterdir() if "told" in path.name]


def test_what_is_read_is_never_written_over(tmp_path: Path) -> None:
    config, recording = small_agent(tmp_path), tmp_path / "yard.mp4"
    video, text = recording.read_bytes(), config.read_text()

    for kept in (recording, config):
        result = call("replay", recording, "--epoch", EPOCH, "-c", config, "--out", kept)
        assert result.exit_code == 1
        assert f"--out {kept}: would be written over what is read" in result.stderr
    assert (recording.read_bytes(), config.read_text()) == (video, text)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    config, out = small_agent(tmp_path), tmp_path / "gone/told.jsonl"

    result = call("replay", tmp_path / "yard.mp4", "--epoch", EPOCH, "-c", config, "--out", out)

    assert result.exit_code == 1
    assert f"--out {out}: cannot be written: No such file or directory" in result.stderr


def test_a_network_that_is_not_here_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYSIDE_ASSETS", str(tmp_path / "empty"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = small_agent(tmp_path, model={"name": "fastestdet"})

    result = call("replay", tmp_path / "yard.mp4", "--epoch", EPOCH, "-c", config)

    assert result.exit_code == 1
    assert "fetch it with `wayside-models pull fastestdet`" in result.stderr
    assert not (tmp_path / "cache").exists()
