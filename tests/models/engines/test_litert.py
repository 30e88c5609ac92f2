"""Integers that stand for real numbers, and LiteRT's own troubles, told in one line.

An Edge TPU cannot be had by tests; they reach as far as the library that is missing.
"""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.engines.port import TensorSpec
from models.errors import EngineError

adapter: Any = pytest.importorskip("models.engines.litert", exc_type=ModuleNotFoundError)

from tests.support.tiny_tflite import Step, Tensor, tflite_bytes  # noqa: E402 - needs litert

F32, I8, U8 = np.dtype(np.float32), np.dtype(np.int8), np.dtype(np.uint8)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "network.tflite"
    path.write_bytes(content)
    return path


def doubles(x: Tensor, y: Tensor) -> bytes:
    return tflite_bytes([x, y], [Step("add", ("x", "x"), "y")], ["x"], ["y"])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_integers_with_a_scale_are_real_numbers_outside(
    tmp_path: Path, dtype: type[np.generic]
) -> None:
    zero = 5 if dtype is np.uint8 else -1
    path = written(
        tmp_path,
        doubles(
            Tensor("x", (1, 4), dtype, scales=(0.5,), zero_point=zero),
            Tensor("y", (1, 4), dtype, scales=(0.25,), zero_point=0),
        ),
    )
    engine = adapter.LiteRtEngine(path)

    assert engine.inputs == (TensorSpec("x", (1, 4), F32),)
    assert engine.outputs == (TensorSpec("y", (1, 4), F32),)
    (y,) = engine.run(np.array([[0, 1, 2.4, 7]], np.float32))
    # 2.4 lies nearest to step 5 of 0.5, which is 2.5
    np.testing.assert_array_equal(y, np.array([[0, 2, 5, 14]], np.float32))


def test_what_no_integer_can_stand_for_becomes_the_nearest_that_can(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        doubles(
            Tensor("x", (1, 2), np.int8, scales=(0.5,)),
            Tensor("y", (1, 2), np.int8, scales=(1.0,)),
        ),
    )
    (y,) = adapter.LiteRtEngine(path).run(np.array([[1000, -1000]], np.float32))
    np.testing.assert_array_equal(y, np.array([[127, -128]], np.float32))


def test_pictures_may_be_given_as_the_bytes_they_are(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        doubles(
            Tensor("x", (1, 3), np.uint8, scales=(1.0,)),
            Tensor("y", (1, 3), np.uint8, scales=(2.0,)),
        ),
    )
    engine = adapter.LiteRtEngine(path, takes_integers=True)

    assert engine.inputs == (TensorSpec("x", (1, 3), U8),)
    (y,) = engine.run(np.array([[0, 7, 255]], np.uint8))
    np.testing.assert_array_equal(y, np.array([[0, 14, 510]], np.float32))


def test_bytes_without_a_scale_are_whole_numbers(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        tflite_bytes(
            [Tensor("x", (1, 3), np.uint8),
             Tensor("y", (1, 3), np.uint8)],
            [Step("maximum", ("x", "x"), "y")], ["x"], ["y"],
        ),
    )  # fmt: skip
    engine = adapter.LiteRtEngine(path)

    assert engine.inputs[0].dtype == F32
    assert engine.outputs[0].dtype == U8, "a label, perhaps: nobody says it is a real number"
    (y,) = engine.run(np.array([[0, 7, 255]], np.float32))
    np.testing.assert_array_equal(y, np.array([[0, 7, 255]], np.uint8))


def test_a_scale_for_each_channel_is_refused(tmp_path: Path) -> None:
    """The library may refuse it by itself; both are errors of ours."""
    path = written(
        tmp_path,
        doubles(Tensor("x", (1, 2), np.int8, scales=(0.5, 0.25)), Tensor("y", (1, 2), np.int8)),
    )
    with pytest.raises(EngineError, match=r"network\.tflite"):
        adapter.LiteRtEngine(path)


