"""The agent: every camera's pipeline, and what becomes of them. Names no adapter."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import structlog

from edge.camera_settings import CameraSettings
from edge.changes import Changes
from edge.errors import CaptureError
from edge.meter import NetworkStats
from edge.pipeline import Pipeline
from edge.publish.forwarder import Forwarder
from edge.publish.outbox import Outbox
from wayside.process import crash

_log = structlog.get_logger(__name__)


class Cameras:
    """The pipelines, each in a thread of its own; one that fails leaves the others alone.

    One thread at a time calls `add`, `start`, `change` and `stop`.

    Attributes:
        note_error: has the heartbeat repeat an error.

    Args:
        make: a camera's pipeline.
        note_error: as above.
    """

    def __init__(
        self, make: Callable[[CameraSettings], Pipeline], note_error: Callable[[str], None]
    ) -> None:
        self._make = make
        self.note_error = note_error
        self._there: dict[str, tuple[Pipeline, threading.Thread]] = {}
        self._failed: dict[str, None] = {}
        self._is_changing = False

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """Of the cameras that there are now, in the order in which they came."""
        return tuple(pipeline for pipeline, _ in list(self._there.values()))

    @property
    def failed(self) -> list[str]:
        """Ids of the cameras that failed and are still there."""
        return list(self._failed)

    @property
    def running(self) -> bool:
        """True while any camera is at work."""
        return self._is_changing or any(
            thread.is_alive() for _, thread in list(self._there.values())
        )

    def add(self, cameras: Sequence[CameraSettings]) -> None:
        """There are these cameras, too; `start` begins with them."""
        for camera in cameras:
            pipeline = self._make(camera)
            thread = threading.Thread(
                target=self._run, args=(pipeline,), name=f"run-{pipeline.camera}"
            )
            self._there[pipeline.camera] = (pipeline, thread)

    def start(self) -> None:
        """Begin with every camera that has not begun."""
        for _, thread in self._there.values():
            if thread.ident is None:
                thread.start()

    def change(self, found: Changes) -> None:
        """Take cameras away, begin with others, exchange rules; the rest goes on undisturbed."""
        self._is_changing = True
        try:
            self._end([*found.removed, *(settings.id for settings in found.replaced)])
            self.add([*found.replaced, *found.added])
            self.start()
            for settings in found.ruled:
                self._there[settings.id][0].change_rules(settings)
        finally:
            self._is_changing = False

    def stop(self) -> None:
        """Ask every camera to end, and wait until the frames that were read are worked off."""
        self._stop(list(self._there))

    def _stop(self, cameras: Sequence[str]) -> None:
        """All are asked before any is awaited: those that hang, hang together."""
        for camera in cameras:
            self._there[camera][0].stop()
        for camera in cameras:
            self._there[camera][1].join()

    def _end(self, cameras: Sequence[str]) -> None:
        self._stop(cameras)
        for camera in cameras:
            del self._there[camera]
            self._failed.pop(camera, None)

    def _run(self, pipeline: Pipeline) -> None:
        try:
            pipeline.run()
        except CaptureError as error:
            self._failed[pipeline.camera] = None
            self.note_error(f"camera {pipeline.camera}: {error}")
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
