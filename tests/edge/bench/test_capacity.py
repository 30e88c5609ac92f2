"""What follows from the figures of a bench."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.capacity import CPU, NETWORK, PYTHON, Board, Demand, capacity

BOARD = Board(cpus=2, parallel=2.0, is_network_on_cpu=True)
YARD = Demand(
    "yard", brought_fps=10, fps=10, least_fps=0, decode_ms=2, network_ms=50, host_ms=5, after_ms=1
)


def test_a_camera_that_fits_gets_all_it_brings() -> None:
    found = capacity([YARD], BOARD)

    assert found.fits
    assert found.fps == {"yard": 10}
    # 10 pictures of 2 ms and 1 ms on one of two CPUs, and of 50 ms on both.
    assert found.loads == {CPU: pytest.approx(0.015 + 0.25), PYTHON: pytest.approx(0.01)}
    assert found.bottleneck == CPU


def test_cameras_that_do_not_fit_share_evenly_and_the_slow_one_keeps_its_rate() -> None:
    slow = replace(YARD, camera="door", brought_fps=4, fps=4)
    found = capacity([replace(YARD, brought_fps=60, fps=60), slow], BOARD)

    assert not found.fits
    assert found.fps["door"] == 4
    # What is left: 2 CPUs, less decoding and the slow camera's 4 pictures, in pictures of 51 ms.
    assert found.fps["yard"] == pytest.approx((2000 - 2 * 64 - 4 * 51) / 51, rel=0.01)


def test_decoding_alone_can_be_too_much() -> None:
    found = capacity([replace(YARD, brought_fps=100, fps=100, decode_ms=30)], BOARD)

    assert not found.fits
    assert found.fps["yard"] == pytest.approx(0, abs=1e-6)


def test_a_network_beside_the_cpus_is_a_resource_of_its_own() -> None:
    board = Board(cpus=4, parallel=0.5, is_network_on_cpu=False)
    found = capacity([YARD], board)

    assert found.loads == {
        CPU: pytest.approx(10 * (2 + 1 + 5) / 4000),
        NETWORK: pytest.approx(1.0),
        PYTHON: pytest.approx(0.01),
    }
    assert found.bottleneck == NETWORK


def test_python_runs_one_at_a_time_on_any_number_of_cpus() -> None:
    found = capacity([replace(YARD, brought_fps=200, fps=200, after_ms=10)], Board(64, 64.0, True))

    assert found.bottleneck == PYTHON
    assert found.fps["yard"] == pytest.approx(100)


def test_a_guarantee_is_held_at_the_cost_of_the_others() -> None:
    yard = replace(YARD, brought_fps=60, fps=60)
    sure = replace(yard, camera="door", least_fps=30)

    found = capacity([yard, sure], BOARD)

    assert found.guarantees_hold
    assert found.fps["door"] == 30
    assert found.fps["yard"] == pytest.approx((2000 - 2 * 120 - 30 * 51) / 51, rel=0.01)


def test_guarantees_that_are_too_much_are_told() -> None:
    greedy = replace(YARD, brought_fps=60, fps=60, least_fps=50)

    found = capacity([greedy], BOARD)

    assert not found.guarantees_hold
    assert found.fps["yard"] == pytest.approx((2000 - 2 * 60) / 51, rel=0.01)


def test_pictures_that_nobody_wants_are_decoded_all_the_same() -> None:
    found = capacity([replace(YARD, brought_fps=30)], BOARD)

    assert found.fps["yard"] == 10
    assert found.loads[CPU] == pytest.approx(30 * 2 / 2000 + 10 * 1 / 2000 + 0.25)


demands = st.builds(
    Demand, st.just("yard"), st.just(100.0), st.floats(1, 100), st.just(0.0), st.floats(0, 20),
    st.floats(1, 200),
    st.floats(0, 1), st.floats(0, 10),
)  # fmt: skip


@given(st.lists(demands, min_size=1, max_size=8), st.integers(1, 16), st.booleans())
def test_what_is_promised_can_be_had(wanted: list[Demand], cpus: int, on_cpu: bool) -> None:
    cameras = [replace(one, camera=f"cam-{number}") for number, one in enumerate(wanted)]
    board = Board(cpus, float(cpus), on_cpu)

    found = capacity(cameras, board)

    assert found.fits == (found.fps == {one.camera: one.fps for one in cameras})
    got = [replace(one, fps=found.fps[one.camera]) for one in cameras if found.fps[one.camera] > 0]
    if got:
        assert capacity(got, board).load <= 1 + 1e-9
