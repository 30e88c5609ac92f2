"""All simulated devices in one loop, and the storms over them."""

import asyncio
import random
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from cloud.errors import StartError
from cloud.simulate.client import Broker
from cloud.simulate.device import SimulatedDevice
from cloud.simulate.plan import Plan
from cloud.simulate.report import Report
from cloud.simulate.tally import Tally
from wayside.mqtt.credentials import check_password, tls_context
from wayside.mqtt.settings import MqttSettings

Progress = Callable[[float, int], None]
"""Told each second: seconds since the beginning, and events without a receipt."""

_CONNECTING_THREADS = 16
_TURN_S = 0.02
_TICK_S = 0.5
_GOODBYE_S = 10.0
_SPARE_FILES = 64

_log = structlog.get_logger(__name__)


def run_fleet(
    plan: Plan,
    settings: MqttSettings,
    stop: threading.Event,
    progress: Progress = lambda seconds, rows: None,
) -> Report:
    """Run the plan to its end, or until told to stop; then wait for the last receipts.

    Args:
        plan: what to do.
        settings: the broker, and the credentials that all devices share.
        stop: set from outside: make no more, and drain.
        progress: told how it goes.

    Raises:
        MqttSettingsError: certificates, key or password cannot be read.
        StartError: this process may not open so many connections.
    """
    check_password(settings)
    tls = tls_context(settings)
    _allow_connections(plan.devices)
    with ThreadPoolExecutor(_CONNECTING_THREADS, thread_name_prefix="connect") as threads:
        fleet = Fleet(plan, Broker(settings, tls, threads), stop, progress)
        return asyncio.run(fleet.run())


class Fleet:
    """So many devices, and what drives them."""

    def __init__(
        self, plan: Plan, broker: Broker, stop: threading.Event, progress: Progress
    ) -> None:
        self._plan = plan
        self._broker = broker
        self._stop = stop
        self._progress = progress
        self._rng = random.Random(plan.seed)
        self._tally = Tally(random.Random(plan.seed))
        self._begun_s = 0.0

    async def run(self) -> Report:
        """Make batches for the plan's duration, drain, and say goodbye."""
        plan = self._plan
        devices = [
            SimulatedDevice(
                plan.device_id(number), plan, self._broker, self._tally,
                random.Random(self._rng.random()),
            )
            for number in range(1, plan.devices + 1)
        ]  # fmt: skip
        running = [asyncio.create_task(device.run()) for device in devices]
        ticking = asyncio.create_task(self._tick(devices))
        self._begun_s = time.monotonic()
        await self._make(devices)
        await self._drain(devices)
        ticking.cancel()
        for device in devices:
            device.stop()
        _, late = await asyncio.wait(running, timeout=_GOODBYE_S)
        for device in devices if late else []:
            device.drop()  # the broker answers nothing any more
        await asyncio.gather(*running)
        return Report.of(plan, self._tally, devices)

    async def _make(self, devices: list[SimulatedDevice]) -> None:
        """Have random devices make batches at the plan's rate, and storms at their times."""
        plan, made, passed_s = self._plan, 0, 0.0
        storm_at_s = plan.storm_s or float("inf")
        while passed_s < plan.duration_s and not self._stop.is_set():
            await asyncio.sleep(_TURN_S)
            passed_s = min(self._passed_s(), plan.duration_s)
            while made < passed_s * plan.rate:
                self._rng.choice(devices).make_batch()
                made += 1
            if passed_s >= storm_at_s:
                storm_at_s += plan.storm_s
                self._storm(devices)

    async def _drain(self, devices: list[SimulatedDevice]) -> None:
        """Wait until every batch has its receipt, as long as the plan allows."""
        end_s = time.monotonic() + self._plan.drain_s
        while time.monotonic() < end_s and any(device.outbox.rows for device in devices):
            await asyncio.sleep(_TURN_S)

    def _storm(self, devices: list[SimulatedDevice]) -> None:
        """Break the connections of a share of the devices, all at once."""
        hit = self._rng.sample(devices, round(self._plan.storm_share * len(devices)))
        _log.info("reconnect storm", devices=len(hit))
        for device in hit:
            device.drop()

    async def _tick(self, devices: list[SimulatedDevice]) -> None:
        while True:
            for device in devices:
                device.tick()
            self._progress(self._passed_s(), sum(device.outbox.rows for device in devices))
            await asyncio.sleep(_TICK_S)

    def _passed_s(self) -> float:
        return time.monotonic() - self._begun_s


def _allow_connections(devices: int) -> None:
    """Raise this process's limit of open files where so many sockets need it.

    Raises:
        StartError: the hard limit is lower.
    """
    needed = devices + _CONNECTING_THREADS + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise StartError(
                f"{devices} devices need {needed} open files and this process may have {hard}: "
                "raise the limit (ulimit -Hn), or simulate fewer devices"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
