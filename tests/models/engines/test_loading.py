"""What does not fit is refused before the first frame."""

from pathlib import Path

import numpy as np
import pytest

from models.checksum import sha256_of
from models.engines.fit import shapes_fit
from models.engines.loading import check_input, check_outputs, load_engine
from models.engines.port import TensorSpec
from models.errors import AssetError, ChecksumError, EngineError, ManifestError
from tests.support.fake_engine import FakeEngine, constant_engine
from tests.support.tiny_detector import tiny_answer, tiny_manifest
from tests.support.tiny_onnx import constant_network


def network(folder: Path, content: bytes) -> Path:
    path = folder / "network.onnx"
    path.write_bytes(content)
    return path


def test_a_network_that_fits_is_loaded(tmp_path: Path) -> None:
    path = network(tmp_path, constant_network((1, 3, 32, 32), tiny_answer()))

    engine = load_engine(tiny_manifest(sha256=sha256_of(path)), path)

    answer = engine.run(np.zeros((1, 3, 32, 32), np.float32))[0]
    np.testing.assert_array_equal(answer, tiny_answer())


def test_another_file_is_never_loaded(tmp_path: Path) -> None:
    path = network(tmp_path, b"no network, but its digest is looked at first")

    with pytest.raises(ChecksumError) as caught:
        load_engine(tiny_manifest(), path)

    assert sha256_of(path) in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert "fetch the network again, or correct the manifest's `sha256`" in str(caught.value)
    assert path.exists()


def test_a_file_that_is_no_onnx_is_an_engine_error(tmp_path: Path) -> None:
    path = network(tmp_path, b"this is no network")

    with pytest.raises(EngineError, match="cannot be loaded as ONNX"):
        load_engine(tiny_manifest(sha256=sha256_of(path)), path)


def test_a_file_that_cannot_be_read_is_an_asset_error(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="No such file"):
        load_engine(tiny_manifest(), tmp_path / "none.onnx")


def test_an_input_of_another_size_is_a_manifest_error(tmp_path: Path) -> None:
    path = network(tmp_path, constant_network((1, 3, 64, 64), tiny_answer()))

    with pytest.raises(ManifestError, match=r"1x3x32x32 float32.*'input' is 1x3x64x64 float32"):
        load_engine(tiny_manifest(sha256=sha256_of(path)), path)


def test_an_input_of_another_dtype_is_a_manifest_error() -> None:
    engine = FakeEngine([TensorSpec("x", (1, 3, 32, 32), np.dtype(np.uint8))], [], lambda x: [])

    with pytest.raises(ManifestError, match="is 1x3x32x32 uint8"):
        check_input(tiny_manifest(), engine)


def test_a_second_input_is_a_manifest_error() -> None:
    spec = TensorSpec("x", (1, 3, 32, 32), np.dtype(np.float32))

    with pytest.raises(ManifestError, match="has 2 inputs"):
        check_input(tiny_manifest(), FakeEngine([spec, spec], [], lambda x, y: []))


def test_an_output_that_the_head_cannot_read_is_a_manifest_error() -> None:
    engine = constant_engine((1, 3, 32, 32), np.zeros((1, 4, 85), np.float32))

    with pytest.raises(ManifestError, match=r"'yolox' with 3 classes reads 1x4x8.*1x4x85"):
        check_outputs(tiny_manifest(), [(1, 4, 8)], engine)


def test_free_dimensions_take_any_size() -> None:
    assert shapes_fit((1, 3, 32, 32), (None, 3, None, None))
    assert not shapes_fit((1, 3, 32, 32), (None, 4, None, None))
    assert not shapes_fit((1, 3, 32, 32), (None, 3, None))
