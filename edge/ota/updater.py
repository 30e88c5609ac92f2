"""Keeps the models of a device as the fleet wants them, without ever leaving it without one.

    DesiredState ──> Driver (decides, writes down) ──> Worker: Performer (does) ──> Driver ...
                        └── reports, which wait on disk until the broker has taken them
    Lookout (was anything revoked?) ──> Worker: Revocations (gives way, at once) ──> Driver ...

A part of the uplink, with three threads: one decides and writes the journal, one does what takes
long, and is called off when its family's order is, one looks out. See `machine.py` for the rules.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import structlog

from edge.ota.driver import Doing, Driver
from edge.ota.journal import Report
from edge.ota.life import Effect, Failed, Happening, Order, Passed
from edge.ota.lookout import Lookout
from edge.ota.performer import Performer
from edge.ota.probation import ProbationLimits, judge
from edge.ota.reports import payload_of, to_be_told
from edge.ota.revocations import Revocations
from edge.ota.serving import Serving
from edge.ota.states import State
from edge.ota.worker import Job, Worker
from edge.publish.uplink import OnPuback
from protos import topics
from protos.codec import decode
from protos.errors import InvalidIdError, InvalidPayloadError, WireError
from protos.ids import check_id
from protos.v1.desired_state_pb2 import DesiredState
from wayside.errors import NotConnectedError
from wayside.mqtt.messages import FIRST_FAILURE

TICK_S = 1.0
RESEND_S = 60.0
"""After which a report that the broker has not taken goes out again."""

MAX_ORDERS = 64
MAX_CHARS = 200
"""Of an order's texts."""

SHA256_BYTES = 32

_log = structlog.get_logger(__name__)

Publish = Callable[[str, bytes, OnPuback], None]
"""Hands a QoS 1 message to the uplink; raises NotConnectedError."""


@dataclass(frozen=True, slots=True)
class Looks:
    """When it is seen whether anything was revoked.

    Attributes:
        first_s: after the start; not the same for every device, or all would come at once.
        every_s: between two looks.
    """

    first_s: float
    every_s: float


