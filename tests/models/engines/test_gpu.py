"""The GPU as the driver says it; the driver here is a small library of the same functions."""

import shutil
import subprocess
from pathlib import Path

import pytest

from models.engines.gpu import Gpu, find_gpu

DRIVER = r"""
#include <string.h>
int cuInit(unsigned flags) { return FAILS == 1 ? 100 : 0; }
int cuDeviceGet(int *device, int number) { *device = 7; return FAILS == 2 ? 101 : 0; }
int cuDeviceGetName(char *name, int size, int device) {
  strncpy(name, device == 7 ? "Orin" : "wrong", size); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? 8 : attribute == 76 ? 7 : -1; return device == 7 ? 0 : 1; }
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

    assert found == Gpu("Orin", (8, 7))
    assert str(found) == "Orin (8.7)"


@pytest.mark.parametrize("fails", [1, 2])
def test_a_driver_without_a_gpu_has_none(tmp_path: Path, fails: int) -> None:
    assert find_gpu(driver(tmp_path, fails)) is None


def test_without_a_driver_there_is_none(tmp_path: Path) -> None:
    assert find_gpu(str(tmp_path / "libcuda.so.1")) is None
