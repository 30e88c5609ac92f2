"""Evidence over the real line: an event's picture shows who it tells of; clips survive kills."""

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import cv2
import numpy as np
import pytest

from models import zoo
from models.detections import Image
from models.detector import Detector
from tests.support.edge_command import call
from tests.support.line import Agent, Cloud, Program
from tests.support.processes import wait_until
from tests.support.small_agent import busy_camera, small_agent, write_busy_model
from tests.support.stills import decoded, played
from tests.system.test_line import watched

SHELF = [[0.0, 0.0], [0.35, 0.0], [0.35, 0.3], [0.0, 0.3]]
"""The upper left corner of the picture, where nobody walks."""

ALIKE = 0.9
"""Correlation of a picture with the frame that it was cut from: JPEG twice, and scaled at most."""


@pytest.mark.system
@pytest.mark.timeout(300)
def test_the_picture_of_an_event_shows_who_crossed_the_line(tmp_path: Path, video: Path) -> None:
    evidence = {"pictures": {"enabled": True}, "clips": {"enabled": True, "before_s": 2}}
    camera = {**watched(), "privacy": [{"polygon": SHELF}], "evidence": evidence}
    frames = played(str(video))[1]
    with (
        Cloud(tmp_path / "cloud") as cloud,
        Agent(tmp_path / "agent", cloud.broker_port, video, "fastestdet", camera=camera) as agent,
    ):
        cloud.start()
        agent.program.start()
        assert agent.program.wait(timeout_s=200) == 0, agent.program.output[-3000:]
        assert agent.outbox_rows() == 0, "pictures have their receipts too"
        hits = cloud.ask("/v1/events", kind="line-crossed", order="captured")["events"]
        ended = cloud.ask("/v1/events", kind="object-ended", limit=1000)["events"]
        pictures = {hit["snapshot_id"]: picture_of(cloud, hit["snapshot_id"]) for hit in hits}
    print(f"{len(hits)} crossings with {len(pictures)} pictures")
    assert {hit["target"] for hit in hits} == {line["id"] for line in camera["lines"]}
    sent = {hit["event_id"]: hit for hit in hits if hit["event_id"] in pictures}
    assert set(sent) == set(pictures), "an event without a picture of its own refers to another's"
    for event_id, hit in sent.items():
        assert_shows(pictures[event_id], hit, frames)
    assert all(hit["track_id"] == sent[hit["snapshot_id"]]["track_id"] for hit in hits)
    told = {hit["track_id"] for hit in hits}
    assert {one["track_id"] for one in ended if one["snapshot_id"]} == told
    assert_a_person_is_seen(list(pictures.values()))
    assert_clips_show_the_crossings(agent, hits)


def picture_of(cloud: Cloud, event_id: str) -> Image:
    with urlopen(
        f"http://127.0.0.1:{cloud.api_port}/v1/events/{event_id}/snapshot", timeout=30
    ) as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"
        return decoded(answer.read())


def assert_shows(picture: Image, event: dict[str, Any], frames: list[Image]) -> None:
    """It is cut out of a frame of the last seconds, where the object then was."""
    width_px = frames[0].shape[1]
    found = []
    for number in range(event["frame"], max(0, event["frame"] - 100), -1):
        score = cv2.matchTemplate(halved(frames[number]), halved(picture), cv2.TM_CCOEFF_NORMED)
        _, best, _, (left, top) = cv2.minMaxLoc(score)
        found.append((best, number, 2 * left, 2 * top))
        if best > ALIKE:
            break
    best, number, left, top = max(found)
    print(f"{event['target']}: frame {number} for {event['frame']}, {best:.3f} at {left}, {top}")
    assert best > ALIKE
    box = event["box"]
    middle_px = (box["left"] + box["width"] / 2) * width_px
    assert left - width_px / 4 <= middle_px <= left + picture.shape[1] + width_px / 4


def halved(image: Image) -> Image:
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8)


