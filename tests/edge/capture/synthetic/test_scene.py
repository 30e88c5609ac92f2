from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.synthetic.faults import Fault, Faults
from edge.capture.synthetic.scene import Scene, SceneSettings, parse_scene


def test_a_url_describes_a_scene() -> None:
    url = "synthetic://yard?width=320&height=180&fps=12.5&objects=2&seed=9&faults=freeze@5-8,down@9-10"
    assert parse_scene(url) == SceneSettings(
        width=320, height=180, fps=12.5, objects=2, seed=9,
        faults=(Fault("freeze", 5, 8), Fault("down", 9, 10)),
    )  # fmt: skip
    assert parse_scene("synthetic://yard") == SceneSettings()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("hight=4", "knows no 'hight'; it knows width, height"),
        ("width=wide", "width=wide of synthetic:// must be a number from 64 to 7680"),
        ("width=1", "must be a number"),
        ("fps=nan", "must be a number"),
        ("faults=frozen@1-3", "there is no fault 'frozen'; there are down, end"),
        ("faults=freeze", "NAME@START"),
        ("faults=freeze@1-2.2.3", "could not convert"),
    ],
)
def test_a_url_that_cannot_be_read_says_what_there_is(query: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_scene(f"synthetic://yard?{query}")


@given(
    number=st.integers(0, 10**6), seed=st.integers(0, 100), objects=st.integers(0, 8),
)  # fmt: skip
def test_the_truth_is_what_is_drawn(number: int, seed: int, objects: int) -> None:
    scene = Scene(SceneSettings(width=160, height=96, objects=objects, seed=seed))
    image, boxes = scene.picture(number), scene.truth(number)
    assert boxes.shape == (objects, 4)
    drawn = np.zeros((96, 160), np.bool_)
    for left, top, right, bottom in boxes.astype(int).tolist():
        assert 0 <= left < right <= 160
        assert 0 <= top < bottom <= 96
        drawn[top:bottom, left:right] = True
    assert ((image.max(-1) >= 160) == drawn).all(), "and nothing else is"


def test_the_same_number_is_the_same_picture_and_objects_move() -> None:
    first, again = (Scene(SceneSettings(seed=3)) for _ in range(2))
    assert (first.picture(77) == again.picture(77)).all()
    assert (first.truth(0) != first.truth(25)).any(1).all()
    assert not (first.truth(0) == Scene(SceneSettings(seed=4)).truth(0)).all()


def test_faults_by_schedule_and_by_file(tmp_path: Path) -> None:
    control = tmp_path / "fault"
    faults = Faults((Fault("freeze", 5, 8), Fault("slow", 7, 16)), control)
    assert faults.in_force(4.9) == frozenset()
    assert faults.in_force(5) == {"freeze"}
    assert faults.in_force(7.5) == {"freeze", "slow"}
    assert faults.in_force(8) == {"slow"}
    control.write_text("down garbage\n")
    assert faults.in_force(0) == {"down", "garbage"}
    control.write_text("dwon")
    with pytest.raises(ValueError, match="there is no fault 'dwon'"):
        faults.in_force(0)
