"""What follows from the figures of a bench."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.capacity import CPU, PYTHON, Demand, capacity

CPUS = 2
YARD = Demand(
    "yard", brought_fps=10, fps=10, least_fps=0, decode_ms=2, network_ms=25, host_ms=5, after_ms=1
)


def test_a_camera_that_fits_gets_all_it_brings() -> None:
    found = capacity([YARD], CPUS)

    assert found.fits
    assert found.fps == {"yard": 10}
    # 10 pictures of 2 ms and 1 ms on one of two CPUs, and of 50 ms on both.
    assert found.loads == {
        CPU: pytest.approx(0.015 + 0.25), PYTHON: pytest.approx(0.01), "model": pytest.approx(0.25),
    }  # fmt: skip
    assert found.bottleneck == CPU


def test_cameras_that_do_not_fit_share_evenly_and_the_slow_one_keeps_its_rate() -> None:
    slow = replace(YARD, name="door", brought_fps=4, fps=4)
    found = capacity([replace(YARD, brought_fps=60, fps=60), slow], CPUS)

    assert not found.fits
    assert found.fps["door"] == 4
    # What is left: 2 CPUs, less decoding and the slow camera's 4 pictures, in pictures of 51 ms.
    assert found.fps["yard"] == pytest.approx((2000 - 2 * 64 - 4 * 51) / 51, rel=0.01)


def test_decoding_alone_can_be_too_much() -> None:
    found = capacity([replace(YARD, brought_fps=100, fps=100, decode_ms=30)], CPUS)

    assert not found.fits
    assert found.fps["yard"] == pytest.approx(0, abs=1e-6)


def test_a_network_beside_the_cpus_is_a_resource_of_its_own() -> None:
    beside = replace(YARD, network_ms=100, network="lanes", cpu_share=0.0)
    found = capacity([beside], 4)

    assert found.loads == {
        CPU: pytest.approx(10 * (2 + 1 + 5) / 4000),
        "lanes": pytest.approx(1.0),
        PYTHON: pytest.approx(0.01),
    }
    assert found.bottleneck == "lanes"


def test_a_network_of_one_worker_is_short_before_the_cpus_are() -> None:
    slow = replace(YARD, name="yard/lanes", network="lanes", network_ms=200, cpu_share=0.5)
    found = capacity([YARD, slow], CPUS)

    assert found.bottleneck == "lanes"
    assert found.fps == {"yard": 10, "yard/lanes": pytest.approx(5)}


def test_python_runs_one_at_a_time_on_any_number_of_cpus() -> None:
    found = capacity([replace(YARD, brought_fps=200, fps=200, after_ms=10, network_ms=0.1)], 64)

    assert found.bottleneck == PYTHON
    assert found.fps["yard"] == pytest.approx(100)


def test_a_guarantee_is_held_at_the_cost_of_the_others() -> None:
    yard = replace(YARD, brought_fps=60, fps=60)
    sure = replace(yard, name="door", least_fps=30)

    found = capacity([yard, sure], CPUS)

    assert found.guarantees_hold
    assert found.fps["door"] == 30
    assert found.fps["yard"] == pytest.approx((2000 - 2 * 120 - 30 * 51) / 51, rel=0.01)


def test_guarantees_that_are_too_much_are_told() -> None:
    greedy = replace(YARD, brought_fps=60, fps=60, least_fps=50)

    found = capacity([greedy], CPUS)

    assert not found.guarantees_hold
    assert found.fps["yard"] == pytest.approx((2000 - 2 * 60) / 51, rel=0.01)


def test_pictures_that_nobody_wants_are_decoded_all_the_same() -> None:
    found = capacity([replace(YARD, brought_fps=30)], CPUS)

    assert found.fps["yard"] == 10
    assert found.loads[CPU] == pytest.approx(30 * 2 / 2000 + 10 * 1 / 2000 + 0.25)


demands = st.builds(
    Demand, st.just("yard"), st.just(100.0), st.floats(1, 100), st.just(0.0), st.floats(0, 20),
    st.floats(1, 200), st.floats(0, 1), st.floats(0, 10), st.sampled_from(["model", "lanes"]),
    st.floats(0, 1),
)  # fmt: skip


@given(st.lists(demands, min_size=1, max_size=8), st.integers(1, 16))
def test_what_is_promised_can_be_had(wanted: list[Demand], cpus: int) -> None:
    cameras = [replace(one, name=f"cam-{number}") for number, one in enumerate(wanted)]

    found = capacity(cameras, cpus)

    assert found.fits == (found.fps == {one.name: one.fps for one in cameras})
    got = [replace(one, fps=found.fps[one.name]) for one in cameras if found.fps[one.name] > 0]
    if got:
        assert capacity(got, cpus).load <= 1 + 1e-9
