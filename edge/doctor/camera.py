"""Each camera: does it answer, and with what."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from edge.camera_settings import CameraSettings
from edge.capture.clock import WallClock
from edge.capture.port import Frame, Source
from edge.capture.settings import CameraSource
from edge.capture.sources import Camera
from edge.doctor.finding import Finding, ok, warning, wrong
from edge.errors import CaptureError

LOOK_S = 2.0
"""How long each camera is watched; all of them at once."""

_GRACE_S = 2.0
"""Beyond its own time limits, what a camera gets before it counts as stuck."""

_SLOW_FPS = 1.0

_KNOCK_S = 2.0
"""What a camera's port gets to answer at all."""

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""Where cameras listen whose address names no port."""


def cameras(settings: Sequence[CameraSettings]) -> Iterator[Finding]:
    """What every camera shows, in the order of the settings."""
    looks = [_Look(camera) for camera in settings]
    for look in looks:
        look.start()
    for look in looks:
        yield look.finding()


class _Look(threading.Thread):
    """One camera, in a thread of its own: one that never answers must hold up no other."""

    def __init__(self, settings: CameraSettings) -> None:
        super().__init__(name=f"doctor-{settings.id}", daemon=True)
        self._settings = settings
        self._subject = f"camera {settings.id}"
        self._limit_s = (
            (settings.open_timeout_ms + settings.read_timeout_ms) / 1000
            + LOOK_S
            + _KNOCK_S
            + _GRACE_S
        )
        self._found: Finding | None = None

    def run(self) -> None:
        try:
            self._found = self._look()
        except CaptureError as error:
            self._found = wrong(self._subject, str(error), _on_the_way(self._settings))

    def finding(self) -> Finding:
        """What was found; within the camera's own time limits."""
        self.join(self._limit_s)
        return self._found or wrong(
            self._subject, f"{self._settings.shown}: does not come back, although it has time "
            f"limits; waited {self._limit_s:.0f} s",
            "restart the camera; of a USB camera see dmesg",
        )  # fmt: skip

    def _look(self) -> Finding:
        begun_s = time.monotonic()
        # Waits as a camera's reader does: what is paced shows its own pace.
        source = Camera(self._settings.id, self._settings, WallClock()).open(time.sleep)
        try:
            first = source.read()
            if first is None:
                return wrong(self._subject, f"{self._settings.shown}: holds no picture")
            first_s = time.monotonic() - begun_s
            return self._told(first, first_s, self._fps(source), source.decoder)
        finally:
            source.close()

    def _fps(self, source: Source) -> float | None:
        """Pictures a second; None of a file, which comes as fast as it is read."""
        if not self._settings.is_camera:
            return None
        begun_s, count = time.monotonic(), 0
        while time.monotonic() - begun_s < LOOK_S and source.read() is not None:
            count += 1
        return count / (time.monotonic() - begun_s)

    def _told(self, first: Frame, first_s: float, fps: float | None, decoder: str) -> Finding:
        height, width = first.image.shape[:2]
        told = (
            f"{self._settings.shown}: {width}x{height} by {decoder}, first picture after "
            f"{first_s:.1f} s"
        )
        if fps is None:
            return ok(self._subject, told)
        if fps < _SLOW_FPS:
            return warning(
                self._subject, f"{told}, {fps:.1f} pictures a second",
                "see the camera's own settings, and the network between",
            )  # fmt: skip
        return ok(self._subject, f"{told}, {fps:.0f} pictures a second")


def _on_the_way(settings: CameraSource) -> str:
    """What a camera of the network that shows nothing calls for, by how far one comes to it."""
    if settings.kind not in ("rtsp", "http"):
        return ""
    parts = urlsplit(str(settings.source))
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        socket.create_connection((host, port), _KNOCK_S).close()
    except socket.gaierror:
        return (
            f"there is no host {host}: see the address, and that this device can ask a DNS server"
        )
    except OSError as error:
        return (
            f"nothing answers at {host}:{port} ({error.strerror or error}): see that the camera is "
            "on, its address and port, and that no firewall stands between"
        )
    return f"{host}:{port} answers: see the path in its address, user and password"
