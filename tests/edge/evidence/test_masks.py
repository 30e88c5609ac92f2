"""What is masked is gone: no byte of a picture or a clip depends on it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.evidence.camera import CameraEvidence
from edge.evidence.cutter import Clip
from edge.evidence.masks import Masks
from edge.evidence.matroska import matroska
from edge.evidence.settings import CameraEvidenceSettings, PrivacyMask
from edge.rules.geometry import Polygons
from edge.rules.port import Draft, Event
from models.detections import Image
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.stills import frame, noise, tracks

HEIGHT, WIDTH = 90, 120
Corners = list[tuple[float, float]]
SHARE = st.floats(0.0, 1.0, allow_nan=False)
TRIANGLES = st.tuples(*[st.tuples(SHARE, SHARE)] * 3).map(list)


def within(polygon: Corners) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(H, W), the pixels of which any corner or the middle is within the polygon."""
    shape = Polygons.of([polygon])
    hit = np.zeros((HEIGHT, WIDTH), np.bool_)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    for dx, dy in ((0.5, 0.5), (0.01, 0.01), (0.99, 0.01), (0.01, 0.99), (0.99, 0.99)):
        points = np.stack(((columns + dx) / WIDTH, (rows + dy) / HEIGHT), axis=-1)
        distance = shape.signed_distance(points.reshape(1, -1, 2))
        hit |= (distance > 0).reshape(HEIGHT, WIDTH)
    return hit


def differing_within(image: Image, polygon: Corners) -> Image:
    other: Image = image.copy()
    other[within(polygon)] ^= 0xFF
    return other


@given(polygon=TRIANGLES)
def test_every_pixel_that_a_mask_touches_is_painted(polygon: Corners) -> None:
    image = noise(HEIGHT, WIDTH)
    other = differing_within(image, polygon)
    masks = Masks([polygon])
    assert np.array_equal(masks.paint(image), masks.paint(other))
    assert not image[within(polygon)].any()


@given(polygon=TRIANGLES, box=st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(50, 90)] * 2))
def test_a_part_is_painted_as_the_whole(polygon: Corners, box: tuple[int, int, int, int]) -> None:
    image = noise(HEIGHT, WIDTH)
    before = image.copy()
    masks = Masks([polygon])
    part = masks.painted(image, box).copy()
    assert np.array_equal(image, before), "the frame that the network sees stays as it is"
    left, top, right, bottom = box
    assert np.array_equal(part, masks.paint(image)[top:bottom, left:right])


@settings(max_examples=30)
@given(polygon=TRIANGLES, before_inference=st.booleans(), scaled=st.booleans())
def test_no_byte_of_a_picture_or_a_clip_depends_on_what_is_masked(
    polygon: Corners, before_inference: bool, scaled: bool
) -> None:
    """Two cameras that differ only there make the same bytes, scaled or not."""
    try:
        mask = PrivacyMask(polygon=polygon, before_inference=before_inference)
    except ValidationError:
        return  # no polygon
    one = noise(HEIGHT, WIDTH)
    two = differing_within(one, polygon)
    assert kept_of(one, mask, scaled) == kept_of(two, mask, scaled)


def kept_of(image: Image, mask: PrivacyMask, scaled: bool) -> list[bytes]:
    """The bytes of all pictures and clips that are made of a camera with that picture."""
    told = CameraEvidenceSettings.model_validate({
        "privacy": [mask],
        "evidence": {
            "pictures": {"enabled": True, "of": "objects", "max_side_px": 64 if scaled else 480},
            "clips": {"enabled": True, "height_px": 64 if scaled else 480},
        },
    })  # fmt: skip
    clips: list[Clip] = []
    evidence = CameraEvidence(
        "gate", told, lambda camera, is_masked, clip, *, waits: clips.append(clip)
    )
    with evidence:
        passed = evidence.passed(frame(0, image.copy()))
        seen = tracks(0, {7: (20, 10, 90, 80)})
        hit = Event(kind=EventBatch.LINE_CROSSED, captured_ns=seen.captured_ns)
        hit.object.track_id = 7
        crowd = Event(kind=EventBatch.OCCUPANCY, captured_ns=seen.captured_ns)
        drafts = [Draft(Lane.ALARM, hit), Draft(Lane.ALARM, crowd)]
        drafts = evidence.look(passed.image, seen, drafts)
    pictures = [draft.shot.jpeg for draft in drafts if draft.shot]
    assert len(pictures) == 2
    assert len(clips) == 1
    return [*pictures, matroska(clips[0].stills)]


def test_the_network_sees_a_masked_picture_unless_it_is_told_otherwise() -> None:
    polygon = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    for before_inference in (True, False):
        mask = PrivacyMask(polygon=tuple(polygon), before_inference=before_inference)
        evidence = CameraEvidence("gate", CameraEvidenceSettings(privacy=(mask,)), None)
        image = evidence.passed(frame(0, noise())).image
        assert image[:, :40].any() != before_inference
        assert image[:, 100:].any()


def test_a_picture_that_cannot_be_written_is_copied() -> None:
    image = noise()
    image.flags.writeable = False
    before = image.copy()
    painted = Masks([[(0, 0), (1, 0), (1, 1), (0, 1)]]).paint(image)
    assert not painted.any()
    assert np.array_equal(image, before)


def test_a_mask_that_crosses_itself_is_refused() -> None:
    with pytest.raises(ValidationError, match="the outline of the mask crosses"):
        PrivacyMask(polygon=((0, 0), (1, 1), (1, 0), (0, 1)))