def assert_a_person_is_seen(pictures: list[Image]) -> None:
    """By a network, in most of them: some are cut close."""
    manifest, path = zoo.resolve("yolox-nano")
    detector = Detector.load(manifest, path, 1)
    person = manifest.classes.index("person")
    seen = [person in detector.detect(picture).class_id for picture in pictures]
    detector.close()
    assert np.mean(seen) >= 0.8, seen


def assert_clips_show_the_crossings(agent: Agent, hits: list[dict[str, Any]]) -> None:
    listing = call("clips", "-c", agent.config)
    sidecars = [json.loads(path.read_text()) for path in clips_of(agent.folder / "data")]
    assert [line.split()[0] for line in listing.stdout.splitlines()] == ["entrance"] * len(sidecars)
    assert all("line-crossed over-" in line for line in listing.stdout.splitlines())
    assert sorted(e["event_id"] for one in sidecars for e in one["events"]) == sorted(
        hit["event_id"] for hit in hits
    )
    for one in sidecars:
        assert one["masked"]
        times_ms, images = played(str(agent.folder / "data/clips/entrance" / one["file"]))
        assert len(images) == one["frames"]
        assert times_ms[-1] == pytest.approx((one["to_ns"] - one["from_ns"]) / 1e6, abs=1.5)
        height_px, width_px = images[0].shape[:2]
        hidden = np.stack(images)[:, : int(0.29 * height_px), : int(0.34 * width_px)]
        assert hidden.max() < 40, "painted over, but for what H.264 makes of an edge"


def clips_of(data_dir: Path) -> list[Path]:
    return sorted(data_dir.glob("clips/*/*.json"))


@pytest.mark.system
@pytest.mark.timeout(300)
def test_a_kill_while_clips_are_written_leaves_none_that_is_half(tmp_path: Path) -> None:
    write_busy_model(tmp_path)
    camera = busy_camera(tmp_path)
    camera["evidence"] = {
        "clips": {"enabled": True, "before_s": 0, "after_s": 0.5, "max_s": 1, "fps": 20}
    }
    config = small_agent(tmp_path, model={"name": "busy.yaml"}, cameras=[camera])
    folder = tmp_path / "data" / "clips"
    half = 0
    with Program("edge.cli", ["run", "-c", str(config)], tmp_path / "agent.log") as agent:
        for kills in range(1, 3):
            agent.start()
            wait_until(
                lambda whole=kills - 1: is_writing(folder, agent, whole),  # type: ignore[misc]
                "a clip that is being written after some that are whole", 60,
            )  # fmt: skip
            os.kill(agent.pid, signal.SIGKILL)
            assert agent.wait(30) == -signal.SIGKILL
            half += len(list(folder.glob("*/.*")))
            assert_whole(tmp_path / "data")
            assert len(clips_of(tmp_path / "data")) >= kills - 1
        assert half, "no kill met a clip that was being written"
        before = len(clips_of(tmp_path / "data"))
        agent.start()
        wait_until(lambda: len(clips_of(tmp_path / "data")) > before, "a further clip", 60)
        assert "clips that were not finished are gone" in agent.output
        assert agent.stop() == 0, agent.output[-3000:]
    assert_whole(tmp_path / "data")
    assert list(folder.glob("*/.*")) == []
    assert len(list(folder.glob("*/*"))) == 2 * len(clips_of(tmp_path / "data"))


def is_writing(folder: Path, agent: Program, whole: int) -> bool:
    assert agent.running, agent.output[-3000:]
    return len(list(folder.glob("*/*.json"))) >= whole and any(folder.glob("*/.*.part"))


def assert_whole(data_dir: Path) -> None:
    """What is listed is there, whole, and can be played."""
    for sidecar in clips_of(data_dir):
        told = json.loads(sidecar.read_text())
        video = sidecar.with_name(told["file"])
        assert hashlib.sha256(video.read_bytes()).hexdigest() == told["sha256"]
        assert len(played(str(video))[1]) == told["frames"]
