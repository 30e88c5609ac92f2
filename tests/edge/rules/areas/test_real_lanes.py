"""A real network on a real drive: nobody leaves the lane, unless the picture is sheared sideways.

Shearing the picture about its horizon is what driving further left or right in the lane does to it.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from edge.rules.areas.engine import CameraAreaRules
from edge.rules.areas.settings import AreaRulesSettings
from edge.rules.port import Draft
from models.segmenter import Segmenter
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.rules.scenes import START_NS
from tests.support.real_assets import real_asset, real_network

EVERY = 16
"""Of the clip's frames, 25 in a second, every so many is looked at."""
HORIZON = 0.58
SETTINGS = AreaRulesSettings.model_validate(
    {
        "area_rules": [
            {"id": "keep-lane", "kind": "lane-departure"},
            {"id": "road", "kind": "segmentation", "every_s": 2},
        ]
    }
)


@pytest.fixture(scope="module")
def segmenter() -> Iterator[Segmenter]:
    network = Segmenter.load(*real_network("twinlitenet"))
    yield network
    network.close()


def drive(segmenter: Segmenter, shear: float) -> list[Draft]:
    """The drafts of the clip, its pictures moved by `shear` widths at the bottom."""
    manifest = segmenter.manifest
    camera = CameraAreaRules(
        "dash-cam", manifest.classes, manifest.name, manifest.version, SETTINGS
    )
    video = cv2.VideoCapture(str(real_asset("dashcam-lanes")))
    drafts: list[Draft] = []
    frame = 0
    while video.grab():
        if frame % EVERY == 0:
            picture = video.retrieve()[1]
            height, width = picture.shape[:2]
            slant = shear * width / (1 - HORIZON) / height
            moved = np.array([[1, slant, -slant * HORIZON * height], [0, 1, 0]], np.float64)
            picture = cv2.warpAffine(
                picture, moved, (width, height), borderMode=cv2.BORDER_REPLICATE
            )
            areas = segmenter.find(picture)  # type: ignore[arg-type]
            drafts += camera.step(areas, START_NS + frame * 40_000_000, frame)
        frame += 1
    video.release()
    assert frame > 200
    return drafts


@pytest.mark.parametrize(("shear", "sides"), [(0.0, []), (0.3, ["left"]), (-0.3, ["right"])])
def test_only_who_drives_beside_the_middle_of_the_lane_leaves_it(
    segmenter: Segmenter, shear: float, sides: list[str]
) -> None:
    drafts = drive(segmenter, shear)
    departures = [d.event for d in drafts if d.event.kind == EventBatch.LANE_DEPARTURE]
    assert [event.rule_hit.target for event in departures] == sides
    shares = [d.event.segmentation for d in drafts if d.event.kind == EventBatch.SEGMENTATION]
    assert len(shares) in (4, 5)
    for segmentation in shares:
        drivable, lines = segmentation.areas
        assert 0.2 < drivable.share < 0.5
        assert 0.005 < lines.share < 0.05
        outlines = [np.array([(p.x, p.y) for p in one.points]) for one in drivable.polygons]
        assert sum(map(len, outlines)) < 250
        # Holes run the other way round, so the areas of all outlines add up to the share.
        area = (
            sum(
                float(one[:, 0] @ np.roll(one[:, 1], -1) - one[:, 1] @ np.roll(one[:, 0], -1))
                for one in outlines
            )
            / 2
        )
        assert area == pytest.approx(drivable.share, rel=0.05)
