"""What is no picture is not calibrated on."""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.compile.pictures import likeness, require_pictures
from models.detections import Image
from models.errors import MediaError
from models.media import VideoReader
from models.prediction.sources import spread
from tests.support.real_assets import real_asset

RNG = np.random.default_rng(1)


def noise() -> Image:
    return RNG.integers(0, 256, (120, 160, 3), np.uint8)


def scene() -> NDArray[Any]:
    image = cv2.GaussianBlur(noise(), (0, 0), 5)
    return cv2.normalize(image, image, 0, 255, cv2.NORM_MINMAX)


def test_noise_is_told_from_pictures() -> None:
    assert likeness(noise()) < 0.1
    assert likeness(scene()) > 0.9
    with pytest.raises(MediaError, match="2 of 3 frames are noise"):
        require_pictures([noise(), scene(), noise()])
    require_pictures([noise(), scene(), scene()])


def test_a_grainy_night_is_a_picture() -> None:
    grain = RNG.normal(0, 8, (120, 160, 3))
    require_pictures([np.clip(scene() / 4 + grain, 0, 255).astype(np.uint8)])


def test_frames_of_one_colour_and_no_frames_are_refused() -> None:
    with pytest.raises(MediaError, match="1 of 1 frames are of one colour"):
        require_pictures([np.full((20, 20, 3), 7, np.uint8)])
    with pytest.raises(MediaError, match="no frames"):
        require_pictures([])


@pytest.mark.parametrize("name", ["cctv-people", "dashcam-lanes", "dashcam-cars"])
def test_real_videos_are_pictures(name: str) -> None:
    with VideoReader(real_asset(name)) as reader:
        require_pictures(spread(reader, 10, 38))
