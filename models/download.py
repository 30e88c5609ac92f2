"""One file over HTTPS: resumed where it broke off, bounded, checked, and only then in its place."""

import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from models.checksum import check_sha256
from models.errors import AssetError, ChecksumError
from models.progress import Progress
from wayside.backoff import Backoff
from wayside.net import is_loopback

_CHUNK_BYTES = 256 * 1024
_TOTAL = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a download may take."""

    max_bytes: int = 2 * 1024**3
    stalled_s: float = 20.0
    total_s: float = 1800.0
    attempts: int = 4


class _InterruptedDownloadError(Exception):
    """The connection broke: what is there is good, the rest may come with another try."""


def download(
    url: str,
    sha256: str,
    target: Path,
    limits: Limits,
    progress: Progress | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Put the file that `url` names at `target`, all of it and checked, or not at all.

    A part of it waits at `target` + `.part` and is gone on with, also by the next call.

    Args:
        url: https, or http on loopback.
        sha256: of the file.
        target: its place.
        limits: of size, time and attempts.
        progress: told after each chunk.
        pause: how to wait between attempts, given seconds.

    Raises:
        AssetError: it cannot be had within the limits.
        ChecksumError: the server has another file.
        OSError: it cannot be written.
    """
    part = target.with_name(f"{target.name}.part")
    backoff = Backoff(max_s=10.0)
    deadline = time.monotonic() + limits.total_s
    for attempt in range(1, limits.attempts + 1):
        try:
            _Transfer(url, part, limits, deadline, progress).run()
            break
        except _InterruptedDownloadError as error:
            if attempt == limits.attempts:
                raise AssetError(
                    f"{url} cannot be had: {error} ({limits.attempts} attempts)"
                ) from error
            pause(min(backoff.next_s(), max(0.0, deadline - time.monotonic())))
    _accept(url, sha256, part, target)


def _accept(url: str, sha256: str, part: Path, target: Path) -> None:
    try:
        check_sha256(part, sha256, f"{url} has another file; it was deleted")
    except ChecksumError:
        part.unlink()
        raise
    part.replace(target)


@dataclass(slots=True)
class _Transfer:
    """One attempt: from where the part ends to the end of the file."""

    url: str
    part: Path
    limits: Limits
    deadline: float
    progress: Progress | None

    def run(self) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        self._bound(have)
        try:
            with _open(self.url, have, self.limits.stalled_s) as response:
                self._receive(response, have)
        except urllib.error.HTTPError as error:
            self._refused(error, have)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            raise _InterruptedDownloadError(_cause(error)) from error

    def _refused(self, error: urllib.error.HTTPError, have: int) -> None:
        with error:
            known = _TOTAL.match(error.headers.get("Content-Range", ""))
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            if known is None or int(known[2]) != have:
                self.part.unlink()
                raise _InterruptedDownloadError("the part was longer than the file") from error
            return  # the part is the whole file, which only had not been checked yet
        reason = f"the server says {error.code} {error.reason}"
        if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _InterruptedDownloadError(reason) from error
        raise AssetError(f"{self.url} cannot be had: {reason}") from error

    def _receive(self, response: http.client.HTTPResponse, have: int) -> None:
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            start = _TOTAL.match(response.headers.get("Content-Range", ""))
            if start is None or start[1] is None or int(start[1]) != have:
                self.part.unlink()
                raise _InterruptedDownloadError("the server went on at another byte")
        else:
            have = 0  # the server sends the whole file, whatever was asked for
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None and length.isdecimal() else None
        self._bound(total or 0)
        with self.part.open("ab" if have else "wb") as file:
            have = self._copy(response, file, have, total)
            file.flush()
            os.fsync(file.fileno())
        if total is not None and have < total:
            raise _InterruptedDownloadError(f"broke off after {have} of {total} bytes")

    def _copy(
        self, response: http.client.HTTPResponse, file: IO[bytes], have: int, total: int | None
    ) -> int:
        while True:
            try:
                chunk = response.read1(_CHUNK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise _InterruptedDownloadError(_cause(error)) from error
            if not chunk:
                return have
            have += len(chunk)
            self._bound(have)
            file.write(chunk)
            if self.progress is not None:
                self.progress(have, total)

    def _bound(self, have: int) -> None:
        if have > self.limits.max_bytes:
            self.part.unlink(missing_ok=True)
            raise AssetError(f"{self.url} is larger than {self.limits.max_bytes} bytes")
        if time.monotonic() >= self.deadline:
            raise AssetError(
                f"{self.url} took longer than {self.limits.total_s:g} s; "
                "the next try goes on from here"
            )


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to where a first request could go."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(url: str, start: int, timeout_s: float) -> Any:
    _require_https(url)
    handlers: list[urllib.request.BaseHandler] = [_SafeRedirects()]
    if is_loopback(urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    headers = {"User-Agent": "wayside", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked above
    return urllib.request.build_opener(*handlers).open(request, timeout=timeout_s)


def _require_https(url: str) -> None:
    parts = urlsplit(url)
    loopback = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not loopback:
        raise AssetError(f"{url}: only https is downloaded")


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(reason) or type(reason).__name__
