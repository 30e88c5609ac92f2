"""Pictures of events as they wait in the outbox and travel: one Snapshot a message."""

import hashlib

from edge.evidence.port import Shot
from protos.codec import SCHEMA, encode
from protos.v1.snapshot_pb2 import Snapshot

MEDIA_TYPE = "image/jpeg"


def snapshot_body(device: str, shot: Shot) -> bytes:
    """The message without boot, seq and event_id, which are known when it is committed.

    The shot gives its picture away: it is in memory once.

    Args:
        device: id of the device.
        shot: not taken yet.
    """
    image = shot.take()
    return encode(
        Snapshot(
            schema=SCHEMA,
            device=device,
            camera=shot.camera,
            captured_ns=shot.captured_ns,
            media_type=MEDIA_TYPE,
            width_px=shot.width_px,
            height_px=shot.height_px,
            sha256=hashlib.sha256(image).digest(),
            image=image,
        )
    )
