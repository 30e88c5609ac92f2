"""The GPU as the driver says it; the driver here is a small library of the same functions."""

import shutil
import subprocess
from pathlib import Path

import pytest

from models.engines.gpu import Gpu, find_gpu

DRIVER = r"""
#include <stddef.h>
#include <string.h>
int cuInit(unsigned flags) { return FAILS == 1 ? 100 : 0; }
int cuDeviceGet(int *device, int number) { *device = 7; return FAILS == 2 ? 101 : 0; }
int cuDeviceGetName(char *name, int size, int device) {
  strncpy(name, device == 7 ? "Orin" : "wrong", size); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? 8 : attribute == 76 ? 7 : attribute == 16 ? 14 : -1;
  return device == 7 ? 0 : 1; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = 65964347392; return device == 7 ? 0 : 1; }
"""


def driver(folder: Path, fails: int) -> str:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source, library = folder / "driver.c", folder / "libcuda.so.1"
    source.write_text(DRIVER)
    command = [compiler, "-shared", "-fPIC", f"-DFAILS={fails}", "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    return str(library)


def test_name_and_compute_capability_are_the_drivers(tmp_path: Path) -> None:
    found = find_gpu(driver(tmp_path, fails=0))

    assert found == Gpu("Orin", (8, 7), 14, 65_964_347_392)
    assert str(found) == "Orin (8.7), 14 SMs, 61 GiB"


def test_boards_of_one_name_are_told_apart() -> None:
    agx, nx, nano = (
        Gpu("Orin", (8, 7), *of) for of in ((16, 61 << 30), (8, 15 << 30), (8, 7 << 30))
    )
    assert len({str(agx), str(nx), str(nano)}) == 3


@pytest.mark.parametrize("fails", [1, 2])
def test_a_driver_without_a_gpu_has_none(tmp_path: Path, fails: int) -> None:
    assert find_gpu(driver(tmp_path, fails)) is None


def test_without_a_driver_there_is_none(tmp_path: Path) -> None:
    assert find_gpu(str(tmp_path / "libcuda.so.1")) is None