def test_sizes_that_are_free_may_be_others_each_time_and_others_may_not(tmp_path: Path) -> None:
    path = written(tmp_path, doubles(Tensor("x", (None, None, 3)), Tensor("y", (None, None, 3))))
    engine = adapter.LiteRtEngine(path)

    assert engine.inputs[0].shape == (None, None, 3)
    for shape in ((1, 2, 3), (4, 1, 3), (1, 2, 3)):
        (y,) = engine.run(np.ones(shape, np.float32))
        np.testing.assert_array_equal(y, np.full(shape, 2, np.float32))
    with pytest.raises(EngineError, match=r"'x' takes \?x\?x3 float32, 1x2x4 float32 was given"):
        engine.run(np.ones((1, 2, 4), np.float32))


@pytest.mark.parametrize("content", [b"", b"this is no network", b"\x08" * 4000])
def test_a_file_that_is_no_tflite_is_an_engine_error_of_one_line(
    tmp_path: Path, content: bytes
) -> None:
    path = written(tmp_path, content)
    for device, told in (
        ("CPU", "cannot be loaded as TensorFlow Lite"),
        ("EdgeTPU", "was cut off"),
    ):
        with pytest.raises(EngineError, match=told) as caught:
            adapter.LiteRtEngine(path, device=device)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_a_name_that_is_no_text_is_an_engine_error(tmp_path: Path) -> None:
    content = tflite_bytes(
        [Tensor("x_name", (1, 3)), Tensor("y", (1, 3))],
        [Step("add", ("x_name", "x_name"), "y")], ["x_name"], ["y"],
    ).replace(b"x_name", b"x\xff\xfeame")  # fmt: skip
    with pytest.raises(EngineError, match=r"network\.tflite: cannot be loaded .*can't decode byte"):
        adapter.LiteRtEngine(written(tmp_path, content))


def test_more_memory_than_there_is_is_said(tmp_path: Path) -> None:
    """4 TB, for which LiteRT's error is empty."""
    content = doubles(Tensor("x", (10**6, 10**6)), Tensor("y", (10**6, 10**6)))
    with pytest.raises(EngineError, match="cannot be loaded: it needs more memory than there is"):
        adapter.LiteRtEngine(written(tmp_path, content))


def test_a_missing_file_is_an_engine_error(tmp_path: Path) -> None:
    for device in adapter.DEVICES:
        with pytest.raises(EngineError, match=r"none\.tflite: can"):
            adapter.LiteRtEngine(tmp_path / "none.tflite", device=device)


def test_an_operator_that_nobody_knows_is_an_engine_error(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        tflite_bytes(
            [Tensor("x", (1,)), Tensor("y", (1,))], [Step("frobnicate", ("x",), "y")], ["x"], ["y"]
        ),
    )
    with pytest.raises(EngineError, match="frobnicate"):
        adapter.LiteRtEngine(path)


def test_a_network_that_was_not_compiled_for_an_edge_tpu_would_run_beside_it(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, doubles(Tensor("x", (1, 3)), Tensor("y", (1, 3))))
    with pytest.raises(EngineError, match=r"all of it would run on the CPU.*edgetpu_compiler netw"):
        adapter.LiteRtEngine(path, device="EdgeTPU")


def test_without_an_edge_tpus_library_it_is_told_how_to_install_it(tmp_path: Path) -> None:
    try:
        ctypes.CDLL("libedgetpu.so.1")
    except OSError:
        pass
    else:
        pytest.skip("it is installed here")
    tensors = [Tensor("x", (1, 3)), Tensor("t", (1, 3)), Tensor("y", (1, 3))]
    steps = [Step("edgetpu-custom-op", ("x",), "t"), Step("add", ("t", "t"), "y")]
    path = written(tmp_path, tflite_bytes(tensors, steps, ["x"], ["y"]))
    with pytest.raises(EngineError, match=r"libedgetpu\.so\.1 is not installed.*libedgetpu1-std"):
        adapter.LiteRtEngine(path, device="EdgeTPU")
    assert adapter.left_to_cpu(path) == 1
