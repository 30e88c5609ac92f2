"""The life of tracks: tentative, confirmed, stationary, lost, ended.

A detection that belongs to no track starts a tentative one, which nobody hears of. Seen again
after `confirm_s` it is confirmed and gets its id. Who keeps a place for `stationary_s` is
stationary until it leaves. Unseen a track is lost, and coasts; seen again within `lost_s` it
goes on under its id, else it has ended. A stationary one does not end so soon: whoever stands
before a parked car hides it for longer, and at night a detector finds it now and then. Until
`stationary_lost_s` it waits at its place, and is found nowhere else. All times are those of the
frames.
"""

import numpy as np
from numpy.typing import NDArray

from edge.track.association import Expected, Index, Mask, associate
from edge.track.lives import F32, NS_PER_S, Lives, Rows
from edge.track.motion import F64, Motion
from edge.track.port import Tracks
from edge.track.settings import TrackerSettings
from models.detections import Detections
from models.nms import iou

DOUBT_AT_THRESHOLD = 2.5
"""By how much the edges of a box at `high_confidence` tremble more than those of a sure one: an
object that is half hidden has a low score, and a box of its visible half. The factor falls with
(1 - confidence), as in StrongSORT (Du et al., 2023), and is 1 from there on."""
_NONE: Rows = np.empty(0, np.intp)


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
        self._motion = Motion.start(np.empty((4, 0), np.float32))
        self._lives = Lives.start(Detections.empty(), 0)

    def __len__(self) -> int:
        """Number of tracks kept: tentative, confirmed and lost."""
        return len(self._lives)

    def follow(self, settings: TrackerSettings) -> None:
        """Track by other settings from the next frame on; the tracks live on."""
        self._settings = settings

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
        ended, waits = self._end_lost()
        self._motion.predict(dt_s)
        if waits is not None:
            self._motion.rest(waits, self._lives.place)
        ltrb = np.ascontiguousarray(detections.xyxy.T)
        found = associate(self._expected(), detections, ltrb, self._settings)
        taken = self._see(found, detections.confidence, ltrb)
        told = found.compress(self._lives.was_seen)
        new = self._new(taken, told, detections)
        self._drop_tentative()
        self._start(new, detections)
        return self._told(told, detections, captured_ns, frame, ended)

    def _end_lost(self) -> tuple[tuple[int, ...], Mask | None]:
        """Ids of the tracks that were not seen for too long, which are forgotten; and who waits.

        Returns:
            ended: ids.
            waits: (N,) which of those that are kept wait at their place; None where nobody does.
        """
        lives, settings = self._lives, self._settings
        unseen_ns = self._now_ns - lives.last_seen_ns
        is_late = unseen_ns > settings.lost_s * NS_PER_S
        if not np.count_nonzero(is_late):
            return (), None
        waits = lives.has_stayed(settings.stationary_s) & is_late & lives.is_confirmed
        waits &= unseen_ns <= settings.stationary_lost_s * NS_PER_S
        # What never was quite an object, and stays where it is, is not waited for.
        late = waits.nonzero()[0]
        waits[late] = lives.median_confidence(late) >= settings.sure_confidence
        is_over = is_late & ~waits
        ids = lives.track_id[is_over & lives.is_confirmed]
        self._keep(~is_over)
        return tuple(ids.tolist()), waits[~is_over] if np.count_nonzero(waits) else None

    def _expected(self) -> Expected:
        motion, lives = self._motion, self._lives
        margin_px, reach_px = motion.gates_px()
        return Expected(
            motion.ltrb(), margin_px, reach_px, lives.class_id, lives.is_confirmed, lives.was_seen
        )

    def _see(self, found: Index, confidence: F32, ltrb: F32) -> Rows:
        """Take in the detections that tracks have found, and confirm the tracks that are due.

        Returns:
            (K,) the detections that tracks have found.
        """
        motion, lives, settings = self._motion, self._lives, self._settings
        is_seen = found >= 0
        taken: Rows = found.compress(is_seen)
        if len(taken):
            # Who was not seen borrows a box that somebody has found, and learns nothing from it.
            boxes = np.where(is_seen, found, taken[0])
            score = confidence.take(boxes)
            motion.correct(is_seen, ltrb.take(boxes, axis=1), self._doubt(score))
            lives.see(is_seen, score, self._now_ns)
            lives.stay(is_seen, motion.ltrb(), self._now_ns, settings.stationary_iou)
            self._confirm(is_seen)
        else:
            motion.coast()
        lives.was_seen = is_seen & lives.is_confirmed
        return taken

    def _doubt(self, confidence: F32) -> F64:
        certain = max(1 - self._settings.high_confidence, 0.01)
        doubt = 1.0 - confidence.astype(np.float64)
        doubt *= DOUBT_AT_THRESHOLD
        doubt /= certain
        return np.maximum(doubt, 1.0, out=doubt)

    def _confirm(self, is_seen: Mask) -> None:
        """Give an id to each tentative track that is seen once it is surely an object."""
        lives = self._lives
        if not lives.tentative:
            return
        age_ns = self._now_ns - lives.first_seen_ns
        is_due = is_seen & ~lives.is_confirmed
        is_due &= age_ns >= self._settings.confirm_s * NS_PER_S
        due = is_due.nonzero()[0]
        due = due[self._is_believed(due, age_ns[due])]
        lives.confirm(due, self.next_id)
        self.next_id += len(due)

    def _is_believed(self, due: Rows, age_ns: NDArray[np.int64]) -> Mask:
        """(K,), which tentative tracks are no mistake of the detector's.

        A bush or a sign that looks a little like a person is where it is, and has scores about
        the threshold. So who is seen surely, or moves, is believed at once; who does neither must
        keep its scores up for longer.
        """
        lives, settings = self._lives, self._settings
        median = lives.median_confidence(due)
        has_moved = lives.place_since_ns[due] > lives.first_seen_ns[due]
        is_steady = age_ns >= settings.doubt_s * NS_PER_S
        is_steady &= median >= settings.new_confidence
        believed: Mask = (median >= settings.sure_confidence) | has_moved | is_steady
        return believed

    def _told(
        self,
        boxes: Rows,
        detections: Detections,
        captured_ns: int,
        frame: int,
        ended: tuple[int, ...],
    ) -> Tracks:
        """What a frame shows; `boxes` are the detections of the confirmed tracks it shows."""
        lives = self._lives
        rows = lives.was_seen.nonzero()[0]
        track_id, first_seen_ns, last_seen_ns, place_since_ns = lives.numbers.take(rows, axis=1)
        stayed_ns = last_seen_ns - place_since_ns
        return Tracks(
            captured_ns=captured_ns,
            frame=frame,
            track_id=track_id,
            xyxy=detections.xyxy.take(boxes, axis=0),
            confidence=detections.confidence.take(boxes),
            class_id=lives.class_id.take(rows),
            first_seen_ns=first_seen_ns,
            ended=ended,
            lost=self._lost(len(rows)),
            stationary=stayed_ns >= self._settings.stationary_s * NS_PER_S,
            median_confidence=lives.median_confidence(rows),
            tentative=lives.tentative,
        )

    def _lost(self, seen: int) -> tuple[int, ...]:
        """Ids of the confirmed tracks that this frame, which shows so many, does not show."""
        lives = self._lives
        if len(lives) - lives.tentative == seen:
            return ()
        return tuple(lives.track_id[lives.is_confirmed & ~lives.was_seen].tolist())

    def _new(self, taken: Rows, known: Rows, detections: Detections) -> Rows:
        """Confident detections that no track has found, and that double nobody's box.

        A detector often says an object twice, and suppression of overlaps leaves both: the
        second box would become a track that takes turns with the first (compare track-aware
        initialization in Shim et al., "Focusing on Tracks for Online Multi-Object Tracking",
        CVPR 2025).

        Args:
            taken: detections that tracks have found.
            known: those among them that confirmed tracks have found.
            detections: of the frame.
        """
        if len(taken) == len(detections):
            return _NONE
        is_new = detections.confidence >= self._settings.new_confidence
        is_new[taken] = False
        new: Rows = is_new.nonzero()[0]
        if not len(new):
            return new
        overlap = iou(detections.xyxy[new], detections.xyxy[known])
        same = detections.class_id[new][:, None] == detections.class_id[known]
        is_double = ((overlap > self._settings.max_start_iou) & same).any(axis=1)
        single: Rows = new[~is_double]
        return single

    def _drop_tentative(self) -> None:
        """Forget tracks that were seen too rarely to be confirmed."""
        lives = self._lives
        if not lives.tentative:
            return
        unseen_ns = self._now_ns - lives.last_seen_ns
        is_noise = ~lives.is_confirmed & (unseen_ns > self._settings.tentative_s * NS_PER_S)
        if np.count_nonzero(is_noise):
            self._keep(~is_noise)

    def _start(self, new: Rows, detections: Detections) -> None:
        """Start a tentative track for each of these detections, the surest where room is short."""
        # Settings that were changed meanwhile may allow less than there is.
        room = max(self._settings.max_tracks - len(self), 0)
        if len(new) > room:
            surest = np.argsort(-detections.confidence[new], kind="stable")[:room]
            new = np.sort(new[surest])
        if not len(new):
            return
        self._motion = self._motion.joined(Motion.start(detections.xyxy[new].T))
        self._lives = self._lives.joined(Lives.start(detections[new], self._now_ns))

    def _keep(self, kept: Mask) -> None:
        self._motion = self._motion.keep(kept)
        self._lives = self._lives.keep(kept)
