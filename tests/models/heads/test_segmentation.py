"""Areas: the largest channel, in the picture's own pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.areas import NOTHING, Areas
from models.families import SegmentationHead
from models.heads.segmentation import SegmentationDecoder
from models.manifest import InputSpec, Letterbox, Plain, Thresholds
from models.preprocess import Geometry, geometry

CLASSES = ("road", "lane", "sky")
ANY = Thresholds()


def decoder(*outputs: tuple[str | None, ...], **further: object) -> SegmentationDecoder:
    head = SegmentationHead.model_validate(
        {"family": "segmentation", "outputs": outputs, **further}
    )
    return SegmentationDecoder(head, CLASSES)


@pytest.mark.parametrize(
    "channels", [("road", None), (None, "road"), ("sky", "road", None, "lane")]
)
def test_it_is_the_argmax(channels: tuple[str | None, ...]) -> None:
    logits = np.random.default_rng(1).normal(0, 1, (1, len(channels), 6, 8)).astype(np.float32)
    place = geometry(InputSpec(width=8, height=8, resize=Plain()), 8, 6)

    [found] = decoder(*[channels]).decode([logits], place, ANY).maps

    for row, column in np.ndindex(6, 8):
        name = channels[int(np.argmax(logits[0, :, row, column].astype(np.float64)))]
        assert found[row, column] == (NOTHING if name is None else CLASSES.index(name))


def test_a_single_channel_is_read_by_its_sign() -> None:
    logits = np.array([[[[-1.0, 0.0], [0.1, 2.0]]]], np.float32)
    place = Geometry(2, 2, 2, 2, 1.0, 1.0)
    [found] = decoder(("lane",)).decode([logits], place, ANY).maps
    assert found.tolist() == [[NOTHING, NOTHING], [1, 1]]
    [found] = decoder(("lane",), positive_above=0.5).decode([logits], place, ANY).maps
    assert found.tolist() == [[NOTHING, NOTHING], [NOTHING, 1]]


def test_labels_are_taken_as_they_are_and_strange_ones_are_nothing() -> None:
    labels = np.array([[[0, 1, 2], [3, -1, 1]]], np.int64)
    two = decoder((None, "road", "sky"), kind="labels")
    assert two.output_shapes == ((1, None, None),)
    [found] = two.decode([labels], Geometry(3, 2, 3, 2, 1.0, 1.0), ANY).maps
    assert found.tolist() == [[NOTHING, 0, 2], [NOTHING, NOTHING, 0]]


def test_several_outputs_are_maps_of_their_own() -> None:
    both = decoder((None, "road"), (None, "lane"))
    assert both.output_shapes == ((1, 2, None, None), (1, 2, None, None))
    road = np.zeros((1, 2, 2, 2), np.float32)
    road[0, 1] = 1
    lane = np.zeros((1, 2, 4, 4), np.float32)
    lane[0, 1, :, 0] = 1
    areas = both.decode([road, lane], Geometry(8, 8, 8, 8, 1.0, 1.0), ANY)
    assert areas.share(0) == 1.0
    assert areas.share(1) == 0.25
    assert areas.mask(1)[:, :2].all()
    assert not areas.mask(1)[:, 2:].any()
    assert areas.share(2) == 0.0


@given(
    width=st.integers(1, 60), height=st.integers(1, 60), seed=st.integers(0, 100),
    anchor=st.sampled_from(["top-left", "centre"]),
)  # fmt: skip
def test_the_share_is_that_of_the_mask(width: int, height: int, seed: int, anchor: str) -> None:
    spec = InputSpec(width=32, height=16, resize=Letterbox.model_validate({"anchor": anchor}))
    found = np.random.default_rng(seed).integers(0, 3, (4, 8)).astype(np.uint8)
    areas = Areas((found,), geometry(spec, width, height))

    for class_id in range(3):
        mask = areas.mask(class_id)
        assert mask.shape == (height, width)
        assert areas.share(class_id) == pytest.approx(mask.mean())
    assert sum(areas.share(class_id) for class_id in range(3)) == pytest.approx(1.0)


def test_what_is_no_map_is_refused() -> None:
    with pytest.raises(ValueError, match=r"maps\[0\]: expected \(rows, columns\) uint8, got"):
        Areas((np.zeros((1, 2, 2), np.uint8),), Geometry(2, 2, 2, 2, 1.0, 1.0))
