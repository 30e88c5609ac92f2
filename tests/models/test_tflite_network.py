"""A detector that comes as a TensorFlow Lite file, in real numbers, in bytes, and of free size."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("models.engines.litert", exc_type=ModuleNotFoundError)

from models import zoo
from models.cli import app
from models.detections import Detections, Image
from models.detector import Detector
from models.errors import ChecksumError, ManifestError
from models.manifest import text_of
from models.media import write_picture
from tests.support.tiny_detector import tiny_answer, tiny_manifest
from tests.support.tiny_tflite import Step, Tensor, constant_tflite, tflite_bytes

BRIGHT, DARK = (np.full((32, 32, 3), value, np.uint8) for value in (230, 20))
NHWC = {"width": 32, "height": 32, "resize": {"mode": "letterbox"}, "layout": "nhwc"}


def network(folder: Path, content: bytes, spec: dict[str, Any]) -> Path:
    """A manifest beside its .tflite file."""
    (folder / "tiny.tflite").write_bytes(content)
    manifest = tiny_manifest(sha256=hashlib.sha256(content).hexdigest(), input=spec)
    path = folder / "tiny.yaml"
    path.write_text(text_of(manifest))
    return path


def quantised_bytes() -> bytes:
    """A detector in bytes whose one box is as sure as the picture, in [0, 1], is bright."""
    where, rest = np.zeros((1, 4, 8), np.int8), tiny_answer(score=0.0) * 127
    where[0, 0, 4] = 127
    step = (1 / 127,)
    return tflite_bytes(
        [
            Tensor("picture", (1, 32, 32, 3), np.int8, scales=(1 / 255,), zero_point=-128),
            Tensor("axes", (3,), np.int32, value=np.array([1, 2, 3])),
            Tensor("brightness", (1,), np.int8, scales=(1 / 255,), zero_point=-128),
            Tensor("where", (1, 4, 8), np.int8, value=where, scales=step),
            Tensor("score", (1, 4, 8), np.int8, scales=step),
            Tensor("rest", (1, 4, 8), np.int8, value=rest, scales=step),
            Tensor("answer", (1, 4, 8), np.int8, scales=step),
        ],
        [
            Step("mean", ("picture", "axes"), "brightness"),
            Step("mul", ("where", "brightness"), "score"),
            Step("add", ("score", "rest"), "answer"),
        ],
        ["picture"],
        ["answer"],
    )


def found_by(path: Path, picture: Image = BRIGHT) -> Detections:
    detector = Detector.load(*zoo.resolve(str(path)))
    assert detector.engine.name == "litert/CPU"
    found = detector.detect(picture)
    detector.close()
    return found


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("shape", [(1, 32, 32, 3), (None, None, None, 3)], ids=["fixed", "free"])
def test_a_detector_in_real_numbers_sees(tmp_path: Path, shape: tuple[int | None, ...]) -> None:
    path = network(tmp_path, constant_tflite(shape, tiny_answer(class_id=1)), NHWC)
    found = found_by(path)
    assert found.class_id.tolist() == [1]
    np.testing.assert_allclose(found.xyxy, [[8, 8, 24, 24]], atol=1e-4)


def test_a_detector_in_bytes_is_given_what_its_manifest_says(tmp_path: Path) -> None:
    path = network(tmp_path, quantised_bytes(), {**NHWC, "scale": 1 / 255, "colour": "rgb"})
    found = found_by(path, BRIGHT)
    assert found.class_id.tolist() == [0]
    np.testing.assert_allclose(found.xyxy, [[8, 8, 24, 24]], atol=0.3)
    np.testing.assert_allclose(found.confidence, 230 / 255, atol=1.5 / 127)
    assert len(found_by(path, DARK)) == 0


def test_predict_runs_a_tflite_file(tmp_path: Path) -> None:
    path = network(tmp_path, quantised_bytes(), {**NHWC, "scale": 1 / 255})
    picture = tmp_path / "picture.png"
    write_picture(picture, BRIGHT)

    seen = call("predict", picture, "--model", path, "--out", tmp_path / "seen.png")
    assert seen.exit_code == 0, seen.stderr
    assert "seen: 1 person" in seen.stdout

    refused = call("predict", picture, "--model", path, "--out", tmp_path / "seen.png",
                   "--engine", "onnxruntime/CPU")  # fmt: skip
    assert refused.exit_code == 1
    assert "onnxruntime/CPU does not run TensorFlow Lite files; auto, litert/CPU" in refused.stderr


def test_a_tflite_network_is_registered_verified_and_run_from_its_record(tmp_path: Path) -> None:
    path = network(tmp_path, quantised_bytes(), {**NHWC, "scale": 1 / 255})
    (tmp_path / "pictures").mkdir()
    write_picture(tmp_path / "pictures" / "bright.png", BRIGHT)
    licence = Path(__file__).parents[2] / "LICENSE"

    done = call("register", "--model", path, "--store", tmp_path / "store", "--licence-file",
                licence, "--golden", tmp_path / "pictures")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    record = tmp_path / "store" / "tiny" / "1"
    assert (record / "network.tflite").read_bytes() == quantised_bytes()
    assert call("verify", record).exit_code == 0
    assert found_by(record, BRIGHT).class_id.tolist() == [0]


def test_what_is_only_for_onnx_refuses_a_tflite_file(tmp_path: Path) -> None:
    path = network(tmp_path, constant_tflite((1, 32, 32, 3), tiny_answer()), NHWC)
    frames = tmp_path / "frames"
    frames.mkdir()
    write_picture(frames / "picture.png", BRIGHT)
    for command in ("prepare", "halve", "quantise"):
        refused = call(command, "--model", path, "--frames", frames, "--out",
                       tmp_path / "made.onnx")  # fmt: skip
        assert refused.exit_code == 1
        assert "is a TensorFlow Lite file, and only ONNX files are looked into" in refused.stderr
        assert not (tmp_path / "made.onnx").exists()
    refused = call("inspect", tmp_path / "tiny.tflite")
    assert refused.exit_code == 1
    assert "is a TensorFlow Lite file" in refused.stderr


def test_another_file_is_never_loaded(tmp_path: Path) -> None:
    path = network(tmp_path, constant_tflite((1, 32, 32, 3), tiny_answer()), NHWC)
    (tmp_path / "tiny.tflite").write_bytes(quantised_bytes())
    with pytest.raises(ChecksumError):
        found_by(path)


def test_a_manifest_of_another_layout_is_told(tmp_path: Path) -> None:
    path = network(
        tmp_path, constant_tflite((1, 32, 32, 3), tiny_answer()), {**NHWC, "layout": "nchw"}
    )
    with pytest.raises(
        ManifestError, match="is 1x3x32x32 float32, the network's 'picture' is 1x32"
    ):
        found_by(path)
