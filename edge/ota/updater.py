"""Keeps the models of a device as the fleet wants them, without ever leaving it without one.

    DesiredState ──> Driver (decides, writes down) ──> worker: Performer (does) ──> Driver ...
                        └── reports, which wait on disk until the broker has taken them

A part of the uplink, with two threads: one decides and writes the journal, the other does what
takes long, and is called off when its family's order is. See `machine.py` for the rules.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from edge.errors import OtaError
from edge.ota.driver import Doing, Driver
from edge.ota.journal import Report
from edge.ota.life import Effect, Failed, Happening, Life, Order, Passed
from edge.ota.performer import Performer
from edge.ota.probation import ProbationLimits, judge
from edge.ota.reports import payload_of, to_be_told
from edge.ota.serving import Serving
from edge.ota.states import State
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

JOIN_S = 10.0
"""What the worker gets to end when the agent stops."""

MAX_ORDERS = 64
MAX_CHARS = 200
"""Of an order's texts."""

_log = structlog.get_logger(__name__)

Publish = Callable[[str, bytes, OnPuback], None]
"""Hands a QoS 1 message to the uplink; raises NotConnectedError."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What an effect told, or the end of it."""

    family: str
    stop: threading.Event
    happening: Happening


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
        look: sees whether what serves was revoked; None: never. Called by the worker.
        look_every_s: between two looks.
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
        look: Callable[[], list[tuple[str, Happening]]] | None = None,
        look_every_s: float = 21_600.0,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device = device
        self._driver = driver
        self._performer = performer
        self._serving = serving
        self._probation = probation
        self._publish = publish
        self._is_open = is_open
        self._look = look
        self._look_every_s = look_every_s
        self._monotonic_s = monotonic_s
        self._config, self._topic = topics.config(device), topics.updates(device)
        self._changed = threading.Condition()
        self._stopping = self._connected = self._is_new_session = False
        self._sent: bytes | None = None
        self._told: deque[_Told | tuple[str, Happening]] = deque()
        self._taken: list[Report] = []
        self._out: dict[Report, float] = {}
        self._under_way: dict[str, threading.Event] = {}
        self._work: deque[tuple[Life, Effect, threading.Event]] = deque()
        self._has_work = threading.Condition()
        self._looked_s = monotonic_s()
        self._is_looking = False
        self._judged: dict[str, tuple[int, int]] = {}
        self._threads = (
            threading.Thread(target=self._run, name="updates", daemon=True),
            threading.Thread(target=self._labour, name="updates-work", daemon=True),
        )

    def __enter__(self) -> "Updater":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._threads[0].join()
        for stop in self._under_way.values():
            stop.set()
        with self._has_work:
            self._has_work.notify()
        self._threads[1].join(JOIN_S)

    def tell(self, happenings: list[tuple[str, Happening]]) -> None:
        """What happened beside the effects, to be taken as soon as it is entered."""
        with self._changed:
            self._told.extend(happenings)
            self._changed.notify()

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
            self._look_again(now_s)
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
        for one in told:
            if isinstance(one, tuple):
                self._hand_out(self._driver.take([one]))
            elif not one.stop.is_set():
                self._hand_out(self._driver.take([(one.family, one.happening)]))
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
        if state.revision > self._driver.entries.revision:
            self._looked_s = -math.inf  # it may have been sent because something was revoked
        self._hand_out(self._driver.order(orders, state.revision))

    def _hand_out(self, doing: list[Doing]) -> None:
        for family, effect in doing:
            if effect is Effect.STOP:
                self._under_way.pop(family, threading.Event()).set()
                continue
            life = self._driver.life(family)
            assert life is not None
            stop = self._under_way[family] = threading.Event()
            with self._has_work:
                self._work.append((life, effect, stop))
                self._has_work.notify()

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

    def _look_again(self, now_s: float) -> None:
        """Have the worker see whether what serves was revoked."""
        if self._look is None or self._is_looking or now_s - self._looked_s < self._look_every_s:
            return
        self._looked_s, self._is_looking = now_s, True
        with self._has_work:
            self._has_work.notify()

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

    # The thread that does.

    def _labour(self) -> None:
        while True:
            with self._has_work:
                self._has_work.wait_for(lambda: self._work or self._is_looking or self._stopping)
                if self._stopping:
                    return
                one = self._work.popleft() if self._work else None
            if one is None:
                self._look_at_what_serves()
                continue
            life, effect, stop = one
            tell = partial(self._hear, life.order.family, stop)
            self._performer.perform(life, effect, stop, tell)

    def _look_at_what_serves(self) -> None:
        assert self._look is not None
        try:
            found = self._look()
        except (OtaError, OSError) as error:
            _log.warning("nobody can say what was revoked", error=str(error))
            found = []
        self._is_looking = False
        self.tell(found)

    def _hear(self, family: str, stop: threading.Event, happening: Happening) -> None:
        with self._changed:
            self._told.append(_Told(family, stop, happening))
            self._changed.notify()


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
    return [
        Order(one.name, one.version, one.deployment, one.sha256.hex(), state.revision)
        for one in state.targets
    ]
