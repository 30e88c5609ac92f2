"""The best picture of each object that lives, kept as JPEG in bounded memory."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from edge.evidence import opencv
from edge.evidence.masks import Masks
from edge.evidence.port import Shot
from edge.evidence.score import sights, with_sharpness
from edge.evidence.settings import PictureSettings
from edge.track.port import Tracks
from models.detections import Image

MARGIN = 0.15
"""Share of an object's box that is shown around it."""

BETTER = 1.15
"""By what a picture must be better than the one that is kept, and"""

MUCH_BETTER = 1.5
"""than one that was sent, before it takes its place: that costs traffic again."""

MAX_A_FRAME = 4
"""Pictures taken of one frame at most; the others are still to be had in the next ones."""

TRY_NS = 200_000_000
"""Between two looks at how sharp an object is now: that costs as much as all else together."""

_LEAST_QUALITY = 30
_STEP = 15
_SMALLER = 0.7

Box = tuple[int, int, int, int]


@dataclass(slots=True)
class _Held:
    """The best picture of an object so far, and what was sent."""

    score: float
    shot: Shot
    sent: Shot | None = None


class Shots:
    """The best pictures of one camera's objects; one thread uses it.

    Args:
        camera: id of the camera.
        settings: sizes.
        masks: what the network may see and pictures may not.

    Attributes:
        taken: pictures that were kept for a while.
        dropped: of these, those that had to go for want of memory.
    """

    def __init__(self, camera: str, settings: PictureSettings, masks: Masks) -> None:
        self.taken = self.dropped = 0
        self._camera = camera
        self._settings = settings
        self._masks = masks
        self._held: OrderedDict[int, _Held] = OrderedDict()
        # Of living objects, whose picture had to go as well: it is not taken again each frame.
        self._tried_ns: dict[int, int] = {}

    @property
    def bytes(self) -> int:
        """What the pictures occupy."""
        return sum(len(held.shot.jpeg) for held in self._held.values())

    def see(self, image: Image, tracks: Tracks) -> None:
        """Keep what shows an object better than any frame before.

        Args:
            image: (H, W, 3), the frame.
            tracks: that it shows.

        Raises:
            EvidenceError: it is no picture.
        """
        height_px, width_px = image.shape[:2]
        scores = sights(tracks.xyxy, tracks.confidence, width_px, height_px).tolist()
        ids = tracks.track_id.tolist()
        now_ns = tracks.captured_ns
        rows = [
            row
            for row, name in enumerate(ids)
            if scores[row] > self._needed(name) and self._is_due(name, now_ns)
        ]
        rows.sort(key=lambda row: self._needed(ids[row]))  # those without a picture come first
        for row in rows[:MAX_A_FRAME]:
            self._try(image, tracks, row, scores[row])

    def of(self, track_id: int, *, is_sent: bool) -> Shot | None:
        """A picture of an object, None where there is none.

        Args:
            track_id: whose.
            is_sent: only one that was sent already.
        """
        held = self._held.get(track_id)
        if held is None:
            return None
        if is_sent:
            return held.sent
        held.sent = held.shot
        return held.shot

    def whole(self, image: Image, captured_ns: int) -> Shot:
        """A picture of all that a frame shows.

        Raises:
            EvidenceError: it is no picture.
        """
        height_px, width_px = image.shape[:2]
        return self._shot(self._masks.painted(image, (0, 0, width_px, height_px)), captured_ns)

    def forget(self, track_ids: Iterable[int]) -> None:
        """These objects are gone."""
        for track_id in track_ids:
            self._held.pop(track_id, None)
            self._tried_ns.pop(track_id, None)

    def clear(self) -> None:
        """All objects are gone."""
        self._held.clear()
        self._tried_ns.clear()

    def _is_due(self, track_id: int, now_ns: int) -> bool:
        tried_ns = self._tried_ns.get(track_id)
        return tried_ns is None or not 0 <= now_ns - tried_ns < TRY_NS

    def _needed(self, track_id: int) -> float:
        """What a picture's score must exceed."""
        held = self._held.get(track_id)
        if held is None:
            return 0.0
        return held.score * (MUCH_BETTER if held.shot is held.sent else BETTER)

    def _try(self, image: Image, tracks: Tracks, row: int, score: float) -> None:
        track_id = int(tracks.track_id[row])
        self._tried_ns[track_id] = tracks.captured_ns
        held = self._held.get(track_id)
        height_px, width_px = image.shape[:2]
        box = around(tracks.xyxy[row].tolist(), width_px, height_px)
        if box is None:
            return
        part = self._masks.painted(image, box)
        score = with_sharpness(score, opencv.sharpness(part))
        if score <= self._needed(track_id):
            return
        shot = self._shot(part, tracks.captured_ns)
        self.taken += 1
        if held is None:
            self._held[track_id] = _Held(score, shot)
        else:
            held.score, held.shot = score, shot
        self._held.move_to_end(track_id)
        self._bound()

    def _bound(self) -> None:
        occupied = self.bytes
        while occupied > self._settings.held_max_bytes:
            _, held = self._held.popitem(last=False)
            occupied -= len(held.shot.jpeg)
            self.dropped += 1

    def _shot(self, image: Image, captured_ns: int) -> Shot:
        """The picture, scaled and compressed until it is small enough."""
        settings = self._settings
        image = _fitting(image, settings.max_side_px)
        quality = settings.quality
        while len(jpeg := opencv.jpeg_of(image, quality)) > settings.max_bytes:
            if quality > _LEAST_QUALITY:
                quality = max(_LEAST_QUALITY, quality - _STEP)
            else:
                image = _fitting(image, round(max(image.shape[:2]) * _SMALLER))
        height_px, width_px = image.shape[:2]
        return Shot(self._camera, captured_ns, width_px, height_px, jpeg)


def around(xyxy: list[float], width_px: int, height_px: int) -> Box | None:
    """The pixels of a box and of a margin around it, within the picture; None where it has none."""
    left, top, right, bottom = xyxy
    beside, above = MARGIN * (right - left), MARGIN * (bottom - top)
    box = (
        max(0, int(left - beside)), max(0, int(top - above)),
        min(width_px, int(right + beside) + 1), min(height_px, int(bottom + above) + 1),
    )  # fmt: skip
    return box if box[2] - box[0] >= 2 and box[3] - box[1] >= 2 else None


def _fitting(image: Image, max_side_px: int) -> Image:
    """The picture, smaller where a side is longer than that."""
    height_px, width_px = image.shape[:2]
    share = max_side_px / max(width_px, height_px)
    if share >= 1:
        return image
    return opencv.scaled(image, max(1, round(width_px * share)), max(1, round(height_px * share)))
