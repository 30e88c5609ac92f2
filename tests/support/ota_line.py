"""A whole update without threads: driver, journal, slots and performer for real, over fakes."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.ota.driver import Doing, Driver
from edge.ota.journal import Journal
from edge.ota.life import Effect, Failed, Happening, Life, Limits, Order, Passed
from edge.ota.performer import Performer, Places
from edge.ota.port import Fetcher, Trust
from edge.ota.probation import ProbationLimits, judge
from edge.ota.reports import Sender, payload_of
from edge.ota.slots import Found, Slots
from edge.ota.states import State
from models.record.reading import RECORD
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.fake_ota import FakeServing
from wayside.disk import Disk

FAMILY = "gate"
SENDER = Sender("gate-1", lambda: 7)


@dataclass
class Line:
    """An agent's updates, as they are after a start.

    Attributes:
        data_dir: of the agent.
        trust: a fake.
        fetcher: a fake.
        disk: that all is on.
        limits: of an order.
        families: that cameras use, each with the version of the settings' own model.
    """

    data_dir: Path
    trust: Trust
    fetcher: Fetcher
    disk: Disk
    limits: Limits = field(default_factory=Limits)
    families: tuple[str, ...] = (FAMILY,)
    agent_version: str = "1.4.0"
    spare_bytes: int = 0

    def __post_init__(self) -> None:
        self.places = Places.under(self.data_dir)
        self.found = {family: self.recover(family) for family in self.families}
        self.serving = FakeServing(
            dict.fromkeys(self.families, "0"),
            {family: found.folder for family, found in self.found.items()},
        )
        self.journal = Journal(self.data_dir / "ota" / "journal.json", self.disk)
        self.entries, self.problem = self.journal.read()
        self.errors: list[str] = []
        self.driver = Driver(
            self.journal, self.entries, self.limits, SENDER, lambda: 1, self.serving.version,
            self.deployment, self.serving.roll_back, self.errors.append,
        )  # fmt: skip
        self.performer = Performer(
            self.places, self.disk, self.trust, self.fetcher, self.serving, self.agent_version,
            self.spare_bytes,
        )  # fmt: skip
        self.doing: list[Doing] = self.driver.start()

    def slots(self, family: str = FAMILY) -> Slots:
        return Slots(self.places.models / family, self.disk)

    def deployment(self, family: str) -> str:
        """Of the committed slot."""
        active = self.slots(family).active
        slot = active.slots.get(active.committed or "")
        return slot.deployment if slot else ""

    def recover(self, family: str) -> Found:
        return self.slots(family).recover(lambda record: self.trust.check_offline(family, record))

    def order(self, *orders: Order, revision: int = 1) -> None:
        """The cloud says what it wants."""
        self.doing += self.driver.order(orders, revision)

    def life(self, family: str = FAMILY) -> Life:
        found = self.driver.life(family)
        assert found is not None
        return found

    def work(self) -> None:
        """Do what is to be done now."""
        while self.doing:
            family, effect = self.doing.pop(0)
            if effect is Effect.STOP:
                continue  # nothing is under way: effects are done one after the other
            self.perform(family, effect)

    def perform(self, family: str, effect: Effect) -> None:
        life = self.driver.life(family)
        assert life is not None
        told: list[Happening] = []
        self.performer.perform(life, effect, threading.Event(), told.append)
        for happening in told:
            self.take(family, happening)

    def take(self, family: str, happening: Happening) -> None:
        self.doing += self.driver.take([(family, happening)])

    def tick(self, seconds: float = 1.0, is_open: bool = True) -> None:
        self.doing += self.driver.tick(seconds, is_open)

    def judge(self) -> None:
        """As the updater does with each block."""
        for family, life in list(self.driver.entries.lives.items()):
            trial = self.serving.trial(family)
            if life.state is State.PROBATION and not life.intent and life.baseline and trial:
                verdict = judge(life.baseline, trial.since, trial.errors, ProbationLimits())
                assert verdict is not None
                code = verdict.code
                said = Failed(code, verdict.detail) if code else Passed(verdict.detail)
                self.take(family, said)

    def run(self, rounds: int = 60) -> None:
        """Go on until every order has ended, or for so many rounds."""
        for _ in range(rounds):
            self.work()
            self.judge()
            self.work()
            if self.driver.entries.lives and all(
                life.has_ended and life.next is None for life in self.driver.entries.lives.values()
            ):
                return
            self.tick(max((life.wait_s for life in self.driver.entries.lives.values()), default=1))

    @property
    def states(self) -> Sequence[str]:
        """That were reported, of all orders, in their order."""
        return [
            UpdateReport.State.Name(UpdateReport.FromString(payload_of(report)).state)
            for report in self.driver.entries.reports
        ]


def committed_version(line: Line, family: str = FAMILY) -> str:
    """Of what is committed, looked at byte by byte; `own` where that is the settings' model."""
    found = line.recover(family)
    assert not found.has_fallen, found
    if found.folder is None:
        return "own"
    assert (found.folder / RECORD).is_file()
    assert found.slot is not None
    return found.slot.version
