"""Pictures into tensors, and boxes there and back."""

import threading
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.detections import Image
from models.manifest import InputSpec
from models.preprocess import Geometry, Preprocessor, geometry

LETTERBOX = {"mode": "letterbox", "pad_value": 114}
PLAIN = {"mode": "plain"}
sides = st.integers(1, 4000)
resizes = st.sampled_from([LETTERBOX, PLAIN])


def spec(width: int = 64, height: int = 48, **changes: object) -> InputSpec:
    return InputSpec.model_validate(
        {"width": width, "height": height, "resize": LETTERBOX, **changes}
    )


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def whole(place: Geometry) -> NDArray[np.float64]:
    return np.array([[0, 0, place.source_width, place.source_height]], np.float64)


@given(width=sides, height=sides, resize=resizes, data=st.data())
def test_boxes_come_back_as_they_went(
    width: int, height: int, resize: object, data: st.DataObject
) -> None:
    place = geometry(spec(416, 320, resize=resize), width, height)
    x = st.floats(-width, 2 * width, width=32)
    y = st.floats(-height, 2 * height, width=32)
    boxes = np.array(data.draw(st.lists(st.tuples(x, y, x, y), max_size=5)), np.float32)
    boxes = boxes.reshape(-1, 4)

    back = place.to_source(place.to_input(boxes))

    assert back.dtype == np.float32
    np.testing.assert_allclose(back, boxes, rtol=1e-5, atol=1e-5 * max(width, height))


@given(width=sides, height=sides, resize=resizes)
def test_the_whole_picture_lies_inside_of_the_input(
    width: int, height: int, resize: object
) -> None:
    place = geometry(spec(416, 320, resize=resize), width, height)

    left, top, right, bottom = place.to_input(whole(place))[0]

    assert left == 0
    assert top == 0
    assert 0 < right <= 416 + 1e-9
    assert 0 < bottom <= 320 + 1e-9
    assert abs(right - 416) < 1e-9 or abs(bottom - 320) < 1e-9


@given(width=st.integers(32, 4000), height=st.integers(32, 4000))
def test_a_letterbox_keeps_proportions_to_half_a_pixel(width: int, height: int) -> None:
    place = geometry(spec(416, 416), width, height)
    ratio = 416 / max(width, height)

    assert abs(width * place.scale_x - width * ratio) <= 0.5 + 1e-9 or width * ratio < 1
    assert abs(height * place.scale_y - height * ratio) <= 0.5 + 1e-9 or height * ratio < 1


def test_clip_cuts_at_the_edges_of_the_picture() -> None:
    place = geometry(spec(), 100, 50)
    boxes = np.array([[-5, 10, 20, 70], [90, -1, 130, 50]], np.float32)

    expected = np.array([[0, 10, 20, 50], [90, 0, 100, 50]], np.float32)
    np.testing.assert_array_equal(place.clip(boxes), expected)


def test_a_letterbox_lies_at_the_top_left_and_is_padded() -> None:
    image = noise(30, 80)

    tensor, place = Preprocessor(spec(64, 48))(image)

    picture = cv2.resize(image, (64, 24), interpolation=cv2.INTER_LINEAR)
    expected = np.full((48, 64, 3), 114, np.uint8)
    expected[:24] = picture
    np.testing.assert_array_equal(tensor[0], expected.transpose(2, 0, 1).astype(np.float32))
    assert (place.scale_x, place.scale_y) == (0.8, 0.8)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous


def test_a_tall_picture_is_padded_at_its_right() -> None:
    image = noise(96, 20)

    tensor, _ = Preprocessor(spec(64, 48))(image)

    expected = cv2.resize(image, (10, 48)).transpose(2, 0, 1)
    np.testing.assert_array_equal(tensor[0, :, :, :10], expected.astype(np.float32))
    assert (tensor[0, :, :, 10:] == 114).all()


def test_a_plain_resize_by_area_fills_the_input() -> None:
    image = noise(131, 97)

    tensor, _ = Preprocessor(spec(resize=PLAIN, interpolation="area", scale=1 / 255))(image)

    picture = cv2.resize(image, (64, 48), interpolation=cv2.INTER_AREA)
    expected = picture.transpose(2, 0, 1).astype(np.float32) / 255
    np.testing.assert_allclose(tensor[0], expected, atol=1e-6)


