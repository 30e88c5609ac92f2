"""The agent on a real drive, two real networks on one camera: nobody leaves the lane, unless the
picture is sheared sideways.

Shearing the picture about its horizon is what driving further left or right in the lane does to it.
"""

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.app import run_agent
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from edge.rules.port import Event
from edge.settings import load
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.real_assets import real_asset, real_network
from tests.support.small_agent import DEVICE, small_agent

HORIZON = 0.58
FPS = 25
LANE_FPS = FPS / 16


def sheared(folder: Path, shear: float) -> Path:
    """The clip, its pictures moved by `shear` widths at the bottom; itself where that is 0."""
    clip = real_asset("dashcam-lanes")
    if shear == 0.0:
        return clip
    video = cv2.VideoCapture(str(clip))
    size = round(video.get(cv2.CAP_PROP_FRAME_WIDTH)), round(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    slant = shear * size[0] / (1 - HORIZON) / size[1]
    moved = np.array([[1, slant, -slant * HORIZON * size[1]], [0, 1, 0]], np.float64)
    out = cv2.VideoWriter(str(folder / "sheared.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), FPS, size)
    while (read := video.read())[0]:
        out.write(cv2.warpAffine(read[1], moved, size, borderMode=cv2.BORDER_REPLICATE))
    out.release()
    video.release()
    return folder / "sheared.mp4"


def events_of(folder: Path, clip: Path) -> list[Event]:
    """What the agent has on disk once it has seen a clip."""
    settings = small_agent(
        folder,
        model={"name": "fastestdet"},
        models={"lanes": {"name": "twinlitenet"}},
        cameras=[
            {
                "id": "dash-cam",
                "source": str(clip),
                "areas": [
                    {
                        "model": "lanes",
                        "max_fps": LANE_FPS,
                        "rules": [
                            {"id": "keep-lane", "kind": "lane-departure"},
                            {"id": "road", "kind": "segmentation", "every_s": 2},
                        ],
                    }
                ],
            }
        ],
        status={"file": "status.json"},
    )
    assert run_agent(load(settings), threading.Event())
    outbox = Outbox.open(folder / "data", OutboxSettings(), DEVICE)
    try:
        return [
            EventBatch.Event.FromString(row.payload)
            for stream, last in outbox.streams()
            for row in outbox.read(stream, 1, last, 10_000)
        ]
    finally:
        outbox.close()


@pytest.mark.parametrize(("shear", "sides"), [(0.0, []), (0.3, ["left"])])
def test_only_who_drives_beside_the_middle_of_the_lane_leaves_it(
    tmp_path: Path, shear: float, sides: list[str]
) -> None:
    real_network("fastestdet"), real_network("twinlitenet")
    events = events_of(tmp_path, sheared(tmp_path, shear))

    departures = [event for event in events if event.kind == EventBatch.LANE_DEPARTURE]
    assert [event.rule_hit.target for event in departures] == sides
    assert {event.model for event in departures} <= {"twinlitenet"}
    cars = [event for event in events if event.kind == EventBatch.OBJECT_STARTED]
    assert {event.model for event in cars} == {"fastestdet"}
    assert "car" in {event.object.class_name for event in cars}
    shares = [event.segmentation for event in events if event.kind == EventBatch.SEGMENTATION]
    assert len(shares) in (4, 5, 6), "one at the beginning of every two seconds"
    for segmentation in shares:
        drivable, lines = segmentation.areas
        assert 0.2 < drivable.share < 0.5
        assert 0.005 < lines.share < 0.05
        outlines = [np.array([(p.x, p.y) for p in one.points]) for one in drivable.polygons]
        assert sum(map(len, outlines)) < 250
        # Holes run the other way round, so the areas of all outlines add up to the share.
        area = sum(map(twice_the_area, outlines)) / 2
        assert area == pytest.approx(drivable.share, rel=0.05)


def twice_the_area(outline: np.ndarray) -> float:
    """By the shoelace formula; negative where it runs the other way round."""
    x, y = outline[:, 0], outline[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
