"""An ONNX file into an engine: which calls each version gets, and what each refuses."""

from pathlib import Path
from typing import Any

import pytest

from models.compile.tensorrt.network import Built, build_engine
from models.compile.tensorrt.options import Batch, Options, Precision
from models.errors import EngineError
from tests.support.recorded_tensorrt import Recorded

ONNX = Path("net.onnx")
FREE = (-1, 3, 8, 8)
EXPLICIT_BATCH, STRONGLY_TYPED = 1, 2


def build(recorded: Recorded, options: Options | None = None, timing_cache: bytes = b"") -> Built:
    shares: list[float] = []
    return build_engine(recorded.library, ONNX, options or Options(), timing_cache, shares.append)


def refusal(recorded: Recorded, options: Options) -> str:
    with pytest.raises(EngineError) as error:
        build(recorded, options)
    assert "\n" not in str(error.value)
    return str(error.value)


def flags(recorded: Recorded) -> set[str]:
    return {flag.name for (flag,) in recorded.asked("set_flag")}


@pytest.mark.parametrize(
    ("version", "options", "expected"),
    [
        pytest.param("8.6.1", Options(), EXPLICIT_BATCH, id="8.6"),
        pytest.param("10.3.0", Options(), EXPLICIT_BATCH | STRONGLY_TYPED, id="10"),
        pytest.param("10.3.0", Options("fp16"), EXPLICIT_BATCH, id="10 by flags"),
        pytest.param("11.4.1", Options(), STRONGLY_TYPED, id="11"),
    ],
)
def test_a_network_is_made_as_the_version_has_it(
    version: str, options: Options, expected: int
) -> None:
    recorded = Recorded(version)

    assert build(recorded, options).engine == b"engine"

    assert recorded.asked("create_network") == [(expected,)]


@pytest.mark.parametrize(
    ("version", "precision", "network", "expected"),
    [
        pytest.param("8.6.1", "onnx", {}, set(), id="8.6 float32"),
        pytest.param("8.6.1", "onnx", {"half": True}, {"FP16"}, id="8.6 file of FP16"),
        pytest.param("8.6.1", "onnx", {"quantised": True}, {"INT8"}, id="8.6 file of INT8"),
        pytest.param("8.6.1", "fp16", {}, {"FP16"}, id="8.6 asked for FP16"),
        pytest.param("8.6.1", "int8", {"quantised": True}, {"INT8", "FP16"}, id="8.6 both"),
        pytest.param("10.3.0", "onnx", {"half": True}, set(), id="10 file of FP16"),
        pytest.param("10.3.0", "fp16", {}, {"FP16"}, id="10 asked for FP16"),
        pytest.param("10.3.0", "fp16", {"quantised": True}, {"INT8", "FP16"}, id="10 Q/DQ"),
        pytest.param("11.4.1", "onnx", {"quantised": True}, set(), id="11 file of INT8"),
    ],
)  # fmt: skip
def test_flags_of_precision_are_set_where_there_are_any(
    version: str, precision: Precision, network: dict[str, Any], expected: set[str]
) -> None:
    recorded = Recorded(version, **network)

    build(recorded, Options(precision))

    assert flags(recorded) == expected


@pytest.mark.parametrize(("precision", "command"), [("fp16", "halve"), ("int8", "quantise")])
def test_strongly_typed_versions_refuse_a_precision_and_say_what_to_do(
    precision: Precision, command: str
) -> None:
    told = refusal(Recorded("11.4.1"), Options(precision))

    assert told.startswith("TensorRT 11.4.1 takes the precision from the ONNX file")
    assert f"`wayside-models {command}`" in told


def test_int8_without_a_calibration_in_the_file_is_refused() -> None:
    told = refusal(Recorded("10.3.0"), Options("int8"))

    assert told.startswith("net.onnx: is not quantised")
    assert "`wayside-models quantise`" in told


@pytest.mark.parametrize(
    ("version", "shared"), [("8.6.1", True), ("10.3.0", False), ("11.4.1", False)]
)
def test_a_free_batch_gets_a_profile_that_two_contexts_may_share(
    version: str, shared: bool
) -> None:
    recorded = Recorded(version, shape=FREE)

    build(recorded, Options(batch=Batch(1, 2, 4)))

    assert recorded.asked("set_shape") == [("x", (1, 3, 8, 8), (2, 3, 8, 8), (4, 3, 8, 8))]
    features = [(feature.name, on) for feature, on in recorded.asked("set_preview_feature")]
    assert features == ([("PROFILE_SHARING_0806", True)] if shared else [])


