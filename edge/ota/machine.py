"""The life of an update as a pure function: what happened into what is to be done.

    step(life, happening, limits) -> life, effects

Whoever drives it writes the life to disk before any of the effects is begun, so a restart in any
state finds what was decided, and `Started` says how it goes on. Effects may be done again: each
finds what it did before. What is decided of a trial is an intent first (commit, roll back), then
done, and only then the state that the cloud is told.

Nothing here waits, reads, writes or knows a clock. An update always ends: its time is counted
down, its changes of state are counted, and so is how often the agent ended while it was tried.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from edge.ota.life import (
    Activated,
    Committed,
    Downloaded,
    Effect,
    Ending,
    Failed,
    Fallen,
    Happening,
    Intent,
    Life,
    Limits,
    LookedUp,
    Order,
    Ordered,
    Passed,
    Planned,
    Progressed,
    Refused,
    RolledBack,
    Started,
    Stopping,
    Ticked,
    Verified,
    Withdrawn,
)
from edge.ota.states import FOLLOWS, REFUSALS, Code, State

Step = tuple[Life, tuple[Effect, ...]]

_EFFECTS: Mapping[State, Effect] = {
    State.PENDING: Effect.LOOK,
    State.ACCEPTED: Effect.PLAN,
    State.DOWNLOADING: Effect.DOWNLOAD,
    State.VERIFYING: Effect.VERIFY,
    State.ACTIVATING: Effect.ACTIVATE,
}
"""What is done in a state; OFFERED and STAGED go on with the next tick, if the window is open."""

_IN_WINDOW = frozenset({State.ACCEPTED, State.DOWNLOADING, State.ACTIVATING})
"""What is begun in a maintenance window only."""

_CALLED_OFF = frozenset({State.ACCEPTED, State.DOWNLOADING})
"""What is called off when the window closes; a self-test that has begun may end."""

_DROP = (Effect.STOP, Effect.DISCARD)


def begin(order: Order, from_version: str, limits: Limits) -> Step:
    """The life of a new order.

    Args:
        order: what the cloud wants.
        from_version: that serves now.
        limits: what it may take.
    """
    life = Life(
        order, from_version=from_version, order_left_s=limits.order_s, stage_left_s=limits.stage_s
    )
    return life, (Effect.LOOK,)


def step(life: Life, happening: Happening, limits: Limits) -> Step:
    """What becomes of an update, and what is to be done once that is on disk.

    What does not belong to its state is not heard: the answer of an effect that was called off.
    """
    return _STEPS[type(happening)](life, happening, limits)


# What the agent tells.


def _started(life: Life, happening: Started, limits: Limits) -> Step:
    if life.has_ended:
        return life, (Effect.DISCARD,)  # it may have ended with this undone
    was_stopped = life.was_stopped
    life = replace(
        life, is_trying=False, was_stopped=False, wait_s=0.0,
        order_left_s=life.order_left_s - limits.start_cost_s,
        stage_left_s=life.stage_left_s - limits.start_cost_s,
    )  # fmt: skip
    if life.intent is Intent.ROLL_BACK:
        return life, (Effect.ROLL_BACK,)
    if life.intent is Intent.COMMIT or life.state is State.VERIFYING:
        return _started_on_test(life, was_stopped, limits)
    if life.state in (State.ACTIVATING, State.PROBATION):
        return _started_on_trial(life, was_stopped, limits)
    effect = _EFFECTS.get(life.state)
    return life, (effect,) if effect else ()


def _started_on_test(life: Life, was_stopped: bool, limits: Limits) -> Step:
    """Load the model once more, and run it; but not for ever, where that is what ends the agent."""
    starts = life.starts if was_stopped else life.starts + 1
    if starts <= limits.starts:
        return replace(life, starts=starts), (Effect.COMMIT if life.intent else Effect.VERIFY,)
    told = f"the agent ended {life.starts} times while this model was loaded"
    if life.intent is not None:
        return _roll_back(life, State.ROLLED_BACK, Code.PROBATION_ERRORS, told)
    return _end(life, State.REJECTED, Code.SELF_TEST, told), (Effect.DISCARD,)


def _started_on_trial(life: Life, was_stopped: bool, limits: Limits) -> Step:
    tries = life.tries if was_stopped else life.tries + 1
    if tries > limits.tries:
        told = f"the agent ended {life.tries} times while this model was on trial"
        return _roll_back(life, State.ROLLED_BACK, Code.PROBATION_ERRORS, told)
    life = replace(life, tries=tries)
    if life.state is State.ACTIVATING:
        return life, (Effect.ACTIVATE,)
    return _to(life, State.ACTIVATING, limits, stage_left_s=life.stage_left_s)


def _stopping(life: Life, happening: Stopping, limits: Limits) -> Step:
    return (life if life.has_ended else replace(life, was_stopped=True)), ()


def _ticked(life: Life, happening: Ticked, limits: Limits) -> Step:
    if life.has_ended:
        return life, ()
    waits_for_window = life.state is State.DEFERRED and not life.code and not happening.is_open
    if not waits_for_window:
        life = replace(
            life, order_left_s=life.order_left_s - happening.passed_s,
            stage_left_s=life.stage_left_s - happening.passed_s,
        )  # fmt: skip
    life = replace(life, wait_s=max(0.0, life.wait_s - happening.passed_s))
    if life.intent is Intent.ROLL_BACK:
        return _again(life, Effect.ROLL_BACK)
    if life.stage_left_s <= 0 or (life.is_unchanged and life.order_left_s <= 0):
        return _timed_out(life)
    if life.intent is Intent.COMMIT:
        return _again(life, Effect.COMMIT)
    if life.state is State.DEFERRED:
        return _deferred_ticked(life, happening.is_open, limits)
    following = {State.OFFERED: State.ACCEPTED, State.STAGED: State.ACTIVATING}.get(life.state)
    if following is not None:
        if happening.is_open:
            return _to(life, following, limits)
        return _wait_for_window(life, following, limits)
    if life.state in _CALLED_OFF and not happening.is_open:
        return _wait_for_window(life, life.state, limits)
    return life, ()


def _again(life: Life, effect: Effect) -> Step:
    """Try what was decided once more, where it had failed and waited long enough."""
    if not life.attempts or life.is_trying or life.wait_s > 0:
        return life, ()
    return replace(life, is_trying=True), (effect,)


def _deferred_ticked(life: Life, is_open: bool, limits: Limits) -> Step:
    assert life.resume is not None
    is_closed = not is_open and life.resume in _IN_WINDOW
    if is_closed and life.code:
        return _wait_for_window(life, life.resume, limits)
    if is_closed or life.is_trying or life.wait_s > 0:
        return life, ()
    if not life.code:
        return _to(life, life.resume, limits)
    return replace(life, is_trying=True), (_EFFECTS[life.resume],)


def _wait_for_window(life: Life, resume: State, limits: Limits) -> Step:
    waiting, effects = _to(life, State.DEFERRED, limits, detail="until the maintenance window",
                           resume=resume, stage_left_s=limits.stage_s)  # fmt: skip
    return waiting, (Effect.STOP, *effects)


def _timed_out(life: Life) -> Step:
    told = life.detail or f"nothing came of {life.state.name.lower()} in time"
    if life.is_unchanged:
        return _end(life, State.TIMED_OUT, life.code, told), _DROP
    return _roll_back(life, State.TIMED_OUT, life.code, told)


# What the cloud tells.


def _ordered(life: Life, happening: Ordered, limits: Limits) -> Step:
    order = happening.order
    if life.next is not None:
        return replace(life, next=None if order.is_same_as(life.order) else order), ()
    if order.is_same_as(life.order):
        return replace(life, order=order), ()
    return _give_way(replace(life, next=order))


def _give_way(life: Life) -> Step:
    """End for the order that comes next, as soon as the incumbent serves."""
    told = f"deployment {life.next.deployment} came" if life.next else ""
    if life.has_ended or life.intent is not None:
        return life, ()
    if life.is_unchanged:
        return _end(life, State.SUPERSEDED, "", told), _DROP
    return _roll_back(life, State.SUPERSEDED, "", told)


def _withdrawn(life: Life, happening: Withdrawn, limits: Limits) -> Step:
    life = replace(life, next=None)
    if life.is_unchanged:
        return _end(life, State.CANCELLED, "", "the order was withdrawn"), _DROP
    return life, ()


# What effects tell.


def _looked_up(life: Life, happening: LookedUp, limits: Limits) -> Step:
    if not _is_at(life, State.PENDING):
        return life, ()
    life = replace(life, target=happening.target)
    if happening.serves:
        return _end(life, State.COMMITTED, "", "it serves already"), (Effect.DISCARD,)
    return _to(life, State.OFFERED, limits)


def _planned(life: Life, happening: Planned, limits: Limits) -> Step:
    if not _is_at(life, State.ACCEPTED):
        return life, ()
    return _to(life, State.DOWNLOADING, limits, total_bytes=happening.total_bytes)


def _progressed(life: Life, happening: Progressed, limits: Limits) -> Step:
    if not _is_at(life, State.DOWNLOADING):
        return life, ()
    has_grown = happening.downloaded_bytes > life.downloaded_bytes
    life = replace(life, downloaded_bytes=happening.downloaded_bytes)
    if life.state is State.DEFERRED and has_grown:
        return _to(life, State.DOWNLOADING, limits, effects=())
    return life, ()


def _downloaded(life: Life, happening: Downloaded, limits: Limits) -> Step:
    if not _is_at(life, State.DOWNLOADING):
        return life, ()
    return _to(life, State.VERIFYING, limits, downloaded_bytes=life.total_bytes)


def _verified(life: Life, happening: Verified, limits: Limits) -> Step:
    return _to(life, State.STAGED, limits) if _is_at(life, State.VERIFYING) else (life, ())


def _activated(life: Life, happening: Activated, limits: Limits) -> Step:
    if life.state is not State.ACTIVATING or life.intent is not None:
        return life, ()
    left_s = limits.probation_s if life.baseline is None else life.stage_left_s
    baseline = life.baseline or happening.baseline
    return _to(life, State.PROBATION, limits, baseline=baseline, stage_left_s=left_s)


def _passed(life: Life, happening: Passed, limits: Limits) -> Step:
    if life.state is not State.PROBATION or life.intent is not None:
        return life, ()
    return replace(life, intent=Intent.COMMIT, detail=happening.detail), (Effect.COMMIT,)


def _failed(life: Life, happening: Failed, limits: Limits) -> Step:
    if life.state not in (State.ACTIVATING, State.PROBATION) or life.intent is Intent.ROLL_BACK:
        return life, ()
    return _roll_back(life, State.ROLLED_BACK, happening.code, happening.detail)


def _committed(life: Life, happening: Committed, limits: Limits) -> Step:
    if life.intent is not Intent.COMMIT:
        return life, ()
    return _end(life, State.COMMITTED, "", life.detail), (Effect.DISCARD,)


def _rolled_back(life: Life, happening: RolledBack, limits: Limits) -> Step:
    if life.intent is not Intent.ROLL_BACK:
        return life, ()
    ending = life.ending
    assert ending is not None
    return _end(life, ending.state, ending.code, ending.detail), (Effect.DISCARD,)


def _fallen(life: Life, happening: Fallen, limits: Limits) -> Step:
    if life.state is not State.COMMITTED or happening.deployment != life.order.deployment:
        return life, ()
    return _end(life, State.ROLLED_BACK, happening.code, happening.detail), ()


def _refused(life: Life, happening: Refused, limits: Limits) -> Step:
    code, detail = str(happening.code), happening.detail
    is_awaited = life.intent is not None or life.is_trying or life.state in _EFFECTS
    if life.has_ended or not is_awaited:
        return life, ()
    if life.is_unchanged:
        if happening.is_passing:
            return _defer(life, code, detail, limits)
        state = State.REJECTED if code in REFUSALS else State.FAILED_NO_CHANGE
        return _end(life, state, code, detail), _DROP
    if life.intent is Intent.ROLL_BACK:
        if happening.is_passing:
            return _waiting(life, limits), ()
        told = f"{detail}; on trial it was ended by: {life.ending.detail if life.ending else ''}"
        return _end(life, State.FAILED_UNABLE_TO_ROLL_BACK, code, told), ()
    if life.intent is Intent.COMMIT and happening.is_passing:
        return _waiting(life, limits), ()
    state = State.FAILED_NO_CHANGE if life.state is State.ACTIVATING else State.ROLLED_BACK
    return _roll_back(life, state, code, detail)


# How a life changes.


def _is_at(life: Life, state: State) -> bool:
    """True where the answer of a state's effect is awaited."""
    return life.state is state or (
        life.state is State.DEFERRED and life.resume is state and life.is_trying
    )


