"""The last seconds of a camera, and which of them become a clip. Pure: no clock but the frames'."""

from collections import deque
from dataclasses import dataclass, field

from edge.evidence.port import Name
from edge.evidence.settings import ClipSettings

NS_PER_S = 1_000_000_000

LAG_S = 3.0
"""How much later than its frame an event may come: so much longer are pictures kept, and is a clip
open."""

LOSSLESS_LAG_S = 30.0
"""The same for a file that is read as fast as it goes: many frames are between reader and rules."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A picture that waits to be part of a clip."""

    captured_ns: int
    width_px: int
    height_px: int
    jpeg: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Cause:
    """An event for whose sake a clip is kept.

    Attributes:
        captured_ns: Unix time of its frame.
        kind: as the API names it.
        rule: that told it, may be empty.
        target: zone or line, may be empty.
        track_id: of its object, 0 where it has none.
        name: its id, once it is durable.
    """

    captured_ns: int
    kind: str
    rule: str
    target: str
    track_id: int
    name: Name


@dataclass(slots=True, eq=False)
class Clip:
    """Pictures of one size in the order of their times, and why they are kept.

    Attributes:
        since_ns: the clip begins with the first picture from there on.
        until_ns: it ends with the last one before.
        cut: why it ended earlier, empty where it did not: `max_s`, `memory`, `size` (the camera's
            picture changed), `source` (no more pictures came).
    """

    since_ns: int
    until_ns: int
    stills: list[Still]
    causes: list[Cause] = field(default_factory=list)
    cut: str = ""
    bytes: int = 0


class Cutter:
    """Cuts clips out of one camera's pictures; one thread uses it.

    Args:
        settings: lengths and bounds.
        lag_s: how much later than its frame an event may come.
    """

    def __init__(self, settings: ClipSettings, lag_s: float = LAG_S) -> None:
        self._before_ns = round(settings.before_s * NS_PER_S)
        self._after_ns = round(settings.after_s * NS_PER_S)
        self._max_ns = round(settings.max_s * NS_PER_S)
        self._kept_ns = self._before_ns + round(lag_s * NS_PER_S)
        self._max_bytes = settings.memory_max_bytes // 2  # the ring, and as much for a clip
        self._ring: deque[Still] = deque()
        self._ring_bytes = 0
        self._open: Clip | None = None

    @property
    def is_open(self) -> bool:
        """True while a clip wants further pictures."""
        return self._open is not None

    @property
    def ring_bytes(self) -> int:
        """What the pictures that wait occupy."""
        return self._ring_bytes

    def see(self, still: Still) -> Clip | None:
        """Take in the next picture; the clip that is complete with it."""
        done = None
        if self._ring and _size(self._ring[-1]) != _size(still):
            done = self.end("size")
            self.clear()
        clip = self._open
        # An event whose seconds before touch the clip prolongs it, so it stays open for those.
        if clip is not None and still.captured_ns > clip.until_ns + self._kept_ns:
            done = self.end()
        elif clip is not None:
            done = self._add(clip, still)
        self._ring.append(still)
        self._ring_bytes += len(still.jpeg)
        self._forget()
        return done

    def tell(self, cause: Cause) -> Clip | None:
        """An event wants a clip, or prolongs the one that is open; the clip that this completes."""
        until_ns = cause.captured_ns + self._after_ns
        clip, done = self._open, None
        if clip is not None and cause.captured_ns - self._before_ns <= clip.until_ns:
            if until_ns <= clip.since_ns + self._max_ns:
                clip.causes.append(cause)
                clip.until_ns = max(clip.until_ns, until_ns)
                return None
            done = self.end("max_s")
        elif clip is not None:
            done = self.end()
        self._begin(cause, until_ns)
        return done

    def end(self, cut: str = "") -> Clip | None:
        """No further picture comes; the clip that was open, None where it has no picture."""
        clip, self._open = self._open, None
        if clip is None:
            return None
        clip.stills = [still for still in clip.stills if still.captured_ns <= clip.until_ns]
        if not clip.stills:
            return None
        clip.cut = clip.cut or cut
        return clip

    def clear(self) -> None:
        """Forget the pictures that wait."""
        self._ring.clear()
        self._ring_bytes = 0

    def _begin(self, cause: Cause, until_ns: int) -> None:
        since_ns = cause.captured_ns - self._before_ns
        stills = [still for still in self._ring if still.captured_ns >= since_ns]
        held = sum(len(still.jpeg) for still in stills)
        self._open = Clip(since_ns, until_ns, stills, [cause], bytes=held)

    def _add(self, clip: Clip, still: Still) -> Clip | None:
        clip.stills.append(still)
        clip.bytes += len(still.jpeg)
        return self.end("memory") if clip.bytes > self._max_bytes else None

    def _forget(self) -> None:
        """Pictures that no event can want any more, or for which there is no memory."""
        oldest_ns = self._ring[-1].captured_ns - self._kept_ns
        while len(self._ring) > 1 and (
            self._ring[0].captured_ns < oldest_ns or self._ring_bytes > self._max_bytes
        ):
            self._ring_bytes -= len(self._ring.popleft().jpeg)


def _size(still: Still) -> tuple[int, int]:
    return still.width_px, still.height_px
