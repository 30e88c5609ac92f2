"""Clips into files, by one thread of the device; what waits is bounded, what is lost counted."""

import hashlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import structlog

from edge.errors import EvidenceError
from edge.evidence.cutter import NS_PER_S, Cause, Clip
from edge.evidence.encoding import H264, MJPEG, SUFFIX, Encoder, find_encoder, write_as_they_are
from edge.evidence.folder import ClipFolder
from edge.evidence.settings import ClipFolderSettings
from edge.evidence.stats import ClipStats

MAX_WAITING = 4
"""Clips in memory beside the one that is written."""

ATTEMPTS = 3
"""To write a clip where the disk refuses."""

STOP_S = 15.0
"""After the agent was told to end; what ffmpeg has not encoded by then is kept as JPEGs."""

NAMES_WAIT_S = 5.0
"""For the ids of a clip's events, which they have once they are durable."""

_CHUNK = 1 << 20

_log = structlog.get_logger(__name__)


class ClipWriter:
    """Writes clips, one after the other. As a context it works until the block is left.

    Args:
        device: id of the device.
        folder: where they go.
        settings: what encodes, and how long to wait for a disk.
        find: what makes H.264.
    """

    def __init__(
        self,
        device: str,
        folder: ClipFolder,
        settings: ClipFolderSettings,
        find: Callable[[str, float], Encoder | None] = find_encoder,
    ) -> None:
        self._device = device
        self._folder = folder
        self._settings = settings
        self._find = find
        self._encoder: Encoder | None = None
        self._changed = threading.Condition()
        self._waiting: deque[tuple[str, bool, Clip]] = deque()
        self._is_over = False
        self._refused = False
        self._deadline_s = math.inf
        self._written = self._lost = self._deleted = 0
        self._thread = threading.Thread(target=self._run, name="clip-writer", daemon=True)

    def __enter__(self) -> "ClipWriter":
        self._encoder = self._find(self._settings.encoder, self._settings.encode_timeout_s)
        _log.info(
            "clips are kept", folder=str(self._folder.folder), codec=self.stats.codec,
            by=self._encoder.ffmpeg if self._encoder else "wayside",
        )  # fmt: skip
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.hurry()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join()

    def hurry(self) -> None:
        """The agent ends: a disk that refuses, or a long clip, holds nobody up any longer."""
        with self._changed:
            self._deadline_s = min(self._deadline_s, time.monotonic() + STOP_S)
            self._changed.notify_all()

    @property
    def stats(self) -> ClipStats:
        """Its figures now."""
        codec = H264 if self._encoder else MJPEG
        return ClipStats(self._written, self._lost, self._deleted, codec)

    @property
    def waiting(self) -> int:
        """Clips in memory that nobody has begun to write."""
        with self._changed:
            return len(self._waiting)

    def put(self, camera: str, is_masked: bool, clip: Clip, *, waits: bool = False) -> None:
        """Take a clip over.

        Args:
            camera: id of the camera.
            is_masked: parts of its pictures are painted over.
            clip: with one picture at least.
            waits: where there are too many, return when there is room, or the agent cannot wait
                any longer; else the oldest goes.
        """
        with self._changed:
            if waits:
                self._await_room()
            if not self._has_room:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append((camera, is_masked, clip))
            self._changed.notify_all()

    def _await_room(self) -> None:
        """The lock is held."""
        self._changed.wait_for(lambda: self._has_room or self._hurries)
        left_s = self._deadline_s - time.monotonic()
        self._changed.wait_for(lambda: self._has_room, max(0.0, min(left_s, STOP_S)))

    @property
    def _has_room(self) -> bool:
        return len(self._waiting) < MAX_WAITING

    @property
    def _hurries(self) -> bool:
        return self._deadline_s < math.inf

    def _run(self) -> None:
        self._prepare()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_over)
                if not self._waiting:
                    return
                camera, is_masked, clip = self._waiting.popleft()
                self._changed.notify_all()
            self._write(camera, is_masked, clip)

    def _prepare(self) -> None:
        try:
            if left := self._folder.prepare():
                _log.info("clips that were not finished are gone", files=left)
            self._deleted += self._folder.bound()
        except OSError as error:
            self._refuse(error.strerror or str(error))

    def _write(self, camera: str, is_masked: bool, clip: Clip) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._make_room(clip.bytes)
                video = self._keep(camera, is_masked, clip)
            except OSError as error:
                self._refuse(error.strerror or str(error))
            else:
                self._done(camera, video)
                return
            with self._changed:
                if attempt < ATTEMPTS and not self._hurries:
                    self._changed.wait_for(lambda: self._hurries, self._settings.retry_s)
        self._lost += 1
        _log.error("clip lost", camera_id=camera, events=len(clip.causes))

    def _make_room(self, more_bytes: int) -> None:
        self._folder.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._deleted += self._folder.bound(more_bytes)
        if not self._folder.has_room(more_bytes):
            raise OSError(0, f"less than {self._settings.min_free_bytes} bytes are free")

    def _keep(self, camera: str, is_masked: bool, clip: Clip) -> Path:
        """The clip's video, by ffmpeg where that succeeds, else the pictures as they are."""
        begin_ns = clip.stills[0].captured_ns
        codec = H264 if self._encoder and not self._is_late() else MJPEG

        def write(part: Path) -> dict[str, Any]:
            if self._encoder and codec == H264:
                self._encoder.encode(clip.stills, part, self._is_late)
            else:
                with part.open("wb") as file:
                    write_as_they_are(clip.stills, file)
            _wait_for_names(clip.causes)
            return {**self._sidecar(camera, is_masked, clip), "codec": codec, **_digest(part)}

        try:
            return self._folder.keep(camera, begin_ns, SUFFIX[codec], write)
        except EvidenceError as error:
            _log.warning("clip is kept as JPEGs", camera_id=camera, reason=str(error))
            codec = MJPEG
            return self._folder.keep(camera, begin_ns, SUFFIX[codec], write)

    def _is_late(self) -> bool:
        """True when the agent ends, and not even a clip can hold it up any longer."""
        return time.monotonic() > self._deadline_s

    def _sidecar(self, camera: str, is_masked: bool, clip: Clip) -> dict[str, Any]:
        first, last = clip.stills[0], clip.stills[-1]
        return {
            "version": 1,
            "device": self._device,
            "camera": camera,
            "from": _utc(first.captured_ns),
            "to": _utc(last.captured_ns),
            "from_ns": first.captured_ns,
            "to_ns": last.captured_ns,
            "frames": len(clip.stills),
            "width_px": first.width_px,
            "height_px": first.height_px,
            "masked": is_masked,
            "cut": clip.cut,
            "events": [_event(cause) for cause in clip.causes],
        }

    def _done(self, camera: str, video: Path) -> None:
        self._written += 1
        if self._refused:
            _log.info("clips can be written again", folder=str(self._folder.folder))
        self._refused = False
        _log.info("clip kept", camera_id=camera, file=str(video))

    def _refuse(self, reason: str) -> None:
        """Say it once until a clip can be written again."""
        if not self._refused:
            _log.error(
                "clips cannot be written", folder=str(self._folder.folder), reason=reason,
                retry_s=self._settings.retry_s,
                remedy="free space on this disk, or lower clips.min_free_bytes; see that the agent "
                "may write there",
            )  # fmt: skip
        self._refused = True


def _wait_for_names(causes: Sequence[Cause]) -> None:
    """Give events that came just now the time to become durable."""
    deadline_s = time.monotonic() + NAMES_WAIT_S
    for cause in causes:
        cause.name.wait(max(0.0, deadline_s - time.monotonic()))


def _event(cause: Cause) -> dict[str, Any]:
    """Its id is empty where it is not durable yet: a disk that takes no event takes no clip."""
    return {
        "event_id": cause.name.event_id, "kind": cause.kind, "rule": cause.rule,
        "target": cause.target, "track_id": cause.track_id, "captured_ns": cause.captured_ns,
    }  # fmt: skip


def _digest(path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _utc(captured_ns: int) -> str:
    moment = datetime.fromtimestamp(captured_ns / NS_PER_S, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