def _to(
    life: Life, state: State, limits: Limits, effects: tuple[Effect, ...] | None = None,
    **changes: Any,
) -> Step:  # fmt: skip
    """Another state, and what is done in it; its own end where it has changed too often."""
    assert state in FOLLOWS[life.state], f"{life.state.name} to {state.name}"
    if life.transition >= limits.transitions:
        told = f"changed its state {life.transition} times"
        if life.is_unchanged:
            ended = _end(life, State.FAILED_NO_CHANGE, Code.TOO_MANY_TRANSITIONS, told)
            return ended, _DROP
        return _roll_back(life, State.ROLLED_BACK, Code.TOO_MANY_TRANSITIONS, told)
    fresh: dict[str, Any] = {
        "code": "", "detail": "", "resume": None, "is_trying": False, "attempts": 0, "wait_s": 0.0,
        "stage_left_s": limits.stage_s,
    }  # fmt: skip
    life = replace(life, state=state, transition=life.transition + 1, **{**fresh, **changes})
    if state is State.ACTIVATING and not life.tries:
        life = replace(life, tries=1)
    if effects is None:
        effect = _EFFECTS.get(state)
        effects = (effect,) if effect else ()
    return life, effects


def _defer(life: Life, code: str, detail: str, limits: Limits) -> Step:
    """Wait, each time longer, and then try again what has failed."""
    if life.state is State.DEFERRED and life.code == code:
        return replace(_waiting(life, limits), detail=detail), ()
    deferred, effects = _to(
        life, State.DEFERRED, limits, code=code, detail=detail, resume=life.resume or life.state,
        attempts=life.attempts, stage_left_s=life.stage_left_s,
    )  # fmt: skip
    return (deferred if deferred.has_ended else _waiting(deferred, limits)), effects


