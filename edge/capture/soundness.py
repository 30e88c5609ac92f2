"""Whether a camera's pictures are worth anything: fresh, whole, and of the size they were.

A live sensor has noise, so two of its pictures are never the same: a picture that comes again
and again is an encoder or a server that hangs, and says nothing about the present. A decoder
that lacks data fills in grey (Y = U = V = 128) or green (0): surfaces that no lens brings, for
each of their pixels is exactly like its neighbour.

What cannot be seen from pictures: a decoder that copies the missing parts from the picture
before, as FFmpeg's H.264 decoder does where it can; and smears that move.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detections import Image

NOISE_RUN = 5
"""Pictures in a row that differ from the one before, after which a frozen one moves again."""

STEADY_GAP_S = 0.4
STEADY_S = 3.0
"""A picture that changes at least so often, for so long, is a sensor's: at night a camera exposes
for longer and repeats each picture, while key frames change a frozen one less often."""

BLOCK_PX = 8
"""Side of a block that is compared, in pixels of half the resolution."""

CHECK_S = 1.0
"""Between two looks for movement, which take 1 to 4 ms of a picture of 720p to 1080p."""

ROW_STEP = 8
"""Every so manyth row is compared with the picture before, which costs 0.1 ms."""

SAMPLE_PX = 16
"""Between two samples of the search for filled surfaces: one in each macroblock of a coder."""

GLANCE_ROWS = 4
"""A glance takes every so manyth row of samples, another one with each picture."""

GLANCE_SHARE = 3
"""What a glance finds to be filled in by this part of the limit is looked at whole."""

GLANCE_PX = GLANCE_ROWS * GLANCE_ROWS * SAMPLE_PX
"""Pictures that are lower are always looked at whole."""

GREY = (127, 131)
"""Y = 128 of full and of limited range, in each channel."""

GREEN = ((0, 2), (60, 165), (0, 2))
"""Y = U = V = 0 by BT.601 and BT.709: blue, green, red."""

RATE_WINDOW_NS = 5_000_000_000
RATE_CHANGE = 0.25
"""A rate that differs by this share from the one before, in two windows, has changed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be thought of a picture.

    Attributes:
        is_usable: it may be inferred.
        flaw: `frozen` or `corrupt`, once it has lasted for so long that the stream is stalled.
        detail: the same for people.
        changes: what is new about the stream, as (reason, detail).
    """

    is_usable: bool = True
    flaw: str = ""
    detail: str = ""
    changes: tuple[tuple[str, str], ...] = ()


class FreezeWatch:
    """Tells since when the picture has been the same.

    Frozen is what shows no block that has changed by more than a coder's key frames change it,
    and mostly pictures that equal the one before exactly, as the sensor's noise does not; unless
    the others come as steadily as those of a slow sensor do.

    Args:
        tolerance: levels (of 255) by which a block may differ from the frozen picture.
    """

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._rows: Image | None = None
        self._reference: NDArray[np.int16] | None = None
        self._since_s = self._checked_s = 0.0
        self._seen = self._same = self._differing = 0
        self._changed_s = self._steady_since_s = 0.0

    def frozen_for_s(self, image: Image, now_s: float, *, is_suspected: bool) -> float:
        """For how long the picture has been the same, 0 where it is not.

        Args:
            image: (height, width, 3) uint8, the next picture.
            now_s: when it came.
            is_suspected: look at every picture closely, to notice the end of it at once.
        """
        rows = image[::ROW_STEP]
        is_same = self._rows is not None and _is_same(rows, self._rows)
        self._rows = rows.copy()
        self._seen += 1
        self._same += is_same
        self._differing = 0 if is_same else self._differing + 1
        if not is_same:
            self._change(now_s)
        if is_suspected or now_s - self._checked_s >= CHECK_S:
            self._checked_s = now_s
            if self._is_steady(now_s) or self._is_live(image, is_suspected):
                self._begin(image, now_s)
        return now_s - self._since_s

    def _change(self, now_s: float) -> None:
        if now_s - self._changed_s > STEADY_GAP_S:
            self._steady_since_s = now_s
        self._changed_s = now_s

    def _is_steady(self, now_s: float) -> bool:
        is_changing = now_s - self._changed_s <= STEADY_GAP_S
        return is_changing and now_s - self._steady_since_s >= STEADY_S

    def _is_live(self, image: Image, is_suspected: bool) -> bool:
        if is_suspected:
            return self._differing >= NOISE_RUN or self._has_moved(image)
        return self._same * 2 <= self._seen or self._has_moved(image)

    def _has_moved(self, image: Image) -> bool:
        plane = _half(image)
        if self._reference is None or plane.shape != self._reference.shape:
            return True
        rows, columns = (length // BLOCK_PX * BLOCK_PX for length in plane.shape)
        change = np.abs(plane - self._reference)[:rows, :columns]
        blocks = change.reshape(rows // BLOCK_PX, BLOCK_PX, columns // BLOCK_PX, BLOCK_PX)
        return bool(blocks.mean((1, 3)).max(initial=0.0) > self._tolerance)

    def _begin(self, image: Image, now_s: float) -> None:
        self._reference = _half(image)
        self._since_s = now_s
        self._seen = self._same = self._differing = 0


class RateWatch:
    """Pictures a second by their captured times, and when that changes."""

    def __init__(self) -> None:
        self.fps = 0.0
        self._begun_ns = 0
        self._count = 0
        self._is_doubted = False

    def restart(self) -> None:
        """Begin to count anew: the stream was away."""
        self._begun_ns = self._count = 0

    def see(self, captured_ns: int) -> str:
        """What has changed with this picture, empty where nothing has."""
        if not self._begun_ns:
            self._begun_ns = captured_ns
            return ""
        self._count += 1
        if captured_ns - self._begun_ns < RATE_WINDOW_NS:
            return ""
        fps = self._count * 1e9 / (captured_ns - self._begun_ns)
        self._begun_ns, self._count = captured_ns, 0
        return self._compare(fps)

    def _compare(self, fps: float) -> str:
        before = self.fps
        if before and abs(fps - before) > RATE_CHANGE * before and not self._is_doubted:
            self._is_doubted = True  # one window may be a hiccup of the network
            return ""
        has_changed, self._is_doubted = self._is_doubted, False
        has_changed = has_changed and abs(fps - before) > RATE_CHANGE * before
        self.fps = fps
        return f"{before:.1f} to {fps:.1f} pictures/s" if has_changed else ""


class Soundness:
    """Judges the pictures of one camera, across all of its connections.

    Args:
        frozen_after_s: of the same picture, after which it is frozen; None: never.
        frozen_tolerance: levels by which a block may differ from the frozen picture.
        corrupt_share: of the picture that is filled in, from which it is corrupt; None: never.
        corrupt_after_s: of corrupt pictures, after which the stream is stalled.
    """

    def __init__(
        self,
        frozen_after_s: float | None,
        frozen_tolerance: float,
        corrupt_share: float | None,
        corrupt_after_s: float,
    ) -> None:
        self._frozen_after_s = frozen_after_s
        self._corrupt_share = corrupt_share
        self._corrupt_after_s = corrupt_after_s
        self._freeze = FreezeWatch(frozen_tolerance)
        self._rate = RateWatch()
        self._is_frozen = False
        self._corrupt_since_s: float | None = None
        self._glance = 0
        self.width_px = self.height_px = 0

    @property
    def fps(self) -> float:
        """Pictures a second of the latest seconds, 0 before they have passed."""
        return self._rate.fps

    def reconnected(self) -> None:
        """The stream was away: its rate is counted anew, and so is for how long it is corrupt."""
        self._rate.restart()
        self._corrupt_since_s = None

    def judge(self, image: Image, captured_ns: int, now_s: float) -> Verdict:
        """What is to be thought of the next picture.

        Args:
            image: (height, width, 3) uint8, BGR.
            captured_ns: when it was captured.
            now_s: now, of a monotonic clock.
        """
        changes = self._changes(image, captured_ns)
        if share := self._filled(image):
            return self._corrupt(share, now_s, changes)
        self._corrupt_since_s = None
        if self._frozen_after_s is None:
            return Verdict(changes=changes)
        same_s = self._freeze.frozen_for_s(image, now_s, is_suspected=self._is_frozen)
        self._is_frozen = same_s >= self._frozen_after_s
        if not self._is_frozen:
            return Verdict(changes=changes)
        return Verdict(False, "frozen", f"the same picture for {same_s:.1f} s", changes)

    def _filled(self, image: Image) -> float:
        """The share that is filled in, where it is beyond the limit, else 0.

        Most pictures need no more than a glance, which costs a third of a look at the whole.
        """
        limit = self._corrupt_share
        if limit is None:
            return 0.0
        self._glance = (self._glance + 1) % GLANCE_ROWS
        glance = 1.0 if len(image) < GLANCE_PX else filled_share(image, self._glance, GLANCE_ROWS)
        if glance * GLANCE_SHARE <= limit:
            return 0.0
        share = filled_share(image)
        return share if share > limit else 0.0

    def _corrupt(self, share: float, now_s: float, changes: tuple[tuple[str, str], ...]) -> Verdict:
        if self._corrupt_since_s is None:
            self._corrupt_since_s = now_s
        if now_s - self._corrupt_since_s < self._corrupt_after_s:
            return Verdict(False, changes=changes)
        detail = f"{share:.0%} of the picture is grey or green that the decoder filled in"
        return Verdict(False, "corrupt", detail, changes)

    def _changes(self, image: Image, captured_ns: int) -> tuple[tuple[str, str], ...]:
        changes = []
        height_px, width_px = image.shape[:2]
        if (width_px, height_px) != (self.width_px, self.height_px):
            if self.width_px:
                before = f"{self.width_px}x{self.height_px}"
                changes.append(("resolution", f"{before} to {width_px}x{height_px}"))
            self.width_px, self.height_px = width_px, height_px
        if rate := self._rate.see(captured_ns):
            changes.append(("rate", rate))
        return tuple(changes)


def _is_same(rows: Image, before: Image) -> bool:
    """Whether all of it is the same; of a live picture one row tells that it is not."""
    if rows.shape != before.shape:
        return False
    middle = len(rows) // 2
    return np.array_equal(rows[middle], before[middle]) and np.array_equal(rows, before)


def filled_share(image: Image, first: int = 0, every: int = 1) -> float:
    """Share of a picture that a decoder has filled in, in [0, 1].

    Args:
        image: (height, width, 3) uint8, BGR.
        first: row of samples to begin with.
        every: take every so manyth row of samples.
    """
    rows = image[SAMPLE_PX // 2 + SAMPLE_PX * first :: SAMPLE_PX * every]
    sample = rows[:, SAMPLE_PX // 2 :: SAMPLE_PX]
    beside = rows[:, SAMPLE_PX // 2 - 1 :: SAMPLE_PX]
    beside = beside[:, : sample.shape[1]]
    if not sample.size:
        return 0.0
    # The rest is looked at only where the green channel is flat: of a live picture a few spots.
    is_flat = sample[..., 1] == beside[..., 1]
    blue, green, red = sample[is_flat].T
    is_grey, is_green = _within(blue, GREY), _within(blue, GREEN[0])
    for channel, grey, filled in ((green, GREY, GREEN[1]), (red, GREY, GREEN[2])):
        is_grey &= _within(channel, grey)
        is_green &= _within(channel, filled)
    is_same = (sample[is_flat] == beside[is_flat]).all(-1)
    return float(np.count_nonzero((is_grey | is_green) & is_same) / is_flat.size)


def _within(channel: NDArray[np.uint8], limits: tuple[int, int]) -> NDArray[np.bool_]:
    return (channel >= limits[0]) & (channel <= limits[1])


def _half(image: Image) -> NDArray[np.int16]:
    """The green channel at half the resolution."""
    return image[::2, ::2, 1].astype(np.int16)
