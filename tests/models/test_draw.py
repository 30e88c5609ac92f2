"""What is drawn, where, and on what."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.areas import NOTHING, Areas
from models.detections import Detections, Image
from models.draw import Shape, colour_of, draw, draw_areas, draw_ranking
from models.preprocess import Geometry
from models.ranking import Ranking

CLASSES = ("person", "car")


def grey() -> Image:
    return np.full((240, 320, 3), 90, np.uint8)


def one(left: float, top: float, right: float, bottom: float, class_id: int = 0) -> Detections:
    return Detections(
        np.array([[left, top, right, bottom]], np.float32),
        np.array([0.5], np.float32),
        np.array([class_id], np.int32),
    )


def changed(image: Image) -> NDArray[np.bool_]:
    """(240, 320): where something was drawn on `grey`."""
    mask: NDArray[np.bool_] = (image != grey()).any(axis=2)
    return mask


def test_the_picture_itself_stays_as_it_is() -> None:
    picture = grey()

    drawn = draw(picture, one(50, 60, 150, 200), CLASSES)

    np.testing.assert_array_equal(picture, grey())
    assert drawn.shape == picture.shape


def test_a_box_has_its_edges_where_the_object_ends() -> None:
    drawn = draw(grey(), one(50, 60, 150, 200, class_id=1), CLASSES)

    for x, y in ((50, 130), (149, 130), (100, 199), (140, 60)):
        assert tuple(drawn[y, x]) == colour_of(1)
    assert not changed(drawn)[70:190, 60:140].any()


def test_a_label_stands_above_its_box_and_a_track_id_makes_it_longer() -> None:
    plain = changed(draw(grey(), one(50, 100, 90, 200), CLASSES))
    tracked = changed(draw(grey(), one(50, 100, 90, 200), CLASSES, track_ids=[12345]))

    assert plain[85:95, 55:80].any()
    assert tracked[90].sum() > plain[90].sum()


@pytest.mark.parametrize("box", [(0, 0, 30, 30), (300, 0, 320, 240), (0, 230, 320, 240)])
def test_a_label_at_the_edge_stays_in_the_picture(
    box: tuple[float, float, float, float],
) -> None:
    marks = changed(draw(grey(), one(*box), CLASSES))
    middle = changed(draw(grey(), one(100, 100, 130, 130), CLASSES))

    label_pixels = middle[80:99, 100:200].sum()
    assert marks.sum() >= label_pixels


def test_zones_are_closed_and_lines_are_not() -> None:
    points = np.array([[100, 100], [200, 100], [200, 200]], np.float32)

    line = draw(grey(), Detections.empty(), CLASSES, shapes=[Shape("gate", points, closed=False)])
    zone = draw(grey(), Detections.empty(), CLASSES, shapes=[Shape("yard", points, closed=True)])

    assert changed(line)[100, 180]
    assert changed(zone)[150, 150]
    assert not changed(line)[150, 150]


def test_classes_differ_in_colour() -> None:
    colours = np.array([colour_of(class_id) for class_id in range(12)])

    distance = np.abs(colours[:, None] - colours[None, :]).sum(axis=2)
    assert distance[~np.eye(12, dtype=bool)].min() > 40


def test_nothing_seen_is_the_same_picture() -> None:
    np.testing.assert_array_equal(draw(grey(), Detections.empty(), CLASSES), grey())


def test_a_mask_tints_its_object_alone() -> None:
    found = one(50, 60, 150, 200)
    mask = np.zeros((140, 100), np.bool_)
    mask[:, :40] = True
    seen = Detections(found.xyxy, found.confidence, found.class_id, (mask,))

    drawn = draw(grey(), seen, CLASSES)

    assert changed(drawn)[70:190, 55:85].all()
    assert not changed(drawn)[70:190, 95:145].any()


def test_areas_are_tinted_and_listed_with_their_share() -> None:
    found = np.full((24, 32), NOTHING, np.uint8)
    found[12:] = 1
    areas = Areas((found,), Geometry(320, 240, 320, 240, 1.0, 1.0))

    drawn = draw_areas(grey(), areas, CLASSES)

    assert changed(drawn)[120:].all()
    assert not changed(drawn)[60:120].any()
    assert changed(drawn)[:30, :60].any()
    np.testing.assert_array_equal(grey(), np.full((240, 320, 3), 90, np.uint8))


def test_the_surest_classes_are_listed() -> None:
    ranking = Ranking(np.array([1, 0], np.int32), np.array([0.9, 0.1], np.float32))

    both, first = (draw_ranking(grey(), ranking, CLASSES, top=top) for top in (2, 1))

    assert changed(first).any()
    assert changed(both).sum() > changed(first).sum()
