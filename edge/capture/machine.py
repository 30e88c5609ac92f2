"""The life of a camera as a pure function: what happened, and when, into what is to be done.

            opened, picture                 no picture, or only the same or broken ones
    CONNECTING ────────────> LIVE <──────────────────────────────> STALLED
        │                     │ closed                                │ closed, hangs, still no good
        │                     v                                       v
        │               RECONNECTING <────────────────────────────────┘
        v                     v
      FAILED  a file that cannot be read, or too many reads that never came back
      ENDED   a file, read to its end

Nothing here waits, reads or knows a clock: `step` is given the time, of a monotonic clock, and
the luck that jitter needs. What an attempt says that was let go is not heard.
"""

from dataclasses import dataclass, replace
from enum import Enum

REOPEN_STALLED_MAX_S = 300.0
"""The longest wait between two attempts to mend a stalled stream by opening it again."""


class Phase(str, Enum):
    """Where a camera is in its life; the values are what people and the wire see."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    RECONNECTING = "reconnecting"
    FAILED = "failed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a camera may take.

    Attributes:
        open_s: for opening, after which the attempt is replaced; None: as long as it likes.
        silence_s: without a picture, after which it is stalled; None: as long as it likes.
        hang_s: from there on, after which the read is replaced.
        retry_initial_s: shortest wait before the next attempt.
        retry_max_s: longest wait before the next attempt.
        reopen_stalled_s: between two attempts to mend a stall by opening again, at first.
        max_hanging: attempts that were replaced and have not come back; with more it fails.
        is_final: an attempt that fails is the last: a file.
    """

    open_s: float | None
    silence_s: float | None
    hang_s: float
    retry_initial_s: float
    retry_max_s: float
    reopen_stalled_s: float
    max_hanging: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class Life:
    """All that is remembered of a camera; times are s of a monotonic clock.

    Attributes:
        phase: where it is.
        reason: one word why, such as `frozen` or `closed`.
        attempt: number of the latest attempt to open it, from 1.
        is_running: that attempt has neither failed nor been let go.
        is_open: that attempt has opened the source.
        heard_s: when the attempt began, opened or brought its latest picture.
        live_since_s: None unless it is live.
        retry_s: when the next attempt is due, None where none is.
        retry_cap_s: the latest wait was drawn from up to this.
        reopen_s: when a stream of useless pictures is opened again, None where it is not.
        reopen_wait_s: how long the next such stall lasts before that; at first not at all.
        hanging: attempts that were let go and have not ended.
        live_attempt: the latest that brought a good picture, 0 before the first.
        reconnects: attempts after the first that brought one.
    """

    phase: Phase = Phase.CONNECTING
    reason: str = ""
    attempt: int = 0
    is_running: bool = False
    is_open: bool = False
    heard_s: float = 0.0
    live_since_s: float | None = None
    retry_s: float | None = None
    retry_cap_s: float = 0.0
    reopen_s: float | None = None
    reopen_wait_s: float = 0.0
    hanging: int = 0
    live_attempt: int = 0
    reconnects: int = 0


@dataclass(frozen=True, slots=True)
class Started:
    """The camera is to be read."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An attempt has opened the source, or read what speaks neither for nor against it."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Pictured:
    """An attempt has read a picture; a `flaw` that lasts makes it useless: `frozen`, `corrupt`."""

    attempt: int
    flaw: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """The stream goes on but has changed: its resolution, rate or timestamps."""

    attempt: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Broke:
    """An attempt cannot open the source, or lost it."""

    attempt: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt has read the source to its end."""

    attempt: int
    detail: str


@dataclass(frozen=True, slots=True)
class CameBack:
    """An attempt that was let go has ended at last."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has passed."""


Happening = Started | Answered | Pictured | Noted | Broke | Ended | CameBack | Ticked


