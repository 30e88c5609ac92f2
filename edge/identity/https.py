"""The cloud's API over HTTPS, by urllib3.

No redirects and no retries: what is asked here uses a token up or certifies a key, and only who
asks knows whether to ask again. Bodies are bounded, and a server's words are shown without what a
terminal would obey.
"""

import base64
import json
import ssl
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from pydantic import BaseModel, Field, ValidationError

from edge.errors import CloudAwayError, IdentityError
from edge.identity.port import Grant, Nonce, RenewalRequest
from protos.enrolment import (
    ENROLMENTS_PATH,
    MAX_PEM_CHARS,
    NONCE_PATH,
    NONCE_PATTERN,
    RENEWALS_PATH,
)
from protos.ids import ID_PATTERN
from wayside.net import Port, TlsSettings, is_loopback

_MAX_BYTES = 64 * 1024
_MAX_DETAIL_CHARS = 300
_CONNECT_S, _READ_S = 10.0, 30.0
_MAX_TIME_S = 253_402_300_799
"""The end of the year 9999, beyond which there are no dates."""

_PASSING = frozenset({408, 425, 429})
"""Who is refused so may say the same again later; likewise by 500 and above."""

_NOT_YET_VALID, _EXPIRED = 9, 10
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""

_Answer = TypeVar("_Answer", bound=BaseModel)
_Pem = Annotated[str, Field(max_length=4 * MAX_PEM_CHARS)]


class _Broker(BaseModel):
    host: str = Field(pattern=r"^\S{1,253}$")
    port: Port


class _Granted(BaseModel):
    device: str = Field(pattern=f"^{ID_PATTERN}$")
    certificate: _Pem
    ca: _Pem
    broker: _Broker | None = None
    repository_url: str | None = Field(None, pattern=r"^https?://\S{1,1000}$")


class _Nonce(BaseModel):
    nonce: str = Field(pattern=f"^{NONCE_PATTERN}$")
    time_s: int | None = Field(None, ge=0, le=_MAX_TIME_S)


class HttpsCloud:
    """The API at a URL. One thread at a time.

    Args:
        url: of the API: https, or http on loopback.
        ca_file: CA of its server; None: the system's.
        now: the clock, for messages about it.

    Raises:
        IdentityError: the URL is none, plain text would leave this machine, or the CA's file is
            none.
    """

    def __init__(
        self,
        url: str,
        ca_file: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._url = checked_url(url)
        self._now = now
        try:
            self._tls = TlsSettings(ca_file=ca_file).context()
        except OSError as error:  # ssl.SSLError is one
            raise IdentityError(
                f"{ca_file} cannot be used as the CA of {self._url}: {error.strerror or error}"
            ) from error

    def enrol(self, token: str, serial: str, request: str) -> Grant:
        """See the port."""
        body = {"token": token, "serial": serial, "request": request}
        return _grant(self._ask("POST", ENROLMENTS_PATH, _Granted, body))

    def nonce(self) -> Nonce:
        """See the port."""
        answer = self._ask("GET", NONCE_PATH, _Nonce)
        if answer.time_s is None:
            return Nonce(answer.nonce, None)
        return Nonce(answer.nonce, datetime.fromtimestamp(answer.time_s, timezone.utc))

    def renew(self, wanted: RenewalRequest) -> Grant:
        """See the port."""
        body = {
            "device": wanted.device, "certificate": wanted.certificate, "nonce": wanted.nonce,
            "request": wanted.request,
            "signature": base64.b64encode(wanted.signature).decode(),
        }  # fmt: skip
        return _grant(self._ask("POST", RENEWALS_PATH, _Granted, body))

    def _ask(
        self, method: str, path: str, expected: type[_Answer], body: dict[str, str] | None = None
    ) -> _Answer:
        status, content = self._send(method, path, body)
        if status >= 300:
            raise self._refusal(status, content)
        try:
            return expected.model_validate_json(content)
        except ValidationError as error:
            raise IdentityError(f"{self._url}{path} does not answer as Wayside's API") from error

    def _send(self, method: str, path: str, body: dict[str, str] | None) -> tuple[int, bytes]:
        """Status and body of the answer."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        timeout = urllib3.Timeout(connect=_CONNECT_S, read=_READ_S)
        try:
            with urllib3.PoolManager(ssl_context=self._tls, timeout=timeout) as pool:
                answer = pool.request(
                    method, self._url + path, headers=headers, retries=False, redirect=False,
                    body=None if body is None else json.dumps(body).encode(),
                    preload_content=False,
                )  # fmt: skip
                try:
                    content = answer.read(_MAX_BYTES + 1)
                finally:
                    answer.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreached(error) from error
        if len(content) > _MAX_BYTES:
            raise IdentityError(f"{self._url}{path} answers with more than {_MAX_BYTES} bytes")
        return answer.status, content

    def _refusal(self, status: int, content: bytes) -> IdentityError:
        """What the server says of why not."""
        detail = _detail(content) or f"HTTP {status}"
        if status in _PASSING or status >= 500:
            return CloudAwayError(f"{self._url}: {detail}")
        return IdentityError(f"{self._url} refuses: {detail}")

    def _unreached(self, error: Exception) -> IdentityError:
        """Why there is no answer; a wrong clock is told as such, for TLS fails by it first."""
        cause = _certificate_error(error)
        if cause is None:
            return CloudAwayError(f"{self._url} is not reached: {_words(error)}")
        when = f"{self._now():%Y-%m-%d %H:%M} UTC"
        if cause.verify_code == _NOT_YET_VALID:
            return CloudAwayError(
                f"the certificate of {self._url} is not valid yet by this device's clock, which "
                f"says {when}: set the clock"
            )
        if cause.verify_code == _EXPIRED:
            return CloudAwayError(
                f"the certificate of {self._url} has expired by this device's clock, which says "
                f"{when}: set the clock, or renew the server's certificate"
            )
        return IdentityError(
            f"{self._url} is not who it should be: {cause.verify_message}; name its CA by --ca-file"
        )


def checked_url(url: str) -> str:
    """The URL without a slash at its end.

    Raises:
        IdentityError: it is no https URL, nor http on loopback.
    """
    if "@" in url:  # not shown again: a password stands before it
        raise IdentityError("the URL must be like https://cloud.example.org:8443, without an '@'")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise IdentityError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise IdentityError(f"{url!r} is not like https://cloud.example.org:8443")
    if parts.scheme == "http" and not is_loopback(host):
        raise IdentityError(f"{url}: plain HTTP would show the token to the network: use https")
    return url.rstrip("/")


def _grant(answer: _Granted) -> Grant:
    broker = (answer.broker.host, answer.broker.port) if answer.broker is not None else None
    certificate, ca = answer.certificate.encode(), answer.ca.encode()
    return Grant(answer.device, certificate, ca, broker, answer.repository_url)


def _detail(content: bytes) -> str:
    """The detail of a problem (RFC 9457), cut and without control characters."""
    try:
        problem: Any = json.loads(content)
    except ValueError:
        return ""
    detail = problem.get("detail") if isinstance(problem, dict) else None
    if not isinstance(detail, str):
        return ""
    return "".join(char for char in detail if char.isprintable())[:_MAX_DETAIL_CHARS]


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """OpenSSL's reason for not believing a server, which urllib3 wraps."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        seen.append(error)
        inner = error.args[0] if error.args else None
        error = inner if isinstance(inner, BaseException) else error.__cause__
    return None


def _words(error: Exception) -> str:
    """What went wrong, without the address of a Python object that urllib3 puts before it."""
    text = str(error)
    return text.rpartition(">: ")[2] or type(error).__name__
