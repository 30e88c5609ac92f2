"""Drives the machine: a life is on disk before any of its effects is handed out.

One thread uses a driver. What happens is taken in order; while the journal cannot be written, it
waits, and nothing is begun. Only the incumbent may come back without a word on disk, as the
committed slot is the one that a restart would serve anyway.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import structlog

from edge.ota.durable import disk_error
from edge.ota.journal import Entries, Journal, Report
from edge.ota.life import (
    Effect,
    Fallen,
    Happening,
    Life,
    Limits,
    Order,
    Ordered,
    Started,
    Stopping,
    Ticked,
    Withdrawn,
)
from edge.ota.machine import begin, step
from edge.ota.reports import (
    Sender,
    fallen_report,
    report_of,
    with_report,
    with_stray,
    without_reports,
)
from edge.ota.states import Code, State

_log = structlog.get_logger(__name__)

FLUSH_S = 60.0
"""How much running time a kill may forget; less than what a start costs."""

_WAITS = frozenset({State.PENDING, State.OFFERED, State.DEFERRED})
"""States in which another family may be updated meanwhile."""

Doing = tuple[str, Effect]
"""A family, and what is to be done for it."""


class Driver:
    """Takes what happens, and says what is to be done.

    Args:
        journal: where lives are kept.
        entries: that it held.
        limits: what an update may take.
        sender: who reports.
        now_ns: Unix time, for reports.
        version: of a family's model that serves.
        deployment: id of the order that had brought what is committed; empty: none had.
        bring_back: has the incumbent of a family look at frames, where the disk refuses.
        note_error: has the heartbeat repeat an error.
    """

    def __init__(
        self,
        journal: Journal,
        entries: Entries,
        limits: Limits,
        sender: Sender,
        now_ns: Callable[[], int],
        version: Callable[[str], str],
        deployment: Callable[[str], str],
        bring_back: Callable[[str], None],
        note_error: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._journal = journal
        self._entries = entries
        self._limits = limits
        self._sender = sender
        self._now_ns = now_ns
        self._version = version
        self._deployment = deployment
        self._bring_back = bring_back
        self._note_error = note_error
        self._waiting: deque[tuple[str, Happening]] = deque()
        self._is_stuck = False
        self._unwritten_s = 0.0
        self._passed_s: dict[str, float] = {}

    @property
    def entries(self) -> Entries:
        """What is on disk, but for times and bytes that count down or up."""
        return self._entries

    def life(self, family: str) -> Life | None:
        """Of the latest order of a family."""
        return self._entries.lives.get(family)

    def start(self) -> list[Doing]:
        """The agent has started; what goes on where it was."""
        return self.take([(family, Started()) for family in self._entries.lives])

    def stop(self) -> None:
        """The agent was told to end."""
        self.take([(family, Stopping()) for family in self._entries.lives])

    def tick(self, passed_s: float, is_open: bool) -> list[Doing]:
        """Time has passed; only the family whose turn it is goes on, the others wait for theirs.

        While one is at something, the time of the others stands still: what it takes is no fault of
        theirs.

        Args:
            passed_s: running time since the last tick.
            is_open: the maintenance window.
        """
        going = {family: life for family, life in self._entries.lives.items() if not life.has_ended}
        at_it = next((family for family, life in going.items() if _is_at_it(life)), None)
        for family in [at_it] if at_it else going:
            self._passed_s[family] = self._passed_s.get(family, 0.0) + passed_s
        self._unwritten_s += passed_s
        if self._waiting:
            return self.take([])
        turn = at_it or max(going, key=lambda family: self._passed_s[family], default=None)
        if turn is None:
            return []
        doing = self.take([(turn, Ticked(self._passed_s.pop(turn), is_open))])
        if self._unwritten_s >= FLUSH_S:
            self._write(self._entries)
        return doing

    def order(self, orders: Sequence[Order], revision: int) -> list[Doing]:
        """The cloud says all that it wants.

        Args:
            orders: of a DesiredState, one for each family.
            revision: of it; one that is older than another is not heeded.
        """
        if revision < self._entries.revision:
            return []
        wanted = {order.family: order for order in orders}
        gone = [
            family for family, life in self._entries.lives.items()
            if family not in wanted and not life.has_ended
        ]  # fmt: skip
        known = self._entries.lives
        doing: list[Doing] = []
        changed = self._without_strangers(wanted)
        changed = replace(changed, revision=revision, was_lost=False)
        for order in orders:
            if order.family not in known:
                life, effects = self._begun(order)
                changed = self._with(changed, life, is_new=True)
                doing += [(order.family, effect) for effect in effects]
        if changed != self._entries and not self._write(changed):
            return []  # the broker brings it again with each connection
        happenings: list[tuple[str, Happening]] = [(family, Withdrawn()) for family in gone]
        happenings += [(order.family, Ordered(order)) for order in orders if order.family in known]
        return doing + self.take(happenings)

    def take(self, happenings: Sequence[tuple[str, Happening]]) -> list[Doing]:
        """What is to be done after these, which come last in the queue."""
        self._waiting.extend(happenings)
        doing: list[Doing] = []
        while self._begin_next(doing) and self._waiting:
            family, happening = self._waiting[0]
            life = self._entries.lives.get(family)
            if isinstance(happening, Fallen) and not _is_of(life, happening):
                if not self._tell_stray(family, happening):
                    break
            elif life is not None:
                after, effects = step(life, happening, self._limits)
                if not self._keep(life, after):
                    if Effect.ROLL_BACK in effects:
                        self._bring_back(family)
                    break
                doing += [(family, effect) for effect in effects]
            self._waiting.popleft()
        return doing

    def taken(self, reports: Sequence[Report]) -> None:
        """The broker has taken reports."""
        left = without_reports(self._entries, reports)
        if left != self._entries:
            self._write(left)

    def _without_strangers(self, wanted: Collection[str]) -> Entries:
        """The entries without ended orders for families that nobody uses or wants any more."""
        gone = {
            family for family, life in self._entries.lives.items()
            if life.has_ended and family not in wanted and not self._version(family)
        }  # fmt: skip
        entries = self._entries
        return replace(
            entries,
            lives={family: life for family, life in entries.lives.items() if family not in gone},
            latest={family: one for family, one in entries.latest.items() if family not in gone},
        )

    def _tell_stray(self, family: str, fallen: Fallen) -> bool:
        """Have it told of an order whose life another's has replaced; False: the disk refuses."""
        self._note_error(f"updates: {family}: {fallen.code}: {fallen.detail}")
        if not fallen.deployment:
            return True
        beyond = self._limits.transitions + 2
        report = fallen_report(family, fallen, beyond, self._sender, self._now_ns())
        return self._write(with_stray(self._entries, report))

    def _begin_next(self, doing: list[Doing]) -> bool:
        """Begin with the orders for which others have ended; False where the disk refuses."""
        for family, life in self._entries.lives.items():
            if life.has_ended and life.next is not None:
                begun, effects = self._begun(life.next)
                if not self._write(self._with(self._entries, begun, is_new=True)):
                    return False
                doing += [(family, effect) for effect in effects]
        return True

    def _begun(self, order: Order) -> tuple[Life, tuple[Effect, ...]]:
        self._passed_s.pop(order.family, None)  # of the order before
        life, effects = begin(order, self._version(order.family), self._limits)
        if not self._entries.was_lost:
            return life, effects
        if order.deployment == self._deployment(order.family):
            return replace(life, state=State.COMMITTED), (Effect.DISCARD,)
        told = "the journal of updates was damaged, so nobody knows how far this was; order anew"
        ended = replace(
            life, state=State.FAILED_NO_CHANGE, code=str(Code.NOT_READABLE), detail=told
        )
        return ended, (Effect.DISCARD,)

    def _keep(self, before: Life, after: Life) -> bool:
        """Have a life on disk; only in memory where nothing but figures has changed."""
        if _settled(before) == _settled(after):
            lives = {**self._entries.lives, after.order.family: after}
            self._entries = replace(self._entries, lives=lives)
            return True
        is_new = after.transition != before.transition
        return self._write(self._with(self._entries, after, is_new=is_new))

    def _with(self, entries: Entries, life: Life, *, is_new: bool) -> Entries:
        family = life.order.family
        entries = replace(entries, lives={**entries.lives, family: life})
        if not is_new:
            return entries
        _log.info("update", family=family, version=life.order.version, state=life.state.name,
                  deployment=life.order.deployment, code=life.code or None,
                  detail=life.detail or None)  # fmt: skip
        return with_report(entries, family, report_of(life, self._sender, self._now_ns()))

    def _write(self, entries: Entries) -> bool:
        try:
            self._journal.write(entries)
        except OSError as error:
            if not self._is_stuck:
                told = disk_error(error, "updates stand still until it can be written").detail
                _log.error("the journal of updates cannot be written", error=told)
                self._note_error(f"updates: {told}")
            self._is_stuck = True
            return False
        self._entries, self._is_stuck, self._unwritten_s = entries, False, 0.0
        return True


def _is_at_it(life: Life) -> bool:
    """True where no other family may be updated meanwhile."""
    return life.state not in _WAITS or life.is_trying


def _is_of(life: Life | None, fallen: Fallen) -> bool:
    return (
        life is not None
        and life.state is State.COMMITTED
        and life.order.deployment == fallen.deployment
    )


def _settled(life: Life) -> Life:
    """A life without the figures that a kill may forget."""
    return replace(
        life, downloaded_bytes=0, wait_s=0.0, order_left_s=0.0, stage_left_s=0.0, is_trying=False,
        attempts=0,
    )  # fmt: skip
