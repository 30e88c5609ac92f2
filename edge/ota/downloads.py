"""Files of a repository, gone on with where they were cut off.

Blobs and records are named by their hash, so what lies at a URL never changes, and a part is good
to go on with whoever sends the rest: the hash of the whole decides. (`If-Range` would say no more
than that.) How long a file is, is known from what was signed; no server has a say in it.

A part waits at `NAME.part`, synced; it is deleted when it turns out wrong, or the disk is full.
"""

import contextlib
import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from edge.errors import OtaError
from edge.ota.durable import disk_errors
from edge.ota.fetch import Answer, Fetch
from edge.ota.pacing import TokenBucket
from edge.ota.port import Target
from edge.ota.refusal import refusal
from edge.ota.states import Code
from wayside.backoff import Backoff
from wayside.disk import REAL

Progress = Callable[[int], None]

_SYNC_BYTES = 8 * 1024 * 1024
_READ_BYTES = 1024 * 1024
_BROKEN_OFF = (Code.UNREACHABLE.value, Code.TRUNCATED.value)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SPAN = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")


class Downloads:
    """`edge.ota.port.Fetcher`, and the client's source of metadata; several threads may use it.

    Args:
        url: of the repository, without a slash at its end.
        fetch: asks its server.
        stop: once set, every wait ends within a second.
        free_bytes: of the disk that a folder is on.
    """

    def __init__(
        self, url: str, fetch: Fetch, stop: threading.Event,
        *, free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:  # fmt: skip
        self._url = url
        self._fetch = fetch
        self._stop = stop
        self._free_bytes = free_bytes
        most = fetch.settings.max_bytes_per_s
        self._bucket = None if most is None else TokenBucket(most)
        self._lock = threading.Lock()

    def metadata(self, name: str, max_bytes: int) -> bytes | None:
        """A file of metadata; None where the repository has none of that name.

        It is asked for twice at most: the first time may have met a connection that the server had
        closed meanwhile.

        Raises:
            OtaError: `unreachable`, `truncated` or `endless`.
        """
        url = f"{self._url}/metadata/{name}"
        try:
            return self._fetch.whole(url, max_bytes)
        except OtaError as error:
            if error.code not in _BROKEN_OFF or self._stop.is_set():
                raise
        return self._fetch.whole(url, max_bytes)

    def record(self, target: Target, into: Path, progress: Progress) -> None:
        """The record of a target; see `Fetcher`."""
        version = quote(target.version, safe="")
        url = f"{self._url}/targets/{target.family}/{version}/{target.sha256}.record.json"
        self._file(url, target.sha256, target.length, into, progress)

    def blob(self, sha256: str, size: int, into: Path, progress: Progress) -> None:
        """An artefact; see `Fetcher`."""
        if not _SHA256.fullmatch(sha256):
            raise refusal(Code.TAMPERED, f"{sha256[:80]!r} is no sha256")
        self._file(f"{self._url}/blobs/{sha256}", sha256, size, into, progress)

    def _file(self, url: str, sha256: str, size: int, into: Path, progress: Progress) -> None:
        if _has(into, sha256, size):
            progress(size)
            return
        part = into.with_name(f"{into.name}.part")
        settings = self._fetch.settings
        backoff = Backoff(settings.retry_initial_s, settings.retry_max_s)
        failures = 0
        while True:
            with _Part(part, size, progress) as file:
                had = file.have
                self._require_room(into.parent, size - had)
                try:
                    if had < size:
                        self._attempt(url, file)
                    break
                except OtaError as error:
                    failures = 1 if file.have > had else failures + 1
                    if error.code not in _BROKEN_OFF or self._stop.is_set():
                        raise
                    if failures >= settings.attempts:
                        raise
            if self._stop.wait(backoff.next_s()):
                raise refusal(Code.UNREACHABLE, f"{url}: given up, for the agent stops")
        _accept(url, sha256, part, into)

    def _require_room(self, folder: Path, wanted: int) -> None:
        free, kept = self._free_bytes(folder), self._fetch.settings.min_free_bytes
        if free - wanted < kept:
            raise refusal(
                Code.NO_SPACE,
                f"{folder}: {wanted} bytes are to come, {free} are free, of which {kept} stay free",
            )

    def _attempt(self, url: str, file: "_Part") -> None:
        with self._fetch.open(url, file.have) as transfer:
            if transfer.answer.is_missing:
                raise refusal(Code.UNREACHABLE, f"{url}: the server has no such file")
            transfer.require_status(200, 206, 416)
            self._agree(url, transfer.answer, file)
            for chunk in transfer.chunks():
                if file.have + len(chunk) > file.size:
                    file.drop()
                    raise refusal(Code.ENDLESS, f"{url}: goes on after its {file.size} bytes")
                file.append(chunk)
                self._throttle(len(chunk))
        if file.have < file.size:
            raise refusal(Code.TRUNCATED, f"{url}: ends after {file.have} of {file.size} bytes")

    def _agree(self, url: str, answer: Answer, file: "_Part") -> None:
        """See that what comes is the rest of the file, or all of it."""
        if answer.status == 416:
            have = file.have
            file.drop()
            raise refusal(Code.TRUNCATED, f"{url}: the server has no byte {have}: begun anew")
        if answer.status == 200:
            file.restart()  # the server sends the whole file, whatever was asked for
        else:
            span = _SPAN.fullmatch(answer.headers.get("content-range", ""))
            if span is None or int(span[1]) != file.have:
                file.drop()
                raise refusal(
                    Code.TRUNCATED, f"{url}: the server goes on at another byte: begun anew"
                )
            if span[3] != "*" and int(span[3]) != file.size:
                code = Code.ENDLESS if int(span[3]) > file.size else Code.TRUNCATED
                raise refusal(code, f"{url}: has {span[3]} bytes, {file.size} are signed")
        expected = file.size - file.have
        if answer.length is not None and answer.length > expected:
            raise refusal(Code.ENDLESS, f"{url}: sends {answer.length} bytes, {expected} are left")

    def _throttle(self, taken: int) -> None:
        if self._bucket is not None:
            with self._lock:
                wait_s = self._bucket.wait_s(taken, time.monotonic())
            self._stop.wait(wait_s)


class _Part:
    """The beginning of a file, on the disk; synced when it is left."""

    def __init__(self, path: Path, size: int, progress: Progress) -> None:
        self._path = path
        self.size = size
        self._progress = progress
        self.have = 0
        self._synced = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "_Part":
        with disk_errors(self._path):
            self._file = self._path.open("ab")
            self.have = self._file.tell()
            if self.have > self.size:
                self._truncate()
        self._synced = self.have
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._file is not None
        try:
            with disk_errors(self._path):
                self._sync()
        except OtaError:
            if kind is None:  # else it is told already why there is no more of it
                raise
        finally:
            with contextlib.suppress(OSError):
                self._file.close()

    def append(self, chunk: bytes) -> None:
        assert self._file is not None
        try:
            with disk_errors(self._path):
                self._file.write(chunk)
                self.have += len(chunk)
                if self.have - self._synced >= _SYNC_BYTES:
                    self._sync()
        except OtaError as error:
            if error.code == Code.NO_SPACE:
                self.drop()
            raise
        self._progress(self.have)

    def restart(self) -> None:
        """Begin anew."""
        with disk_errors(self._path):
            if self.have:
                self._truncate()

    def drop(self) -> None:
        """Give the room back; what was there is of no use."""
        with contextlib.suppress(OSError):
            self._truncate()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _truncate(self) -> None:
        assert self._file is not None
        self._file.flush()
        self._file.truncate(0)
        self.have = self._synced = 0

    def _sync(self) -> None:
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced = self.have


def _has(path: Path, sha256: str, size: int) -> bool:
    try:
        return path.stat().st_size == size and _sha256_of(path) == sha256
    except OSError:
        return False


def _accept(url: str, sha256: str, part: Path, into: Path) -> None:
    with disk_errors(part):
        found = _sha256_of(part)
        if found != sha256:
            part.unlink()
            raise refusal(
                Code.TAMPERED,
                f"{url}: has sha256 {found[:12]}, signed is {sha256[:12]}; it was deleted",
            )
        part.replace(into)
        REAL.sync(into.parent)


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
