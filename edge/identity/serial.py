"""The serial number of the board, as its firmware tells it."""

import re
from collections.abc import Sequence
from pathlib import Path

from protos.enrolment import SERIAL_PATTERN

_TOLD_BY = (
    Path("/proc/device-tree/serial-number"),  # Jetson, Raspberry Pi
    Path("/sys/class/dmi/id/product_serial"),  # PCs; for root only
)
_MAX_BYTES = 256


def board_serial(told_by: Sequence[Path] = _TOLD_BY) -> str:
    """The serial number; empty where nobody tells one that may be sent."""
    for path in told_by:
        try:
            with path.open("rb") as file:
                text = file.read(_MAX_BYTES).rstrip(b"\0").decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if re.fullmatch(SERIAL_PATTERN, text):
            return text
    return ""