@dataclass(frozen=True, slots=True)
class Open:
    """Begin an attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """Hear no more of an attempt; it is to end as soon as it can."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Report a change to people and to the cloud."""

    phase: Phase
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing more will come."""


Action = Open | LetGo | Tell | Finish
Step = tuple[Life, tuple[Action, ...]]


def step(life: Life, happening: Happening, now_s: float, limits: Limits, luck: float) -> Step:
    """The camera's life after something happened, and what is to be done, in this order.

    Args:
        life: before.
        happening: what happened; it may come from an attempt that was let go.
        now_s: when, of a monotonic clock.
        limits: what the camera may take.
        luck: drawn evenly from [0, 1): the jitter of the wait, if there will be one.
    """
    if _is_unheard(life, happening, limits):
        return life, ()
    match happening:
        case Started():
            return _open(life, now_s)
        case Ticked():
            return _ticked(life, now_s, limits)
        case CameBack():
            return _came_back(life, now_s)
        case Broke(reason=reason, detail=detail):
            return _lost(life, reason, detail, now_s, limits, luck)
        case Ended(detail=detail):
            ended = replace(_stopped(life), phase=Phase.ENDED, reason="end")
            return ended, (Tell(Phase.ENDED, "end", detail), Finish())
        case _:
            return _read(life, happening, now_s, limits)


def _read(life: Life, happening: Answered | Pictured | Noted, now_s: float, limits: Limits) -> Step:
    """What an attempt says while it goes on."""
    match happening:
        case Answered():
            return replace(life, is_open=True, heard_s=now_s), ()
        case Pictured(flaw=""):
            return _good_picture(life, now_s, limits)
        case Pictured(flaw=flaw, detail=detail):
            return _flawed_picture(life, flaw, detail, now_s, limits)
        case Noted(reason=reason, detail=detail):
            return life, (Tell(life.phase, reason, detail),)


def deadline_s(life: Life, limits: Limits) -> float | None:
    """When `Ticked` is due at the latest; None where nothing depends on time."""
    due = [life.retry_s]
    if life.is_running:
        due += [life.reopen_s, _patience_s(life, limits)]
    return min((moment for moment in due if moment is not None), default=None)


def _is_unheard(life: Life, happening: Happening, limits: Limits) -> bool:
    """True of what comes from an attempt that was let go, and of all that comes after the end."""
    if life.phase is Phase.ENDED or (life.phase is Phase.FAILED and limits.is_final):
        return True
    if isinstance(happening, Started | CameBack | Ticked):
        return False
    return happening.attempt != life.attempt or not life.is_running


def _patience_s(life: Life, limits: Limits) -> float | None:
    """When the attempt that runs has been silent for too long to be left as it is."""
    if not life.is_open:
        return None if limits.open_s is None else life.heard_s + limits.open_s + limits.hang_s
    if limits.silence_s is None:
        return None
    return life.heard_s + limits.silence_s + (limits.hang_s if _is_silent(life) else 0.0)


def _is_silent(life: Life) -> bool:
    return life.phase is Phase.STALLED and life.reason == "silent"


def _away(life: Life) -> Phase:
    """What a camera is that nothing comes from."""
    return Phase.RECONNECTING if life.live_attempt else Phase.CONNECTING


def _stopped(life: Life) -> Life:
    """With no attempt that runs."""
    return replace(life, is_running=False, is_open=False, live_since_s=None, reopen_s=None)


def _open(life: Life, now_s: float) -> Step:
    attempt = life.attempt + 1
    opening = replace(
        life, attempt=attempt, is_running=True, is_open=False, heard_s=now_s, retry_s=None
    )
    return opening, (Open(attempt),)


def _good_picture(life: Life, now_s: float, limits: Limits) -> Step:
    if life.phase is not Phase.LIVE:
        is_another = life.live_attempt not in (0, life.attempt)
        live = replace(
            life, phase=Phase.LIVE, reason="", heard_s=now_s, live_since_s=now_s, reopen_s=None,
            live_attempt=life.attempt, reconnects=life.reconnects + is_another,
        )  # fmt: skip
        return live, (Tell(Phase.LIVE, "", ""),)
    # A stream that breaks right after its first picture must not be opened again and again
    # without a pause, so only one that lasts gets the shortest waits back.
    if life.live_since_s is not None and now_s - life.live_since_s >= limits.retry_max_s:
        return replace(life, heard_s=now_s, retry_cap_s=0.0, reopen_wait_s=0.0), ()
    return replace(life, heard_s=now_s), ()


def _flawed_picture(life: Life, flaw: str, detail: str, now_s: float, limits: Limits) -> Step:
    heard = replace(life, heard_s=now_s)
    if life.phase is Phase.STALLED and life.reason == flaw:
        return heard, ()
    stalled = replace(heard, phase=Phase.STALLED, reason=flaw, live_since_s=None)
    return _reopening_later(stalled, now_s, limits), (Tell(Phase.STALLED, flaw, detail),)


def _reopening_later(life: Life, now_s: float, limits: Limits) -> Life:
    """To be opened again after the wait that is due; the next one is twice as long."""
    longer_s = max(limits.reopen_stalled_s, 2 * life.reopen_wait_s)
    return replace(
        life, reopen_s=now_s + life.reopen_wait_s, reopen_wait_s=min(longer_s, REOPEN_STALLED_MAX_S)
    )


def _lost(life: Life, reason: str, detail: str, now_s: float, limits: Limits, luck: float) -> Step:
    if limits.is_final:
        failed = replace(_stopped(life), phase=Phase.FAILED, reason=reason)
        return failed, (Tell(Phase.FAILED, reason, detail), Finish())
    cap_s = min(limits.retry_max_s, max(limits.retry_initial_s, 2 * life.retry_cap_s))
    wait_s = limits.retry_initial_s + luck * max(0.0, cap_s - limits.retry_initial_s)
    gone, tells = _gone(life, reason, detail)
    return replace(gone, retry_s=now_s + wait_s, retry_cap_s=cap_s), tells


def _gone(life: Life, reason: str, detail: str) -> tuple[Life, tuple[Action, ...]]:
    """Away; told once, whatever the attempts that follow run into."""
    is_told = life.phase is _away(life) and life.reason != ""
    gone = replace(_stopped(life), phase=_away(life), reason=reason)
    return gone, () if is_told else (Tell(gone.phase, reason, detail),)


def _came_back(life: Life, now_s: float) -> Step:
    freed = replace(life, hanging=life.hanging - 1)
    if life.phase is not Phase.FAILED:
        return freed, ()
    opening, actions = _open(replace(freed, phase=_away(life)), now_s)
    return opening, (Tell(opening.phase, "hangs", "what hung has come back"), *actions)


def _ticked(life: Life, now_s: float, limits: Limits) -> Step:
    if life.retry_s is not None and now_s >= life.retry_s:
        return _open(life, now_s)
    if not life.is_running:
        return life, ()
    patience_s = _patience_s(life, limits)
    if patience_s is not None and now_s >= patience_s:
        return _silent(life, now_s, limits)
    if life.reopen_s is not None and now_s >= life.reopen_s:
        return _replaced(life, now_s, limits)
    return life, ()


def _silent(life: Life, now_s: float, limits: Limits) -> Step:
    if life.is_open and not _is_silent(life):
        silent = replace(
            life, phase=Phase.STALLED, reason="silent", live_since_s=None, reopen_s=None
        )
        return silent, (Tell(Phase.STALLED, "silent", f"no picture for {limits.silence_s:.1f} s"),)
    detail = f"{'a read' if life.is_open else 'opening'} does not come back and is replaced"
    gone, tells = _gone(life, "hangs", detail)
    opening, actions = _replaced(replace(gone, is_running=True), now_s, limits)
    return opening, (*tells, *actions)


def _replaced(life: Life, now_s: float, limits: Limits) -> Step:
    """Let the attempt go and begin the next one, unless too many hang already."""
    let_go = LetGo(life.attempt)
    gone = replace(life, hanging=life.hanging + 1)
    if gone.hanging > limits.max_hanging:
        failed = replace(_stopped(gone), phase=Phase.FAILED, reason="hangs")
        text = f"{gone.hanging} attempts hang; it is opened again when one comes back"
        return failed, (let_go, Tell(Phase.FAILED, "hangs", text))
    if gone.phase is Phase.STALLED:
        gone = _reopening_later(gone, now_s, limits)
    opening, actions = _open(gone, now_s)
    return opening, (let_go, *actions)