def _waiting(life: Life, limits: Limits) -> Life:
    wait_s = min(limits.retry_max_s, limits.retry_initial_s * 2.0 ** min(life.attempts, 30))
    return replace(life, attempts=life.attempts + 1, is_trying=False, wait_s=wait_s)


def _roll_back(life: Life, state: State, code: str, detail: str) -> Step:
    """Decide that the incumbent serves, and how it ends then."""
    life = replace(
        life, intent=Intent.ROLL_BACK, ending=Ending(state, str(code), detail), attempts=0,
        wait_s=0.0, is_trying=False,
    )  # fmt: skip
    if life.state is State.ACTIVATING:
        return life, (Effect.STOP, Effect.ROLL_BACK)
    return life, (Effect.ROLL_BACK,)


def _end(life: Life, state: State, code: str, detail: str) -> Life:
    assert state in FOLLOWS[life.state], f"{life.state.name} to {state.name}"
    return replace(
        life, state=state, transition=life.transition + 1, code=str(code), detail=detail,
        intent=None, ending=None, resume=None, is_trying=False, wait_s=0.0,
    )  # fmt: skip


_STEPS: Mapping[type, Callable[[Life, Any, Limits], Step]] = {
    Started: _started, Stopping: _stopping, Ticked: _ticked, Ordered: _ordered,
    Withdrawn: _withdrawn, LookedUp: _looked_up, Planned: _planned, Progressed: _progressed,
    Downloaded: _downloaded, Verified: _verified, Activated: _activated, Passed: _passed,
    Failed: _failed, Committed: _committed, RolledBack: _rolled_back, Refused: _refused,
    Fallen: _fallen,
}  # fmt: skip
