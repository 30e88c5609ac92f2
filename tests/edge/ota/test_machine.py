"""The life of an update: each rule by an example, and all of them by any sequence of happenings."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.ota.life import (
    Activated,
    Committed,
    Downloaded,
    Effect,
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
from edge.ota.machine import begin, step
from edge.ota.port import Target
from edge.ota.states import ENDS, FOLLOWS, REFUSALS, Code, State
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.fake_ota import figures

LIMITS = Limits(transitions=40, tries=2)
ORDER = Order("gate", "2", "roll-out-7", "ab" * 32, 5)
TARGET = Target("gate", "2", 7, "ab" * 32, 900, None)
OPEN, CLOSED = Ticked(1.0, True), Ticked(1.0, False)


def lived(*happenings: Happening, limits: Limits = LIMITS) -> tuple[Life, tuple[Effect, ...]]:
    """A life after these, and the effects of the last."""
    life, effects = begin(ORDER, "1", limits)
    for happening in happenings:
        life, effects = step(life, happening, limits)
    return life, effects


TO_DOWNLOADING = (LookedUp(TARGET), OPEN, Planned(1000))
TO_STAGED = (*TO_DOWNLOADING, Downloaded(), Verified())
TO_PROBATION = (*TO_STAGED, OPEN, Activated(figures()))


def test_states_are_those_of_the_wire() -> None:
    assert {state.name: int(state) for state in State} == {
        name: number for name, number in UpdateReport.State.items() if number
    }


def test_what_goes_well_goes_through_every_state() -> None:
    life, effects = begin(ORDER, "1", LIMITS)
    seen = [(life.state, effects)]
    for happening in (*TO_PROBATION, Passed("fine"), Committed()):
        life, effects = step(life, happening, LIMITS)
        seen.append((life.state, effects))
    assert seen == [
        (State.PENDING, (Effect.LOOK,)),
        (State.OFFERED, ()),
        (State.ACCEPTED, (Effect.PLAN,)),
        (State.DOWNLOADING, (Effect.DOWNLOAD,)),
        (State.VERIFYING, (Effect.VERIFY,)),
        (State.STAGED, ()),
        (State.ACTIVATING, (Effect.ACTIVATE,)),
        (State.PROBATION, ()),
        (State.PROBATION, (Effect.COMMIT,)),
        (State.COMMITTED, (Effect.DISCARD,)),
    ]
    assert (life.transition, life.detail, life.code) == (9, "fine", "")


def test_what_serves_already_is_committed_and_nothing_is_done() -> None:
    cut = Refused("unreachable", "no route", is_passing=True)
    for before in ((), (cut, Ticked(3600.0, True))):
        life, effects = lived(*before, LookedUp(TARGET, serves=True))
        assert (life.state, life.code, life.target) == (State.COMMITTED, "", TARGET)
        assert effects == (Effect.DISCARD,)


@pytest.mark.parametrize("code", sorted(Code))
def test_what_cannot_pass_ends_by_whose_fault_it_is(code: Code) -> None:
    life, effects = lived(Refused(code, "why"))
    expected = State.REJECTED if code in REFUSALS else State.FAILED_NO_CHANGE
    assert (life.state, life.code, life.detail) == (expected, code.value, "why")
    assert effects == (Effect.STOP, Effect.DISCARD)


def test_what_may_pass_is_tried_again_each_time_later_and_told_once() -> None:
    cut = Refused("unreachable", "no route", is_passing=True)
    life, _ = lived(*TO_DOWNLOADING, cut)
    assert (life.state, life.resume, life.code) == (State.DEFERRED, State.DOWNLOADING, cut.code)
    waits, transition = [life.wait_s], life.transition
    for _ in range(12):
        life, effects = step(life, Ticked(life.wait_s, True), LIMITS)
        assert effects == (Effect.DOWNLOAD,)
        life, _ = step(life, cut, LIMITS)
        waits.append(life.wait_s)
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == LIMITS.retry_max_s
    assert life.transition == transition
    life, _ = step(life, Ticked(life.wait_s, True), LIMITS)
    life, effects = step(life, Progressed(10), LIMITS)
    assert (life.state, life.attempts, effects) == (State.DOWNLOADING, 0, ())


def test_what_is_not_asked_for_is_not_heard() -> None:
    life, _ = lived(*TO_DOWNLOADING)
    for stray in (LookedUp(TARGET), Planned(1), Verified(), Activated(figures()), Passed(),
                  Committed(), RolledBack(), Failed("x", "y"), Fallen("x", "y")):  # fmt: skip
        assert step(life, stray, LIMITS) == (life, ())


def test_a_closed_window_defers_and_its_waiting_costs_no_time() -> None:
    life, effects = lived(LookedUp(TARGET), CLOSED)
    assert (life.state, life.code, life.resume) == (State.DEFERRED, "", State.ACCEPTED)
    left_s = life.order_left_s
    life, effects = step(life, Ticked(1e9, False), LIMITS)
    assert (life.state, life.order_left_s) == (State.DEFERRED, left_s)
    life, effects = step(life, OPEN, LIMITS)
    assert (life.state, effects) == (State.ACCEPTED, (Effect.PLAN,))


def test_a_window_that_closes_calls_a_download_off_and_another_goes_on_with_it() -> None:
    life, effects = lived(*TO_DOWNLOADING, CLOSED)
    assert (life.state, effects) == (State.DEFERRED, (Effect.STOP,))
    life, effects = step(life, OPEN, LIMITS)
    assert (life.state, effects) == (State.DOWNLOADING, (Effect.DOWNLOAD,))


def test_nothing_is_activated_outside_the_window() -> None:
    life, effects = lived(*TO_STAGED, CLOSED)
    assert (life.state, life.resume) == (State.DEFERRED, State.ACTIVATING)
    life, effects = step(life, OPEN, LIMITS)
    assert (life.state, effects) == (State.ACTIVATING, (Effect.ACTIVATE,))


def test_the_same_order_again_changes_its_revision_alone() -> None:
    life, _ = lived(*TO_DOWNLOADING)
    again, effects = step(life, Ordered(replace(ORDER, revision=6)), LIMITS)
    assert (again, effects) == (replace(life, order=replace(ORDER, revision=6)), ())


@pytest.mark.parametrize("done", [(), TO_DOWNLOADING, TO_STAGED], ids=["new", "half", "staged"])
def test_a_newer_order_and_a_withdrawal_end_what_has_changed_nothing(
    done: tuple[Happening, ...],
) -> None:
    newer = replace(ORDER, version="3", deployment="roll-out-8")
    life, effects = lived(*done, Ordered(newer))
    assert (life.state, life.next, effects) == (
        State.SUPERSEDED, newer, (Effect.STOP, Effect.DISCARD),
    )  # fmt: skip
    life, effects = lived(*done, Withdrawn())
    assert (life.state, effects) == (State.CANCELLED, (Effect.STOP, Effect.DISCARD))


def test_a_newer_order_has_a_trial_rolled_back_first_and_a_withdrawal_does_not() -> None:
    newer = replace(ORDER, version="3", deployment="roll-out-8")
    life, effects = lived(*TO_PROBATION, Ordered(newer))
    assert (life.state, life.intent, effects) == (
        State.PROBATION, Intent.ROLL_BACK, (Effect.ROLL_BACK,),
    )  # fmt: skip
    life, effects = step(life, RolledBack(), LIMITS)
    assert (life.state, life.next, effects) == (State.SUPERSEDED, newer, (Effect.DISCARD,))
    life, effects = lived(*TO_PROBATION, Withdrawn())
    assert (life.state, life.intent, effects) == (State.PROBATION, None, ())


def test_a_decided_commit_is_done_before_the_next_order() -> None:
    newer = replace(ORDER, version="3", deployment="roll-out-8")
    life, effects = lived(*TO_PROBATION, Passed(), Ordered(newer))
    assert (life.intent, effects) == (Intent.COMMIT, ())
    life, effects = step(life, Committed(), LIMITS)
    assert (life.state, life.next) == (State.COMMITTED, newer)


def test_a_trial_that_fails_ends_rolled_back_with_its_code() -> None:
    life, effects = lived(*TO_PROBATION, Failed("probation-latency", "slow"))
    assert (life.state, effects) == (State.PROBATION, (Effect.ROLL_BACK,))
    life, effects = step(life, RolledBack(), LIMITS)
    assert (life.state, life.code, life.detail) == (State.ROLLED_BACK, "probation-latency", "slow")


def test_an_incumbent_that_cannot_come_back_is_told() -> None:
    life, _ = lived(*TO_PROBATION, Failed("probation-errors", "broken"))
    life, effects = step(life, Refused("engine", "no memory"), LIMITS)
    assert (life.state, life.code, effects) == (State.FAILED_UNABLE_TO_ROLL_BACK, "engine", ())
    assert "broken" in life.detail


def test_a_disk_that_refuses_is_waited_for_whatever_was_decided() -> None:
    full = Refused("no-space", "full", is_passing=True)
    for decided, effect in ((Passed(), Effect.COMMIT), (Failed("x", "y"), Effect.ROLL_BACK)):
        life, _ = lived(*TO_PROBATION, decided, full)
        assert life.state is State.PROBATION
        assert step(life, Ticked(1.0, True), LIMITS)[1] == ()
        _, effects = step(life, Ticked(life.wait_s, True), LIMITS)
        assert effects == (effect,)


def test_time_runs_out_in_every_state() -> None:
    late = Ticked(1e9, True)
    life, effects = lived(*TO_DOWNLOADING, late)
    assert (life.state, effects) == (State.TIMED_OUT, (Effect.STOP, Effect.DISCARD))
    life, effects = lived(*TO_PROBATION, late)
    assert (life.intent, effects) == (Intent.ROLL_BACK, (Effect.ROLL_BACK,))
    life, _ = step(life, RolledBack(), LIMITS)
    assert life.state is State.TIMED_OUT


def test_an_agent_that_starts_again_and_again_comes_to_an_end() -> None:
    life, _ = lived(*TO_DOWNLOADING)
    starts = 0
    while not life.has_ended:
        life, effects = step(life, Started(), LIMITS)
        assert effects == (Effect.DOWNLOAD,)
        life, _ = step(life, Ticked(0.0, True), LIMITS)
        starts += 1
    assert (life.state, starts) == (State.TIMED_OUT, LIMITS.stage_s / LIMITS.start_cost_s)


def test_a_model_that_ends_the_agent_is_tried_a_second_time_and_no_third() -> None:
    life, effects = step(lived(*TO_PROBATION)[0], Started(), LIMITS)
    assert (life.state, effects) == (State.ACTIVATING, (Effect.ACTIVATE,))
    life, _ = step(life, Activated(figures(mean=9)), LIMITS)
    assert life.baseline == figures(), "of the first try, before the model had looked at anything"
    life, effects = step(life, Started(), LIMITS)
    assert (life.intent, effects) == (Intent.ROLL_BACK, (Effect.ROLL_BACK,))
    life, _ = step(life, RolledBack(), LIMITS)
    assert (life.state, life.code) == (State.ROLLED_BACK, "probation-errors")


def test_a_stop_on_purpose_is_no_fault_of_the_model() -> None:
    life, _ = lived(*TO_PROBATION)
    for _ in range(5):
        life, _ = step(life, Stopping(), LIMITS)
        life, effects = step(life, Started(), LIMITS)
        assert (life.state, effects, life.tries) == (State.ACTIVATING, (Effect.ACTIVATE,), 1)
        life, _ = step(life, Activated(figures()), LIMITS)


def test_what_was_decided_is_done_after_a_restart() -> None:
    life, _ = lived(*TO_PROBATION, Passed())
    assert step(life, Started(), LIMITS)[1] == (Effect.COMMIT,)
    life, _ = lived(*TO_PROBATION, Failed("x", "y"))
    assert step(life, Started(), LIMITS)[1] == (Effect.ROLL_BACK,)


def test_a_model_that_ends_the_agent_as_soon_as_it_is_loaded_is_refused() -> None:
    life, _ = lived(*TO_DOWNLOADING, Downloaded())
    for _ in range(3 * LIMITS.starts):
        life, _ = step(life, Stopping(), LIMITS)
        life, effects = step(life, Started(), LIMITS)
        assert effects == (Effect.VERIFY,), "on purpose is no fault of the model"
    for _ in range(LIMITS.starts):
        life, effects = step(life, Started(), LIMITS)
        assert (life.state, effects) == (State.VERIFYING, (Effect.VERIFY,))
    life, effects = step(life, Started(), LIMITS)
    assert (life.state, life.code, effects) == (State.REJECTED, "self-test", (Effect.DISCARD,))


def test_a_commit_that_ends_the_agent_again_and_again_is_taken_back() -> None:
    life, _ = lived(*TO_PROBATION, Passed())
    for _ in range(LIMITS.starts):
        life, effects = step(life, Started(), LIMITS)
        assert effects == (Effect.COMMIT,)
    life, effects = step(life, Started(), LIMITS)
    assert (life.intent, effects) == (Intent.ROLL_BACK, (Effect.ROLL_BACK,))


def test_changing_for_ever_comes_to_an_end() -> None:
    life, _ = lived(*TO_DOWNLOADING)
    received = 0
    while not life.has_ended:
        received += 1
        life, _ = step(life, Refused("unreachable", "cut", is_passing=True), LIMITS)
        life, _ = step(life, Ticked(life.wait_s, True), LIMITS)
        life, _ = step(life, Progressed(received), LIMITS)
    assert (life.state, life.code) == (State.FAILED_NO_CHANGE, "too-many-transitions")


def test_what_was_committed_may_fall_by_its_own_deployment_alone() -> None:
    life, _ = lived(*TO_PROBATION, Passed(), Committed())
    assert step(life, Fallen("revoked", "r", "another"), LIMITS) == (life, ())
    life, _ = step(life, Fallen("revoked", "r", ORDER.deployment), LIMITS)
    assert (life.state, life.code) == (State.ROLLED_BACK, "revoked")


CODES = st.sampled_from([code.value for code in Code])
REFUSED = st.builds(Refused, CODES, st.just("told"), st.booleans())
ANSWERS = {
    Effect.LOOK: st.one_of(st.just(LookedUp(TARGET)), REFUSED),
    Effect.PLAN: st.one_of(st.just(Planned(1000)), REFUSED),
    Effect.DOWNLOAD: st.one_of(
        st.just(Downloaded()), st.builds(Progressed, st.integers(0, 1000)), REFUSED
    ),
    Effect.VERIFY: st.one_of(st.just(Verified()), REFUSED),
    Effect.ACTIVATE: st.one_of(st.just(Activated(figures())), REFUSED),
    Effect.COMMIT: st.one_of(st.just(Committed()), REFUSED),
    Effect.ROLL_BACK: st.one_of(st.just(RolledBack()), REFUSED),
}
GOOD: dict[Effect, Happening] = {
    Effect.LOOK: LookedUp(TARGET), Effect.PLAN: Planned(1000), Effect.DOWNLOAD: Downloaded(),
    Effect.VERIFY: Verified(), Effect.ACTIVATE: Activated(figures()),
    Effect.COMMIT: Committed(), Effect.ROLL_BACK: RolledBack(),
}  # fmt: skip


class World(RuleBasedStateMachine):
    """Anything happens in any order, effects are done or lost, and the agent may end at any time.

    `committed` is what the disk says serves: it changes by a commit that was decided, and never
    otherwise.
    """

    @initialize()
    def ordered(self) -> None:
        self.disk, effects = begin(ORDER, "1", LIMITS)
        self.waiting = [effect for effect in effects if effect in GOOD]
        self.committed, self.trial = "incumbent", False
        self.orders = 0

    def happen(self, happening: Happening) -> None:
        before = self.disk
        life, effects = step(before, happening, LIMITS)
        assert life.transition - before.transition in (0, 1)
        if life.state is not before.state:
            assert life.state in FOLLOWS[before.state]
            assert life.transition == before.transition + 1
        if before.state in ENDS and not isinstance(happening, Fallen):
            assert life.state is before.state
        self.disk = life
        for effect in effects:
            if effect is Effect.STOP:
                self.waiting.clear()
            elif effect in GOOD:
                self.waiting.append(effect)
        if life.has_ended and life.next is not None:
            self.disk, effects = begin(life.next, "1", LIMITS)
            self.waiting = [effect for effect in effects if effect in GOOD]
            self.committed, self.trial = "incumbent", False

    def perform(self, effect: Effect, happening: Happening) -> None:
        """An effect, as far as the disk is concerned."""
        if isinstance(happening, Activated):
            self.trial = True
        if isinstance(happening, Committed):
            assert self.disk.intent is Intent.COMMIT, "written down before it is done"
            self.committed = "trial"
        if isinstance(happening, RolledBack):
            assert self.disk.intent is Intent.ROLL_BACK, "written down before it is done"
            self.committed, self.trial = "incumbent", False

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def answered(self, data: st.DataObject) -> None:
        effect = self.waiting[0]
        happening = data.draw(ANSWERS[effect])
        if not isinstance(happening, Progressed):
            self.waiting.pop(0)
        self.perform(effect, happening)
        self.happen(happening)

    @precondition(lambda self: self.waiting)
    @rule()
    def done_and_killed_before_it_was_told(self) -> None:
        self.perform(self.waiting[0], GOOD[self.waiting[0]])
        self.killed()

    @rule()
    def killed(self) -> None:
        self.waiting.clear()
        self.happen(Started())

    @rule(seconds=st.sampled_from([1.0, 60.0, 4000.0, 90_000.0]), is_open=st.booleans())
    def ticked(self, seconds: float, is_open: bool) -> None:
        self.happen(Ticked(seconds, is_open))

    @rule(number=st.integers(1, 3))
    def another_order(self, number: int) -> None:
        self.happen(Ordered(replace(ORDER, deployment=f"roll-out-{number}")))

    @rule()
    def the_same_order(self) -> None:
        self.happen(Ordered(self.disk.order))

    @rule(happening=st.sampled_from([Withdrawn(), Stopping()]))
    def told(self, happening: Happening) -> None:
        self.happen(happening)

    @precondition(lambda self: self.disk.state is State.PROBATION)
    @rule(happening=st.sampled_from([Passed(), Failed("probation-detections", "blind")]))
    def judged(self, happening: Happening) -> None:
        self.happen(happening)

    @invariant()
    def what_serves_is_what_was_decided(self) -> None:
        if self.disk.state is State.COMMITTED:
            assert self.committed == "trial"
        elif self.disk.has_ended or self.disk.intent is None:
            assert self.committed == "incumbent"

    @invariant()
    def it_can_go_on_to_an_end(self) -> None:
        """From here, in a world without faults: to a typed end, in few steps."""
        life, effects = step(self.disk, Started(), LIMITS)
        todo = [effect for effect in effects if effect in GOOD]
        for _ in range(60):
            if life.has_ended:
                break
            happening = GOOD[todo.pop(0)] if todo else Ticked(life.wait_s + 1.0, True)
            if life.state is State.PROBATION and life.intent is None:
                happening = Passed()
            life, effects = step(life, happening, LIMITS)
            todo += [effect for effect in effects if effect in GOOD]
        assert life.has_ended, life
        failed = life.state not in (State.COMMITTED, State.CANCELLED, State.SUPERSEDED)
        assert not failed or life.code or life.state is State.TIMED_OUT


World.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWorld = World.TestCase
