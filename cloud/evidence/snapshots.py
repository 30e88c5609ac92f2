"""Pictures of events in a blob store: `evidence/v1/DEVICE/BOOT/LANE/SEQ.jpg`.

The name is the event's, so whoever knows an event knows its picture. An event has one picture:
the first that came stays, as a blob is never changed.
"""

import hashlib
from collections.abc import Iterable, Iterator

from cloud.blobs.port import BlobEntry, Blobs
from cloud.erasure.ranges import ReadErased, nothing_erased
from cloud.store.records import MAX_SEQ
from protos.errors import InvalidIdError, InvalidPayloadError
from protos.ids import EventId, check_id
from protos.v1.snapshot_pb2 import Snapshot

ROOT = "evidence/v1"
MEDIA_TYPE = "image/jpeg"
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"


class Snapshots:
    """Pictures by the name of their event. Any thread may call it.

    Args:
        blobs: where they are.
        read_erased: of which no picture is kept, should it come late.
    """

    def __init__(self, blobs: Blobs, read_erased: ReadErased = nothing_erased) -> None:
        self._blobs = blobs
        self._read_erased = read_erased

    def keep(self, snapshot: Snapshot) -> None:
        """Keep a picture; on return it is durable. Keeping it again changes nothing.

        Raises:
            InvalidPayloadError: it will never be kept.
            BlobsAwayError: try again.
            StoreAwayError: the table of erasures does not answer: try again.
        """
        event_id = checked(snapshot)
        if not self._is_erased(snapshot):
            self._blobs.put(_key(event_id), snapshot.image, MEDIA_TYPE)
            # An erasure that was recorded meanwhile may not have seen it.
            if self._is_erased(snapshot):
                self.delete([event_id])

    def picture(self, event_id: EventId) -> bytes:
        """The JPEG of an event.

        Raises:
            BlobNotFoundError: there is none.
            BlobsAwayError: try again.
        """
        return self._blobs.get(_key(event_id))

    def pictures(self, device: str = "") -> Iterator[tuple[EventId, int]]:
        """The events that have a picture, with its bytes; of all devices where none is named.

        Raises:
            BlobsAwayError: try again.
        """
        for event_id, entry in self._listed(f"{ROOT}/{device}" if device else ROOT):
            yield event_id, entry.size_bytes

    def kept_before(self, time_ns: int) -> Iterator[EventId]:
        """The events whose pictures came before a time, whenever they were captured.

        Raises:
            BlobsAwayError: try again.
        """
        return (event_id for event_id, entry in self._listed(ROOT) if entry.put_ns < time_ns)

    def delete(self, event_ids: Iterable[EventId]) -> None:
        """Have no picture of these events.

        Raises:
            BlobsAwayError: try again.
        """
        self._blobs.delete([_key(event_id) for event_id in event_ids])

    def _listed(self, folder: str) -> Iterator[tuple[EventId, BlobEntry]]:
        for entry in self._blobs.list(folder):
            name = entry.key.removeprefix(f"{ROOT}/").removesuffix(".jpg")
            try:
                yield EventId.parse(name), entry
            except InvalidIdError:
                continue  # nothing of ours

    def _is_erased(self, snapshot: Snapshot) -> bool:
        return self._read_erased().cover(snapshot.device, snapshot.captured_ns)


def checked(snapshot: Snapshot) -> EventId:
    """The event that a picture shows, when the picture may be kept as that.

    Its size is bounded by the codec, which refuses larger payloads unread.

    Raises:
        InvalidPayloadError: it is no whole JPEG, not the one that was sent, of another device's
            event, or without a place of its own in the evidence lane.
    """
    try:
        event_id = EventId.parse(snapshot.event_id)
        if snapshot.camera:
            check_id(snapshot.camera, "camera")
    except InvalidIdError as error:
        raise InvalidPayloadError(f"Snapshot of {snapshot.device}: {error}") from error
    problem = ""
    if event_id.device != snapshot.device:
        problem = f"it shows an event of another device, {event_id}"
    elif snapshot.boot == 0 or not 1 <= snapshot.seq <= MAX_SEQ:
        problem = "boot or seq is missing"
    elif snapshot.media_type != MEDIA_TYPE:
        problem = f"media_type {snapshot.media_type[:50]!r} is not {MEDIA_TYPE}"
    elif not (snapshot.image.startswith(_START) and snapshot.image.endswith(_END)):
        problem = f"{len(snapshot.image)} bytes are no whole JPEG"
    elif hashlib.sha256(snapshot.image).digest() != snapshot.sha256:
        problem = "sha256 is not the image's"
    if problem:
        raise InvalidPayloadError(f"Snapshot of {snapshot.device}: {problem}")
    return event_id


def _key(event_id: EventId) -> str:
    return f"{ROOT}/{event_id}.jpg"