def test_without_a_batch_one_picture_is_meant() -> None:
    recorded = Recorded("10.3.0", shape=FREE)

    build(recorded)

    assert recorded.asked("set_shape") == [("x", *[(1, 3, 8, 8)] * 3)]


def test_a_fixed_batch_has_no_profile_and_may_be_named() -> None:
    recorded = Recorded("10.3.0")

    build(recorded, Options(batch=Batch(1, 1, 1)))

    assert recorded.asked("set_shape") == []


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        pytest.param((1, 3, 8, 8), "1x3x8x8, so the batch cannot be 1:2:4", id="fixed batch"),
        pytest.param((-1, 3, -1, 8), "?x3x?x8; only the batch may be free", id="free height"),
    ],
)
def test_shapes_that_do_not_go_are_refused(shape: tuple[int, ...], told: str) -> None:
    assert told in refusal(Recorded("10.3.0", shape=shape), Options(batch=Batch(1, 2, 4)))


def test_workspace_is_limited_in_bytes() -> None:
    recorded = Recorded("10.3.0")

    build(recorded, Options(workspace_mb=256))

    ((pool, limit),) = recorded.asked("set_memory_pool_limit")
    assert (pool.name, limit) == ("WORKSPACE", 256 * 1024 * 1024)


@pytest.mark.parametrize(
    ("version", "precision", "half", "expected"),
    [
        pytest.param("8.6.1", "fp16", False, {"FP16", "GPU_FALLBACK"}, id="8.6"),
        pytest.param("10.3.0", "fp16", False, {"FP16", "GPU_FALLBACK"}, id="10"),
        pytest.param("10.3.0", "onnx", True, {"FP16", "GPU_FALLBACK"}, id="10 file of FP16"),
        pytest.param("11.4.1", "onnx", True, {"GPU_FALLBACK"}, id="11"),
    ],
)
def test_a_dla_takes_what_it_can_and_the_gpu_the_rest(
    version: str, precision: Precision, half: bool, expected: set[str]
) -> None:
    recorded = Recorded(version, half=half, dla_cores=2)

    build(recorded, Options(precision, dla_core=1))

    ((kind,),) = recorded.asked("default_device_type")
    assert kind.name == "DLA"
    assert recorded.asked("DLA_core") == [(1,)]
    assert flags(recorded) == expected


def test_a_dla_that_is_not_there_is_refused() -> None:
    assert "no DLA core 0" in refusal(Recorded("10.3.0"), Options("fp16", dla_core=0))
    told = refusal(Recorded("10.3.0", dla_cores=2), Options("fp16", dla_core=2))
    assert told.endswith("it has 2, from 0 on")


def test_a_dla_runs_no_float32() -> None:
    told = refusal(Recorded("10.3.0", dla_cores=1), Options(dla_core=0))

    assert told.endswith("ask for precision fp16")


def test_other_gpus_are_no_target_of_tensorrt_itself() -> None:
    told = refusal(Recorded("10.3.0"), Options(compute_capability="8.7"))

    assert "builds for the GPU of this machine only" in told


@pytest.mark.parametrize("version", ["8.6.1", "10.3.0", "11.4.1"])
@pytest.mark.parametrize(
    ("content", "created"),
    [
        pytest.param(b"", [b""], id="none yet"),
        pytest.param(b"known", [b"known"], id="known"),
        pytest.param(b"torn", [b"torn", b""], id="torn: begun anew"),
    ],
)
def test_measurements_are_taken_along(version: str, content: bytes, created: list[bytes]) -> None:
    recorded = Recorded(version)

    assert build(recorded, timing_cache=content).timing_cache == b"timings"

    assert [given for (given,) in recorded.asked("create_timing_cache")] == created
    assert recorded.asked("set_timing_cache") == [(False,)]


@pytest.mark.parametrize(
    ("version", "expected"), [("8.6.1", []), ("10.3.0", [0.5, 1.0]), ("11.4.1", [0.5, 1.0])]
)
def test_progress_is_told_where_the_version_tells_it(version: str, expected: list[float]) -> None:
    shares: list[float] = []

    build_engine(Recorded(version).library, ONNX, Options(), b"", shares.append)

    assert shares == expected


def test_of_many_errors_the_first_is_told() -> None:
    told = refusal(
        Recorded("10.3.0", fails="[optimizer.cpp::computeCosts::3728] Error Code 10: Internal "
                 "Error (Could not find any implementation for node Conv_7. In operator() at "
                 "/_src/optimizer.cpp:12)"), Options()
    )  # fmt: skip

    assert told == (
        "net.onnx: cannot be built by TensorRT 10.3.0: Error Code 10: Internal Error "
        "(Could not find any implementation for node Conv_7.)"
    )
