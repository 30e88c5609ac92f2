"""Snapshots as a device sends them."""

import hashlib
from typing import Any

from protos.v1.snapshot_pb2 import Snapshot
from tests.support.stored import START_NS

JPEG = b"\xff\xd8\xff\xe0" + b"a picture of a door" + b"\xff\xd9"


def snapshot(seq: int, **other: Any) -> Snapshot:
    """The picture of the event with the same seq in lane state; `other` fields differ."""
    image = other.pop("image", JPEG)
    fields = {
        "schema": 1, "device": "cam-box", "boot": 7, "seq": seq, "camera": "door",
        "event_id": f"cam-box/{7:016x}/state/{seq}", "captured_ns": START_NS,
        "media_type": "image/jpeg", "width_px": 4, "height_px": 2,
        "sha256": hashlib.sha256(image).digest(), "image": image, **other,
    }  # fmt: skip
    return Snapshot(**fields)
