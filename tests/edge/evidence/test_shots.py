"""The best picture of each object: which one, how large, and in how much memory."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.evidence.masks import Masks
from edge.evidence.port import Shot
from edge.evidence.score import sights, with_sharpness
from edge.evidence.settings import KIB, PictureSettings
from edge.evidence.shots import Shots, around
from models.detections import Image
from tests.support.stills import at, decoded, noise, tracks

HEIGHT, WIDTH = 240, 320
ON = PictureSettings(enabled=True, of="objects")


def shots(settings: PictureSettings = ON) -> Shots:
    return Shots("gate", settings, Masks([]))


def scene(blur: float = 0.0) -> Image:
    """Edges everywhere, or a blur of them."""
    image = np.kron(noise(HEIGHT // 8, WIDTH // 8), np.ones((8, 8, 1), np.uint8))
    return cv2.GaussianBlur(image, (0, 0), blur).astype(np.uint8) if blur else image


def best(shots: Shots, track_id: int = 1) -> Shot:
    shot = shots.of(track_id, is_sent=False)
    assert shot is not None
    return shot


SMALL, LARGE = (100, 100, 130, 160), (60, 20, 160, 220)
CUT = (220, 20, 320, 220)


@pytest.mark.parametrize("order", [("worse", "better"), ("better", "worse")])
@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ((0.9, SMALL, 0), (0.9, LARGE, 0)),
        ((0.4, LARGE, 0), (0.9, LARGE, 0)),
        ((0.9, LARGE, 6.0), (0.9, LARGE, 0)),
        ((0.9, CUT, 0), (0.9, LARGE, 0)),
    ],
    ids=["larger", "surer", "sharper", "whole"],
)
def test_the_better_picture_stays_whatever_comes_first(
    worse: tuple[float, tuple[int, ...], float],
    better: tuple[float, tuple[int, ...], float],
    order: tuple[str, str],
) -> None:
    kept = shots()
    given = {"worse": worse, "better": better}
    for second, name in enumerate(order):
        sure, box, blur = given[name]
        kept.see(scene(blur), tracks(second, {1: box}, sure=sure))
    assert best(kept).captured_ns == at(order.index("better"))


def test_who_is_behind_another_waits_for_a_better_picture() -> None:
    kept = shots()
    kept.see(scene(), tracks(0, {1: (60, 20, 160, 200), 2: (60, 30, 170, 230)}))
    kept.see(scene(), tracks(1, {1: (60, 20, 160, 200), 2: (200, 30, 310, 230)}))
    assert best(kept, 1).captured_ns == at(1)
    assert best(kept, 2).captured_ns == at(0)


def test_a_picture_shows_the_object_and_a_margin() -> None:
    kept, image = shots(), scene(blur=4.0)
    kept.see(image, tracks(0, {1: (100, 80, 200, 180)}))
    shot = best(kept)
    assert (shot.camera, shot.width_px, shot.height_px) == ("gate", 131, 131)
    cut = image[65:196, 85:216].astype(np.int16)
    assert np.abs(decoded(shot.jpeg).astype(np.int16) - cut).mean() < 5


def test_a_picture_is_no_larger_than_allowed() -> None:
    kept = shots(PictureSettings(enabled=True, max_side_px=4096, quality=95, max_bytes=8 * KIB))
    kept.see(noise(HEIGHT, WIDTH), tracks(0, {1: (0, 0, WIDTH, HEIGHT)}))
    shot = best(kept)
    assert len(shot.jpeg) <= 8 * KIB
    assert decoded(shot.jpeg).shape == (shot.height_px, shot.width_px, 3)
    whole = kept.whole(noise(HEIGHT, WIDTH), at(0))
    assert len(whole.jpeg) <= 8 * KIB


def test_memory_is_bounded_and_the_oldest_go() -> None:
    settings = PictureSettings(enabled=True, quality=95, held_max_bytes=512 * KIB)
    kept = shots(settings)
    for name in range(1, 40):
        kept.see(noise(HEIGHT, WIDTH, name), tracks(name, {name: (1, 1, 200, 220)}))
        assert kept.bytes <= 512 * KIB
    assert kept.dropped > 0
    assert kept.of(1, is_sent=False) is None
    assert best(kept, 39).captured_ns == at(39)


def test_where_memory_is_short_pictures_are_not_taken_again_with_each_frame() -> None:
    picture = noise(HEIGHT, WIDTH)
    kept = shots(PictureSettings(enabled=True, quality=95, held_max_bytes=512 * KIB))
    boxes: dict[int, Sequence[float]] = dict.fromkeys(range(1, 21), (1, 1, 200, 220))
    for number in range(40):
        kept.see(picture, tracks(number / 40, boxes))
    assert kept.dropped > 0, "there is no room for all of them"
    assert kept.taken <= 20 * 5, "five times a second at most, as often as one is looked at"


def test_who_is_gone_is_forgotten() -> None:
    kept = shots()
    kept.see(scene(), tracks(0, {1: LARGE, 2: SMALL}))
    kept.forget([1, 5])
    assert kept.of(1, is_sent=False) is None
    assert best(kept, 2).captured_ns == at(0)


def test_a_picture_that_was_sent_is_replaced_by_a_much_better_one_only() -> None:
    kept = shots()
    kept.see(scene(), tracks(0, {1: LARGE}, sure=0.5))
    sent = best(kept)
    kept.see(scene(), tracks(1, {1: LARGE}, sure=0.65))
    assert best(kept) is sent
    kept.see(scene(), tracks(2, {1: LARGE}, sure=0.95))
    assert kept.of(1, is_sent=True) is sent
    assert best(kept).captured_ns == at(2)


@given(
    boxes=st.lists(
        st.tuples(*[st.floats(0, 300)] * 2, *[st.floats(0.5, 200)] * 2), min_size=1, max_size=8
    ),
    sharpness=st.floats(0, 1e5),
)
def test_scores_are_shares_and_sharpness_never_adds(
    boxes: list[tuple[float, float, float, float]], sharpness: float
) -> None:
    xyxy = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], np.float32)
    scores = sights(xyxy, np.full(len(boxes), 0.9, np.float32), WIDTH, HEIGHT)
    assert ((scores >= 0) & (scores <= 1)).all()
    for score in scores.tolist():
        assert 0 <= with_sharpness(score, sharpness) <= score


@given(st.tuples(*[st.floats(-500, 900)] * 4))
def test_the_pixels_around_a_box_are_the_pictures(edges: tuple[float, ...]) -> None:
    box = around(list(edges), WIDTH, HEIGHT)
    if box is not None:
        left, top, right, bottom = box
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT
