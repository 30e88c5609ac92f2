"""Frame in, Detections out."""

from pathlib import Path

import numpy as np
import pytest

from models import zoo
from models.checksum import sha256_of
from models.detector import Detector
from models.errors import ManifestError
from tests.support.fake_engine import constant_engine
from tests.support.tiny_detector import CLASSES, tiny_answer, tiny_manifest, write_tiny_model
from tests.support.tiny_onnx import constant_network

INPUT = (1, 3, 32, 32)


def test_a_box_of_the_input_is_found_in_the_picture() -> None:
    detector = Detector(tiny_manifest(), constant_engine(INPUT, tiny_answer(class_id=1)))

    found = detector.detect(np.zeros((48, 64, 3), np.uint8))

    np.testing.assert_allclose(found.xyxy, [[16, 16, 48, 48]])
    np.testing.assert_allclose(found.confidence, [0.9])
    assert CLASSES[found.class_id[0]] == "car"


def test_what_is_not_sure_enough_is_not_found() -> None:
    engine = constant_engine(INPUT, tiny_answer(score=0.4))
    picture = np.zeros((32, 32, 3), np.uint8)

    assert len(Detector(tiny_manifest(), engine).detect(picture)) == 0
    assert len(Detector(tiny_manifest().with_confidence(0.3), engine).detect(picture)) == 1


class Listening:
    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []

    def prepared(self, took_ns: int, /) -> None:
        self.heard.append(("prepared", took_ns))

    def inferred(self, took_ns: int, /) -> None:
        self.heard.append(("inferred", took_ns))

    def decoded(self, took_ns: int, /) -> None:
        self.heard.append(("decoded", took_ns))


def test_who_listens_is_told_of_each_step() -> None:
    detector = Detector(tiny_manifest(), constant_engine(INPUT, tiny_answer()))
    detector.steps = listening = Listening()

    detector.detect(np.zeros((48, 64, 3), np.uint8))

    assert [step for step, _ in listening.heard] == ["prepared", "inferred", "decoded"]
    assert all(took_ns > 0 for _, took_ns in listening.heard)


def test_the_three_steps_are_the_whole() -> None:
    detector = Detector(tiny_manifest(), constant_engine(INPUT, tiny_answer()))
    picture = np.full((20, 70, 3), 7, np.uint8)

    tensor, geometry = detector.prepare(picture)
    found = detector.decode(detector.infer(tensor), geometry)

    assert tensor.shape == INPUT
    np.testing.assert_array_equal(found.xyxy, detector.detect(picture).xyxy)


def test_a_manifest_that_does_not_fit_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="1x3x32x32"):
        Detector(tiny_manifest(), constant_engine((1, 3, 64, 64), tiny_answer()))

    path = tmp_path / "network.onnx"
    path.write_bytes(constant_network(INPUT, np.zeros((1, 9, 9), np.float32)))
    with pytest.raises(ManifestError, match="returns 1x9x9"):
        Detector.load(tiny_manifest(sha256=sha256_of(path)), path)


def test_a_manifest_and_its_file_are_a_detector(tmp_path: Path) -> None:
    detector = Detector.load(*zoo.resolve(str(write_tiny_model(tmp_path, class_id=2))))

    found = detector.detect(np.zeros((32, 32, 3), np.uint8))

    assert found.class_id.tolist() == [2]
    assert detector.engine.name == "onnxruntime/CPU"


def test_closing_it_closes_its_engine() -> None:
    engine = constant_engine(INPUT, tiny_answer())

    Detector(tiny_manifest(), engine).close()

    assert engine.closed