class Updater:
    """Takes orders and carries them out. Use it as a context.

    Args:
        device: id of the device.
        driver: decides.
        performer: does.
        serving: the networks that look at frames.
        probation: when a trial ends.
        publish: hands a report to the uplink.
        is_open: whether the maintenance window is, now.
        revocations: says what was revoked, and has it give way; None: nobody looks.
        looks: when somebody does.
        monotonic_s: the monotonic clock.
    """

    def __init__(
        self,
        device: str,
        driver: Driver,
        performer: Performer,
        serving: Serving,
        probation: ProbationLimits,
        *,
        publish: Publish,
        is_open: Callable[[], bool] = lambda: True,
        revocations: Revocations | None = None,
        looks: Looks = Looks(300.0, 21_600.0),
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device = device
        self._driver = driver
        self._serving = serving
        self._probation = probation
        self._publish = publish
        self._is_open = is_open
        self._revocations = revocations
        self._monotonic_s = monotonic_s
        self._config, self._topic = topics.config(device), topics.updates(device)
        self._changed = threading.Condition()
        self._stopping = self._connected = self._is_new_session = False
        self._sent: bytes | None = None
        self._told: deque[tuple[str, Happening, Job | None]] = deque()
        self._taken: list[Report] = []
        self._out: dict[Report, float] = {}
        self._judged: dict[str, tuple[int, int]] = {}
        self._worker = Worker(performer.perform, self._hear)
        self._lookout = None
        if revocations is not None:
            self._lookout = Lookout(revocations, self._found, looks.first_s, looks.every_s)
        self._thread = threading.Thread(target=self._run, name="updates", daemon=True)
        self._ends = ExitStack()

    def __enter__(self) -> "Updater":
        self._ends.enter_context(self._worker)
        if self._lookout is not None:
            self._ends.enter_context(self._lookout)
        self._thread.start()
        self._ends.callback(self._stop)
        return self

    def __exit__(self, *exception: object) -> None:
        self._ends.close()

    def _stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def tell(self, family: str, happenings: Iterable[Happening], job: Job | None = None) -> None:
        """What happened to a family, to be taken as soon as it is entered.

        Args:
            family: name of the model.
            happenings: in their order.
            job: that it came of; nothing is heard of it any more once that was called off.
        """
        with self._changed:
            self._told.extend((family, one, job) for one in happenings)
            self._changed.notify()

    @property
    def unanswered(self) -> int:
        """Reports that went out and were not taken yet."""
        return len(self._out)

    # What the uplink tells.

    def on_connected(self) -> None:
        """Have what is to be told sent anew."""
        with self._changed:
            self._connected = self._is_new_session = True
            self._changed.notify()

    def on_disconnected(self, reason: str) -> None:
        """Updates go on; reports wait."""
        with self._changed:
            self._connected = False

    def on_message(self, topic: str, payload: bytes) -> None:
        """Have a DesiredState looked at; the newest one counts."""
        if topic != self._config:
            return
        with self._changed:
            self._sent = payload
            self._changed.notify()

    # The thread that decides.

    def _run(self) -> None:
        self._hand_out(self._driver.start())
        last_s = self._monotonic_s()
        while self._heard():
            now_s = self._monotonic_s()
            self._take_told()
            self._hand_out(self._driver.tick(now_s - last_s, self._is_open()))
            last_s = now_s
            self._judge_trials()
            self._send_reports(now_s)
        self._take_told()
        self._driver.stop()

    def _heard(self) -> bool:
        """Wait until there is something to do; False where it is to end."""
        with self._changed:
            if not (self._stopping or self._sent or self._told or self._taken):
                self._changed.wait(TICK_S)
            return not self._stopping

    def _take_told(self) -> None:
        with self._changed:
            sent, self._sent = self._sent, None
            told = list(self._told)
            self._told.clear()
            taken, self._taken = self._taken, []
        if taken:
            self._driver.taken(taken)
            for report in taken:
                self._out.pop(report, None)
        for family, happening, job in told:
            if job is None or not job.is_off:
                self._hand_out(self._driver.take([(family, happening)]))
        if sent is not None:
            self._take_orders(sent)

    def _take_orders(self, payload: bytes) -> None:
        try:
            state = decode(DesiredState, payload)
            if state.device != self._device:
                raise InvalidIdError(f"is for device {state.device!r}")
            orders = _orders(state)
        except WireError as error:
            _log.error("orders refused", error=str(error))
            return
        if self._lookout is not None and state.revision > self._driver.entries.revision:
            self._lookout.look_now()  # it may have been sent because something was revoked
        self._hand_out(self._driver.order(orders, state.revision))

    def _hand_out(self, doing: list[Doing]) -> None:
        for family, effect in doing:
            if effect is Effect.STOP:
                self._worker.call_off(family)
                continue
            life = self._driver.life(family)
            assert life is not None
            self._worker.do(life, effect)

    def _judge_trials(self) -> None:
        for family, life in self._driver.entries.lives.items():
            if life.state is not State.PROBATION or life.intent or life.baseline is None:
                continue
            trial = self._serving.trial(family)
            seen = (trial.since.blocks, trial.errors) if trial else (0, 0)
            if trial is None or self._judged.get(family) == seen:
                continue
            verdict = judge(life.baseline, trial.since, trial.errors, self._probation)
            if verdict is None:
                self._judged[family] = seen
                continue
            said = Failed(str(verdict.code), verdict.detail) if verdict.code else None
            self._hand_out(self._driver.take([(family, said or Passed(verdict.detail))]))

    def _send_reports(self, now_s: float) -> None:
        with self._changed:
            connected, is_new = self._connected, self._is_new_session
            self._is_new_session = False
        if is_new:
            self._out.clear()
        if not connected:
            return
        entries = self._driver.entries
        for report in to_be_told(entries) if is_new else entries.reports:
            if now_s - self._out.get(report, -RESEND_S) < RESEND_S:
                continue
            self._out[report] = now_s
            try:
                self._publish(self._topic, payload_of(report), partial(self._on_puback, report))
            except NotConnectedError:
                return

    def _on_puback(self, report: Report, code: int) -> None:
        if code >= FIRST_FAILURE:
            _log.error(
                "update report refused by the broker", topic=self._topic, code=f"0x{code:02x}",
                remedy="check its access list",
            )  # fmt: skip
        if code:
            return
        with self._changed:
            self._taken.append(report)
            self._changed.notify()

    # The threads that do, and look out.

    def _hear(self, job: Job, happening: Happening) -> None:
        self.tell(job.life.order.family, [happening], job)

    def _found(self, family: str) -> None:
        self._worker.first(partial(self._give_way, family))

    def _give_way(self, family: str) -> None:
        assert self._revocations is not None
        try:
            told = self._revocations.give_way(family)
        except Exception:  # noqa: BLE001 - whatever this was, frames go on
            _log.exception("what was revoked cannot give way", family=family)
            return
        self.tell(family, told)


def _orders(state: DesiredState) -> list[Order]:
    """What a DesiredState says of models.

    Raises:
        WireError: it names one that cannot be, the same one twice, or too much.
    """
    names = [check_id(target.name, "model") for target in state.targets]
    if len(names) > MAX_ORDERS or len(set(names)) < len(names):
        raise InvalidPayloadError(f"targets: at most {MAX_ORDERS}, and one of each model")
    for target in state.targets:
        if len(target.version) > MAX_CHARS or not 0 < len(target.deployment) <= MAX_CHARS:
            raise InvalidPayloadError(f"target {target.name}: a text is longer than {MAX_CHARS}")
        if len(target.sha256) not in (0, SHA256_BYTES):
            raise InvalidPayloadError(f"target {target.name}: its sha256 is none")
    return [
        Order(one.name, one.version, one.deployment, one.sha256.hex(), state.revision)
        for one in state.targets
    ]
