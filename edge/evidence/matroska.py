"""Pictures and their times as a file: Motion JPEG in Matroska, made here.

Written by hand, as what else writes Motion JPEG (AVI, a pipe of pictures) knows a rate and no
times: a camera that drops frames would run too fast. Source: RFC 9559 (Matroska), RFC 8794 (EBML).
Only what players need: one video track, clusters of blocks in ms, and no index; files are short.
"""

import struct
from collections.abc import Iterator, Sequence

from edge.evidence.cutter import Still

_MS = 1_000_000
_NS_2001 = 978_307_200 * 1_000_000_000
"""Matroska counts its dates from the first second of 2001."""

_CLUSTER_MS = 5000
_UNKNOWN_LAST_MS = 1000
_KEY_FRAME = b"\x80"
_APP = b"Wayside"


def matroska(stills: Sequence[Still]) -> bytes:
    """A file that shows each picture from its own time to the next one's.

    Args:
        stills: one or more, all of one size, in the order of their times.
    """
    first_ns = stills[0].captured_ns
    times_ms = [(still.captured_ns - first_ns) // _MS for still in stills]
    last_ms = times_ms[-1] - times_ms[-2] if len(stills) > 1 else _UNKNOWN_LAST_MS
    segment = (
        _info(first_ns, times_ms[-1] + last_ms)
        + _tracks(stills[0].width_px, stills[0].height_px)
        + b"".join(_clusters(stills, times_ms))
    )
    return _header() + _element(0x18538067, segment)


def _header() -> bytes:
    return _element(
        0x1A45DFA3,
        _number(0x4286, 1) + _number(0x42F7, 1) + _number(0x42F2, 4) + _number(0x42F3, 8)
        + _element(0x4282, b"matroska") + _number(0x4287, 4) + _number(0x4285, 2),
    )  # fmt: skip


def _info(first_ns: int, duration_ms: int) -> bytes:
    return _element(
        0x1549A966,
        _number(0x2AD7B1, _MS) + _element(0x4489, struct.pack(">d", duration_ms))
        + _element(0x4461, struct.pack(">q", first_ns - _NS_2001))
        + _element(0x4D80, _APP) + _element(0x5741, _APP),
    )  # fmt: skip


def _tracks(width_px: int, height_px: int) -> bytes:
    video = _element(0xE0, _number(0xB0, width_px) + _number(0xBA, height_px))
    return _element(
        0x1654AE6B,
        _element(
            0xAE,
            _number(0xD7, 1) + _number(0x73C5, 1) + _number(0x83, 1) + _number(0x9C, 0)
            + _element(0x86, b"V_MJPEG") + video,
        ),
    )  # fmt: skip


def _clusters(stills: Sequence[Still], times_ms: Sequence[int]) -> Iterator[bytes]:
    """Blocks in groups; a block's time is 16 bits from its group's."""
    begin = 0
    for place in range(1, len(stills) + 1):
        if place < len(stills) and times_ms[place] - times_ms[begin] < _CLUSTER_MS:
            continue
        blocks = b"".join(
            _element(
                0xA3,
                b"\x81" + struct.pack(">h", times_ms[one] - times_ms[begin]) + _KEY_FRAME
                + stills[one].jpeg,
            )
            for one in range(begin, place)
        )  # fmt: skip
        yield _element(0x1F43B675, _number(0xE7, times_ms[begin]) + blocks)
        begin = place


def _number(name: int, value: int) -> bytes:
    return _element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _element(name: int, content: bytes) -> bytes:
    """Id, length in eight bytes, content."""
    id_bytes = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return id_bytes + (len(content) | 1 << 56).to_bytes(8, "big") + content