def test_colour_scale_mean_and_std_are_those_of_the_tensor() -> None:
    image = noise(48, 64)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    tensor, _ = Preprocessor(spec(colour="rgb", scale=1 / 255, mean=mean, std=std))(image)

    expected = (image[..., ::-1] / 255 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(tensor[0], expected.transpose(2, 0, 1), atol=1e-5)


def test_padding_is_right_again_after_a_picture_of_another_shape() -> None:
    preprocessor = Preprocessor(spec(64, 48))
    wide = noise(30, 80)
    expected, _ = Preprocessor(spec(64, 48))(wide)

    preprocessor(noise(96, 20, seed=1))
    tensor, _ = preprocessor(wide)

    np.testing.assert_array_equal(tensor, expected)


def test_a_tensor_stays_as_it_is_when_the_next_picture_comes() -> None:
    preprocessor = Preprocessor(spec())
    first, _ = preprocessor(noise(30, 80))
    copy = first.copy()

    preprocessor(noise(30, 80, seed=1))

    np.testing.assert_array_equal(first, copy)


def test_threads_that_share_one_do_not_disturb_each_other() -> None:
    preprocessor = Preprocessor(spec(128, 128))
    images = [noise(90 + 40 * number, 160, seed=number) for number in range(4)]
    expected = [Preprocessor(spec(128, 128))(image)[0] for image in images]
    wrong: list[int] = []
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        tensors = (preprocessor(images[number])[0] for _ in range(30))
        if not all(np.array_equal(tensor, expected[number]) for tensor in tensors):
            wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(image: Image) -> None:
    with pytest.raises(ValueError, match=r"expected \(H, W, 3\) uint8"):
        Preprocessor(spec())(image)


def test_a_centred_letterbox_has_as_much_on_both_sides() -> None:
    image = noise(30, 80)
    centred = {**LETTERBOX, "anchor": "centre"}

    tensor, place = Preprocessor(spec(64, 49, resize=centred))(image)

    assert (place.pad_left, place.pad_top) == (0, 12)  # of 25 rows, 12 above and 13 below
    picture = cv2.resize(image, (64, 24), interpolation=cv2.INTER_LINEAR)
    expected = np.full((49, 64, 3), 114, np.uint8)
    expected[12:36] = picture
    np.testing.assert_array_equal(tensor[0].transpose(1, 2, 0), expected)


@given(
    width=st.integers(8, 500), height=st.integers(8, 500), share=st.sampled_from([0.5, 0.875, 1])
)
def test_a_crop_fills_the_input_with_the_middle(width: int, height: int, share: float) -> None:
    of = spec(64, 48, resize={"mode": "centre-crop", "share": share})

    tensor, place = Preprocessor(of)(noise(height, width))

    left, top, right, bottom = place.to_input(whole(place))[0]
    assert max(left, top) <= 1e-9
    assert min(right - 64, bottom - 48) >= -1e-9
    assert abs(-left - (right - 64)) <= 1 + 1e-9
    assert abs(-top - (bottom - 48)) <= 1 + 1e-9
    assert min((right - left) * share / 64, (bottom - top) * share / 48) == pytest.approx(
        1, abs=0.05
    )
    assert tensor.shape == (1, 3, 48, 64)


def test_a_crop_shows_the_pixels_of_the_middle() -> None:
    image = noise(96, 128)
    of = spec(64, 48, resize={"mode": "centre-crop", "share": 0.5})

    tensor, place = Preprocessor(of)(image)

    np.testing.assert_array_equal(tensor[0].transpose(1, 2, 0), image[24:72, 32:96])
    assert (place.pad_left, place.pad_top) == (-32, -24)


@pytest.mark.parametrize("colour", ["bgr", "rgb"])
def test_channels_last_hold_the_same_as_channels_first(colour: str) -> None:
    shared: dict[str, Any] = {
        "colour": colour,
        "scale": 1 / 255,
        "mean": (0.1, 0.2, 0.3),
        "std": (0.5, 0.6, 0.7),
    }
    first, _ = Preprocessor(spec(**shared))(noise(30, 50))
    last, _ = Preprocessor(spec(**shared, layout="nhwc"))(noise(30, 50))

    assert last.shape == (1, 48, 64, 3)
    np.testing.assert_array_equal(np.moveaxis(last, 3, 1), first)
