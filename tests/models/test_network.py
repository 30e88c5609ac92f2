"""Several pictures at once are found to show what each shows alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from models.cli import app
from models.compile.batch import with_batch
from models.detections import Image
from models.detector import Detector
from models.engines.onnxruntime import OnnxRuntimeEngine
from models.engines.port import Tensor, TensorSpec
from models.graph.read import read_graph
from models.manifest import Manifest, load_manifest
from models.media import VideoReader
from models.prediction.rows import rows_of
from models.selection import network_class
from tests.support.fake_engine import FakeEngine
from tests.support.family_onnx import NETWORKS, Network
from tests.support.real_assets import real_asset, real_network

SIZES = ((64, 64), (48, 96), (200, 100), (10, 10), (64, 30))


def drafted(network: Network, folder: Path) -> Manifest:
    """The manifest that `inspect` writes."""
    file = folder / "network.onnx"
    onnx.save(network.model(), file)
    told = CliRunner().invoke(
        app, ["inspect", str(file), "--manifest", str(file.with_suffix(".yaml"))]
    )
    assert told.exit_code == 0, told.stderr
    return load_manifest(file.with_suffix(".yaml"))


class Dimming(FakeEngine):
    """Answers as a family's network does, the weaker the darker the picture; any batch.

    Where an output has no dimension of pictures it takes one at a time.
    """

    def __init__(self, answers: Sequence[NDArray[Any]]) -> None:
        self.runs: list[int] = []
        sizes = [((None if a.shape[:1] == (1,) else a.shape[0]), *a.shape[1:]) for a in answers]
        outputs = [
            TensorSpec(f"output{number}", size, answer.dtype)
            for number, (size, answer) in enumerate(zip(sizes, answers, strict=True))
        ]

        def compute(x: Tensor) -> list[Tensor]:
            self.runs.append(len(x))
            scales = [np.float32(1.0 if one.any() else 0.8) for one in x]
            return [
                np.concatenate([(answer * scale).astype(answer.dtype) for scale in scales])
                for answer in answers
            ]

        spec = TensorSpec("images", (None, 3, 64, 64), np.dtype(np.float32))
        super().__init__([spec], outputs, compute)


@pytest.mark.parametrize("family", NETWORKS, ids=lambda one: one.name)
def test_each_family_finds_in_a_batch_what_it_finds_alone(family: Network, tmp_path: Path) -> None:
    manifest = drafted(family, tmp_path)
    engine = Dimming(list(family.outputs.values()))
    network: Any = network_class(manifest)(manifest, engine)
    pictures: list[Image] = [
        np.full((*size, 3), 255 * (number % 2), np.uint8) for number, size in enumerate(SIZES)
    ]
    alone = [network.find(picture) for picture in pictures]
    del engine.runs[:]

    together = network.find_all(pictures)

    assert engine.runs == ([5] if engine.most_at_once is None else [1] * 5)
    for picture, one, other in zip(pictures, together, alone, strict=True):
        height, width = picture.shape[:2]
        assert rows_of(one, width, height) == rows_of(other, width, height)


def test_a_real_network_finds_in_a_batch_what_it_finds_alone(tmp_path: Path) -> None:
    manifest, path = real_network("yolox-nano")
    onnx.save(with_batch(read_graph(path), None), tmp_path / "free.onnx")
    detector = Detector(manifest, OnnxRuntimeEngine(tmp_path / "free.onnx"))
    with VideoReader(real_asset("cctv-people")) as reader:
        pictures = [frame for _, frame in zip(range(120), reader, strict=False)][::40]
    assert detector.engine.most_at_once is None

    together = detector.find_all(pictures)

    assert sum(len(found) for found in together) > 0
    for picture, found in zip(pictures, together, strict=True):
        alone = detector.find(picture)
        np.testing.assert_allclose(found.xyxy, alone.xyxy, atol=0.05)
        np.testing.assert_allclose(found.confidence, alone.confidence, atol=1e-3)
        np.testing.assert_array_equal(found.class_id, alone.class_id)
    detector.close()


def test_nothing_is_found_in_no_picture() -> None:
    manifest, path = real_network("yolox-nano")
    detector = Detector.load(manifest, path)
    assert list(detector.find_all([])) == []
    detector.close()
