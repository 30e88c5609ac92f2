"""Heat and load of the machine, from the kernel's files and from a driver's library."""

import subprocess
from pathlib import Path

import pytest

from edge.board import gpu_percent, temperature_c
from edge.health import HealthProbe
from edge.nvml import GpuLoad, Nvml


def tell(sys: Path, path: str, text: str) -> None:
    file = sys / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_hottest_zone_counts(tmp_path: Path) -> None:
    for zone, text in enumerate(("48500\n", "61250\n", "-256000\n", "", "999000\n", "0\n")):
        tell(tmp_path, f"class/thermal/thermal_zone{zone}/temp", text)
    assert temperature_c(tmp_path) == 61.25


def test_below_zero_is_a_temperature_too(tmp_path: Path) -> None:
    tell(tmp_path, "class/thermal/thermal_zone0/temp", "-20500\n")
    assert temperature_c(tmp_path) == -20.5


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    assert temperature_c(tmp_path) is None
    assert gpu_percent(tmp_path) is None
    tell(tmp_path, "devices/gpu.0/load", "busy\n")
    assert gpu_percent(tmp_path) is None


@pytest.mark.parametrize(
    ("files", "percent"),
    [
        ({"devices/platform/gpu.0/load": "873\n"}, 87.3),
        ({"devices/gpu.0/load": "0\n"}, 0.0),
        ({"devices/gpu.0/load": "1004\n"}, 100.0),
        ({"class/drm/card0/device/gpu_busy_percent": "3\n",
          "class/drm/card1/device/gpu_busy_percent": "41\n"}, 41.0),
    ],
)  # fmt: skip
def test_the_load_of_a_board_and_of_a_card(
    tmp_path: Path, files: dict[str, str], percent: float
) -> None:
    for path, text in files.items():
        tell(tmp_path, path, text)
    assert gpu_percent(tmp_path) == percent


def test_health_tells_them_and_leaves_out_what_nobody_knows(tmp_path: Path) -> None:
    bare = HealthProbe(tmp_path, sys=tmp_path, card=lambda: GpuLoad(None, None)).read()
    assert not bare.HasField("temperature_c")
    assert not bare.HasField("gpu_percent")
    tell(tmp_path, "devices/gpu.0/load", "500\n")
    tell(tmp_path, "class/thermal/thermal_zone0/temp", "48500\n")
    board = HealthProbe(tmp_path, sys=tmp_path, card=lambda: GpuLoad(None, None)).read()
    assert (board.gpu_percent, board.temperature_c) == (50.0, 48.5)
    card = HealthProbe(tmp_path, sys=tmp_path, card=lambda: GpuLoad(0.0, 71.0)).read()
    assert (card.gpu_percent, card.temperature_c) == (0.0, 71.0)
    assert card.HasField("gpu_percent"), "an idle card tells that it is idle"


DRIVER = """
#include <stddef.h>
typedef struct { unsigned int gpu, memory; } utilization;
static int card;
int nvmlInit_v2(void) { return INIT; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device)
{ *device = &card; return index; }
int nvmlDeviceGetUtilizationRates(void *device, utilization *busy)
{ busy->gpu = 83; busy->memory = 7; return device == &card ? LOAD : 1; }
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *degrees)
{ *degrees = 61; return device == &card && sensor == 0 ? 0 : 1; }
"""
"""What nvml.h declares of these calls; 3 is NVML_ERROR_NOT_SUPPORTED."""


def driver(folder: Path, init: int = 0, load: int = 0) -> str:
    source, library = folder / "driver.c", folder / f"driver-{init}-{load}.so"
    source.write_text(DRIVER)
    options = ["-shared", "-fPIC", f"-DINIT={init}", f"-DLOAD={load}"]
    try:
        subprocess.run(["cc", *options, "-o", str(library), str(source)], check=True)
    except FileNotFoundError:
        pytest.skip("no C compiler: apt install gcc")
    return str(library)


def test_a_card_is_asked_by_its_driver(tmp_path: Path) -> None:
    assert Nvml(driver(tmp_path)).read() == GpuLoad(83.0, 61.0)
    assert Nvml(driver(tmp_path, load=3)).read() == GpuLoad(None, 61.0)
    assert Nvml(driver(tmp_path, init=9)).read() == GpuLoad(None, None)


def test_without_a_driver_nothing_is_told() -> None:
    assert Nvml("libno-such-driver.so").read() == GpuLoad(None, None)
