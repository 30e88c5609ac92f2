"""Errors and progress, as TensorRT-RTX really tells them."""

import pytest

from models.compile.tensorrt.messages import Phases, cause


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param(
            "IBuilder::buildSerializedNetwork: Error Code 4: API Usage Error (Input tensor x has "
            "static dimensions. In operator() at /_src/optimizer/api/network.cpp:4067)",
            "IBuilder::buildSerializedNetwork: Error Code 4: API Usage Error (Input tensor x has "
            "static dimensions.)",
            id="sources after it",
        ),
        pytest.param(
            "IBuilder::buildSerializedNetwork: Error Code 1: Cuda Runtime (In generateForCurrent "
            "at /_src/runtime/core/cudaDeviceProfile.cpp:221 (cudaError 35: driver too old))",
            "IBuilder::buildSerializedNetwork: Error Code 1: Cuda Runtime "
            "(cudaError 35: driver too old)",
            id="sources before it",
        ),
        pytest.param(
            "In node -1 with name:  and operator:  (parseFromFile): INVALID_VALUE: it is no file",
            "(parseFromFile): INVALID_VALUE: it is no file",
            id="a node that is none",
        ),
        pytest.param("two\n  lines", "two lines", id="one line"),
    ],
)
def test_where_in_nvidias_sources_it_was_is_left_out(line: str, told: str) -> None:
    assert cause([line, "IBuilder: Error Code 2: it is over"], "") == told


def test_without_a_line_something_is_said_all_the_same() -> None:
    assert cause(["", "  "], "it does not say why") == "it does not say why"


def test_phases_within_phases_are_one_share() -> None:
    shares: list[float] = []
    phases = Phases(shares.append)

    phases.start("build", None, 4)
    phases.start("clone", "build", 2)
    phases.step("clone", 0)
    phases.step("clone", 1)
    phases.finish("clone")
    phases.step("build", 0)
    phases.start("optimise", "build", 1)
    phases.start("time", "optimise", 10)
    phases.step("time", 4)
    phases.finish("build")

    assert shares == [1 / 8, 1 / 4, 1 / 4 + 1 / 8, 1.0]


def test_the_clock_is_not_turned_back() -> None:
    shares: list[float] = []
    phases = Phases(shares.append)
    for _ in range(2):
        phases.start("build", None, 2)
        phases.step("build", 0)
    phases.step("unheard of", 3)
    phases.finish("unheard of")
    phases.finish("build")

    assert shares == [0.5, 1.0]


def test_many_small_steps_are_told_by_the_hundredth() -> None:
    shares: list[float] = []
    phases = Phases(shares.append)
    phases.start("build", None, 10_000)
    for step in range(10_000):
        phases.step("build", step)

    assert 90 <= len(shares) <= 100
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
