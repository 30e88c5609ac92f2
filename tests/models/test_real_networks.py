"""The real networks on real pictures; where they are absent the tests are skipped."""

from collections.abc import Iterator

import numpy as np
import pytest

from models.detections import Image
from models.detector import Detector
from models.media import VideoReader
from models.nms import iou
from tests.support.real_assets import real_asset, real_network

# Seen by eye, within some pixels: frame of cctv-people.mp4 -> the one person in it, or nobody.
PEOPLE = {
    100: (382, 12, 515, 392),
    260: (378, 2, 540, 382),
    520: (394, 5, 562, 410),
    900: None,
}
CARS = ((815, 406, 946, 493), (1036, 403, 1243, 507))
"""The two near cars of dashcam-cars.mp4's frame 25."""


@pytest.fixture(scope="module", params=["yolox-nano", "fastestdet"])
def detector(request: pytest.FixtureRequest) -> Iterator[Detector]:
    made = Detector.load(*real_network(request.param), intra_threads=2)
    yield made
    made.close()


def frames(video: str, numbers: set[int]) -> dict[int, Image]:
    with VideoReader(real_asset(video)) as reader:
        wanted = {}
        for number, frame in enumerate(reader):
            if number in numbers:
                wanted[number] = frame
            if number >= max(numbers):
                break
    return wanted


def test_people_are_found_where_they_stand(detector: Detector) -> None:
    person = detector.manifest.classes.index("person")
    for number, frame in frames("cctv-people", set(PEOPLE)).items():
        found = detector.detect(frame)
        people = found[found.class_id == person]
        expected = PEOPLE[number]
        if expected is None:
            assert len(people) == 0
        else:
            assert len(people) == 1
            assert iou(people.xyxy, np.array([expected], np.float32))[0, 0] > 0.8, number


def test_cars_are_found_where_they_drive(detector: Detector) -> None:
    car = detector.manifest.classes.index("car")
    found = detector.detect(frames("dashcam-cars", {25})[25])

    overlap = iou(found.xyxy[found.class_id == car], np.array(CARS, np.float32))
    assert (overlap.max(axis=0) > 0.75).all()
