"""How warm the machine is, and how busy its GPU: from files of the kernel, without a library.

    /sys/class/thermal/thermal_zone*/temp           thousandths of a degree Celsius
    /sys/devices/platform/gpu.0/load                Jetson, thousandths (JetPack 6 and newer)
    /sys/devices/gpu.0/load                         Jetson, thousandths (before that)
    /sys/class/drm/card*/device/gpu_busy_percent    amdgpu, hundredths

A graphics card of NVIDIA's has no such file; its driver is asked, see `nvml`.
"""

from pathlib import Path

_ZONES = "class/thermal/thermal_zone*/temp"
_LOADS = (
    ("devices/platform/gpu.0/load", 10.0),
    ("devices/gpu.0/load", 10.0),
    ("class/drm/card*/device/gpu_busy_percent", 1.0),
)
"""Patterns below /sys, and what a percent is there."""

_PLAUSIBLE_C = range(-40, 151)
"""A zone whose sensor is switched off tells -256 degrees, or nothing."""


def temperature_c(sys: Path) -> float | None:
    """Of the hottest part that tells; None where none does.

    Args:
        sys: where the kernel's files are, `/sys`.
    """
    numbers = [_number(path) for path in sorted(sys.glob(_ZONES))]
    told = [number / 1000 for number in numbers if number is not None]
    return max((value for value in told if int(value) in _PLAUSIBLE_C), default=None)


def gpu_percent(sys: Path) -> float | None:
    """How busy the busiest GPU is, 0 to 100; None where no file tells.

    Args:
        sys: where the kernel's files are, `/sys`.
    """
    for pattern, per_percent in _LOADS:
        told = [_number(path) for path in sorted(sys.glob(pattern))]
        busy = [number / per_percent for number in told if number is not None]
        if busy:
            return min(max(busy), 100.0)
    return None


def _number(path: Path) -> int | None:
    """What a file tells; a sensor that sleeps answers with an error."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
