"""A synthetic camera as a video: paced as a camera is, and broken as it is told to be."""

import threading
import time
from collections.abc import Callable

import numpy as np

from edge.capture.synthetic.faults import Faults
from edge.capture.synthetic.scene import Scene, SceneSettings
from edge.errors import CaptureError
from models.detections import Image

MAX_BEHIND_S = 2.0
"""A reader that is later than this loses pictures, as it does with a real camera."""

LOOK_S = 0.02
"""How often a read that waits looks whether its fault is over."""


class SyntheticCamera:
    """The device; it goes on while nobody is connected.

    Args:
        settings: the scene and its faults.
        read_timeout_s: after which a silent read gives up.
        is_paced: pictures come at their time; False: as fast as they are read, from the first.
        monotonic_s: the monotonic clock.
    """

    def __init__(
        self,
        settings: SceneSettings,
        read_timeout_s: float,
        *,
        is_paced: bool,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scene = Scene(settings)
        self.read_timeout_s = read_timeout_s
        self.is_paced = is_paced
        self.frozen: Image | None = None
        self._faults = Faults(settings.faults, settings.control)
        self._monotonic_s = monotonic_s
        self._begun_s = monotonic_s()

    def elapsed_s(self) -> float:
        """Since it was switched on."""
        return self._monotonic_s() - self._begun_s

    def faults(self) -> frozenset[str]:
        """Those in force now.

        Raises:
            CaptureError: the control file names no fault.
        """
        try:
            return self._faults.in_force(self.elapsed_s() if self.is_paced else 0.0)
        except ValueError as error:
            raise CaptureError(f"synthetic camera: {error}") from error


class SyntheticVideo:
    """One connection to a synthetic camera.

    Args:
        camera: the device.
        wait: waits so many seconds, or until somebody stops the camera.

    Raises:
        CaptureError: its fault is `down`.
    """

    def __init__(self, camera: SyntheticCamera, wait: Callable[[float], object]) -> None:
        if "down" in camera.faults():
            raise CaptureError("synthetic camera is down; take the fault away")
        self._camera = camera
        self._wait = wait
        settings = camera.scene.settings
        self._period_s = 1 / settings.fps
        self._number = -1
        self._due_s = camera.elapsed_s()
        self._first = round(self._due_s * settings.fps) if camera.is_paced else 0
        self._pts_base = self._first
        self._was_reset = False
        self._is_closed = False

    @property
    def decoder(self) -> str:
        """That it is drawn."""
        return "synthetic"

    @property
    def fps(self) -> float:
        """Pictures a second."""
        return self._camera.scene.settings.fps

    @property
    def frame_count(self) -> int:
        """Pictures until the end, 0 where there is none."""
        return self._camera.scene.settings.frames

    @property
    def pts_ns(self) -> int:
        """Time of the latest picture since the connection began, or since a reset."""
        return round((self._number - self._pts_base) * self._period_s * 1e9)

    def read(self) -> Image | None:
        """The next picture at its time; None where the connection has ended.

        Raises:
            CaptureError: the control file names no fault.
        """
        if self._camera.is_paced:
            self._wait_for_picture()
        faults = self._patient()
        if self._is_closed or faults & {"down", "end", "silent"}:
            return None
        self._number = max(self._number + 1, self._first)
        if self.frame_count and self._number - self._first >= self.frame_count:
            return None
        if "reset" in faults and not self._was_reset:
            self._pts_base = self._number
        self._was_reset = "reset" in faults
        return self._shown(faults)

    def count(self) -> int:
        """Pictures until the end."""
        return self.frame_count

    def close(self) -> None:
        """Hang up."""
        self._is_closed = True

    def _wait_for_picture(self) -> None:
        pictures = 4 if "slow" in self._camera.faults() else 1
        now_s = self._camera.elapsed_s()
        self._due_s += pictures * self._period_s
        self._number += pictures - 1 if self._number >= 0 else 0
        if now_s - self._due_s > MAX_BEHIND_S:
            missed = int((now_s - self._due_s) / self._period_s)
            self._due_s += missed * self._period_s
            self._number += missed
        if self._due_s > now_s:
            self._wait(self._due_s - now_s)

    def _patient(self) -> frozenset[str]:
        """The faults, once a picture or the end of the patience has come."""
        pause, waited_s = threading.Event(), 0.0
        while (faults := self._camera.faults()) & {"hang", "silent"} and not self._is_closed:
            if "hang" not in faults and waited_s >= self._camera.read_timeout_s:
                break
            pause.wait(LOOK_S)
            waited_s += LOOK_S
        return faults

    def _shown(self, faults: frozenset[str]) -> Image:
        camera = self._camera
        if "freeze" in faults:
            if camera.frozen is None:
                camera.frozen = camera.scene.picture(self._number)
            frozen: Image = camera.frozen.copy()
            return frozen
        camera.frozen = None
        image = camera.scene.picture(self._number)
        if "garbage" in faults:
            image[image.shape[0] * 2 // 3 :] = 128
        return np.ascontiguousarray(image[::2, ::2]) if "size" in faults else image
