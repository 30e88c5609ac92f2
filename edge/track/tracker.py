"""The life of tracks: tentative, confirmed, lost, ended.

A detection that belongs to no track starts a tentative one, which nobody hears of. Seen again
after `confirm_s` it is confirmed and gets its id. Unseen it is lost, and coasts; seen again
within `lost_s` it goes on under its id, else it has ended. All times are those of the frames.
"""

import numpy as np
from numpy.typing import NDArray

from edge.track.association import Index, Mask, associate
from edge.track.motion import Motion
from edge.track.port import Tracks
from edge.track.settings import TrackerSettings
from models.detections import Detections

NS_PER_S = 1_000_000_000
TENTATIVE = 0
"""Stands for the id of a track that has none yet."""


class Tracker:
    """The tracks of one camera; one thread uses it.

    The same frames give the same tracks. Memory is bounded by `max_tracks`.

    Args:
        settings: thresholds and times.
        first_id: id of the first track, 1 or higher; `next_id` of an earlier tracker goes on.

    Attributes:
        next_id: the id that the next confirmed track will get.
    """

    def __init__(self, settings: TrackerSettings, *, first_id: int = 1) -> None:
        if first_id < 1:
            raise ValueError(f"first_id: expected 1 or higher, got {first_id}")
        self.next_id = first_id
        self._settings = settings
        self._now_ns = 0
        self._motion = Motion.start(np.empty((0, 4), np.float32))
        self._track_id: NDArray[np.int64] = np.empty(0, np.int64)
        self._class_id: NDArray[np.int32] = np.empty(0, np.int32)
        self._first_seen_ns: NDArray[np.int64] = np.empty(0, np.int64)
        self._last_seen_ns: NDArray[np.int64] = np.empty(0, np.int64)
        self._was_seen: Mask = np.empty(0, np.bool_)

    def __len__(self) -> int:
        """Number of tracks kept: tentative, confirmed and lost."""
        return len(self._track_id)

    def update(self, detections: Detections, *, captured_ns: int, frame: int) -> Tracks:
        """The confirmed tracks that the detections of one frame show.

        Args:
            detections: of the frame, from `low_confidence` on.
            captured_ns: of the frame; one that is older than the frame before counts as
                captured together with it.
            frame: number of the frame, handed through.
        """
        now_ns = max(captured_ns, self._now_ns)
        dt_s = (now_ns - self._now_ns) / NS_PER_S
        self._now_ns = now_ns
        ended = self._end_lost()
        self._motion.predict(dt_s)
        found = associate(
            self._motion.xyxy(), self._class_id, self._track_id != TENTATIVE, self._was_seen,
            detections, self._settings,
        )  # fmt: skip
        self._see(found, detections)
        tracks = self._confirmed(found, detections, captured_ns, frame, ended)
        self._drop_tentative()
        self._start(found, detections)
        return tracks

    def _end_lost(self) -> tuple[int, ...]:
        """Ids of the tracks that were not seen for too long; they are forgotten."""
        is_over = self._now_ns - self._last_seen_ns > self._settings.lost_s * NS_PER_S
        if not np.count_nonzero(is_over):
            return ()
        ids = self._track_id[is_over]
        self._keep(~is_over)
        return tuple(ids[ids != TENTATIVE].tolist())

    def _see(self, found: Index, detections: Detections) -> None:
        """Take in the detections that tracks have found, and confirm the tracks that are due."""
        is_seen = found >= 0
        rows = is_seen.nonzero()[0]
        self._motion.correct(rows, detections.xyxy[found[rows]])
        self._motion.hold_size(~is_seen)
        self._last_seen_ns[rows] = self._now_ns
        age_ns = self._now_ns - self._first_seen_ns
        is_due = (
            is_seen
            & (self._track_id == TENTATIVE)
            & (age_ns >= self._settings.confirm_s * NS_PER_S)
        )
        if np.count_nonzero(is_due):
            due = is_due.nonzero()[0]
            self._track_id[due] = np.arange(self.next_id, self.next_id + len(due))
            self.next_id += len(due)
        self._was_seen = is_seen & (self._track_id != TENTATIVE)

    def _confirmed(
        self,
        found: Index,
        detections: Detections,
        captured_ns: int,
        frame: int,
        ended: tuple[int, ...],
    ) -> Tracks:
        rows = self._was_seen.nonzero()[0]
        boxes = found[rows]
        return Tracks(
            captured_ns=captured_ns,
            frame=frame,
            track_id=self._track_id[rows],
            xyxy=detections.xyxy[boxes],
            confidence=detections.confidence[boxes],
            class_id=self._class_id[rows],
            first_seen_ns=self._first_seen_ns[rows],
            ended=ended,
        )

    def _drop_tentative(self) -> None:
        """Forget tracks that were seen too rarely to be confirmed."""
        unseen_ns = self._now_ns - self._last_seen_ns
        is_noise = (self._track_id == TENTATIVE) & (
            unseen_ns > self._settings.tentative_s * NS_PER_S
        )
        if np.count_nonzero(is_noise):
            self._keep(~is_noise)

    def _start(self, found: Index, detections: Detections) -> None:
        """Start a tentative track for every confident detection that no track has found."""
        is_new = detections.confidence >= self._settings.new_confidence
        is_new[found[found >= 0]] = False
        if not np.count_nonzero(is_new):
            return
        new = is_new.nonzero()[0]
        room = self._settings.max_tracks - len(self)
        if len(new) > room:
            surest = np.argsort(-detections.confidence[new], kind="stable")[:room]
            new = np.sort(new[surest])
        if not len(new):
            return
        now_ns = np.full(len(new), self._now_ns, np.int64)
        self._motion = self._motion.joined(Motion.start(detections.xyxy[new]))
        self._track_id = np.concatenate((self._track_id, np.full(len(new), TENTATIVE, np.int64)))
        self._class_id = np.concatenate((self._class_id, detections.class_id[new]))
        self._first_seen_ns = np.concatenate((self._first_seen_ns, now_ns))
        self._last_seen_ns = np.concatenate((self._last_seen_ns, now_ns))
        self._was_seen = np.concatenate((self._was_seen, np.zeros(len(new), np.bool_)))

    def _keep(self, rows: Mask) -> None:
        self._motion = self._motion.keep(rows)
        self._track_id = self._track_id[rows]
        self._class_id = self._class_id[rows]
        self._first_seen_ns = self._first_seen_ns[rows]
        self._last_seen_ns = self._last_seen_ns[rows]
        self._was_seen = self._was_seen[rows]
