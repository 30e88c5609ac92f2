"""The agent: every camera's pipeline, and what becomes of them. Names no adapter."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import structlog

from edge.errors import CaptureError
from edge.meter import NetworkStats
from edge.pipeline import Pipeline
from edge.publish.forwarder import Forwarder
from edge.publish.outbox import Outbox
from wayside.process import crash

_log = structlog.get_logger(__name__)


class Cameras:
    """The pipelines, each in a thread of its own; one that fails leaves the others alone.

    Args:
        pipelines: one a camera.
        note_error: has the heartbeat repeat an error.
    """

    def __init__(self, pipelines: Sequence[Pipeline], note_error: Callable[[str], None]) -> None:
        self.pipelines = tuple(pipelines)
        self._note_error = note_error
        self.failed: list[str] = []
        self._threads = [
            threading.Thread(target=self._run, args=(pipeline,), name=f"run-{pipeline.camera}")
            for pipeline in pipelines
        ]

    @property
    def running(self) -> bool:
        """True while any camera is at work."""
        return any(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Begin with every camera."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask every camera to end, and wait until the frames that were read are worked off."""
        for pipeline in self.pipelines:
            pipeline.stop()
        for thread in self._threads:
            thread.join()

    def _run(self, pipeline: Pipeline) -> None:
        try:
            pipeline.run()
        except CaptureError as error:
            self.failed.append(pipeline.camera)
            self._note_error(f"camera {pipeline.camera}: {error}")
            _log.error("camera failed", camera_id=pipeline.camera, error=str(error))
        except Exception as error:  # noqa: BLE001 - decision 1: a broken engine or outbox ends all
            _log.critical("pipeline broke", camera_id=pipeline.camera, exc_info=True)
            crash("a pipeline broke", camera_id=pipeline.camera, error=str(error))


def wait_until_done(
    cameras: Cameras,
    outbox: Outbox,
    forwarder: Forwarder,
    when_done: str,
    stop: threading.Event,
    before_drain: Callable[[], None] = lambda: None,
) -> None:
    """Return when the agent may end: it was told to, or there is nothing left to do.

    Args:
        cameras: at work.
        outbox: where events wait.
        forwarder: empties the outbox.
        when_done: `drain`, `exit` or `stay`, see the settings.
        stop: set from outside.
        before_drain: ends whatever else makes events, or the outbox might never be empty.
    """
    while cameras.running:
        if stop.wait(0.1):
            return
    depth = outbox.depth()
    _log.info("all sources have ended", then=when_done, events_waiting=depth.rows + depth.staged)
    if when_done == "drain":
        before_drain()
        drain(forwarder, stop)
    elif when_done == "stay":
        stop.wait()


def drain(forwarder: Forwarder, stop: threading.Event) -> None:
    """Return when receipts have emptied the outbox, or it was told to stop."""
    while not forwarder.drained(0.1):
        if stop.is_set():
            return


def status(
    device: str,
    networks: Sequence[NetworkStats],
    cameras: Sequence[Pipeline],
    outbox: Outbox,
    forwarder: Forwarder,
) -> dict[str, Any]:
    """What the status file says."""
    return {
        "device": device,
        "models": [asdict(network) for network in networks],
        "cameras": [asdict(pipeline.stats) for pipeline in cameras],
        "outbox": asdict(outbox.depth()),
        "forwarder": asdict(forwarder.stats),
    }
