"""The token that Pub/Sub puts on a push: who sent it, and to whom.

Google's documentation, "Authentication for push subscriptions": an OpenID Connect token in
`Authorization: Bearer`, signed by Google, issued for the subscription's service account and for
the audience that the subscription names.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from google.auth import jwt
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request

from cloud.errors import BusError, PushDeniedError

CERTIFICATES_URL = "https://www.googleapis.com/oauth2/v1/certs"
ISSUERS = ("accounts.google.com", "https://accounts.google.com")

_CLOCK_SKEW_S = 60
_MAX_TOKEN_CHARS = 16 * 1024
_MIN_KEPT_S, _MAX_KEPT_S = 300.0, 86_400.0
_MAX_AGE = re.compile(r"max-age=(\d{1,9})")

Certificates = Callable[[], Mapping[str, str]]
"""Key ids and PEM certificates that Google signs with now; raises BusError where it is away."""


class GoogleCertificates:
    """Google's certificates, kept for as long as Google says. Any thread may ask.

    Args:
        url: where they are.
        timeout_s: for one request.
        clock_s: monotonic time.
    """

    def __init__(
        self,
        url: str = CERTIFICATES_URL,
        timeout_s: float = 10.0,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._clock_s = clock_s
        self._fetch = Request()
        self._lock = threading.Lock()
        self._kept: Mapping[str, str] = {}
        self._until_s = 0.0

    def __call__(self) -> Mapping[str, str]:
        """What is known, fetched where it is too old.

        Raises:
            BusError: they cannot be fetched.
        """
        with self._lock:
            if not self._kept or self._clock_s() >= self._until_s:
                self._kept, kept_s = self._fetched()
                self._until_s = self._clock_s() + kept_s
            return self._kept

    def _fetched(self) -> tuple[Mapping[str, str], float]:
        where = f"Google's certificates at {self._url}"
        try:
            answer = self._fetch(self._url, timeout=self._timeout_s)
        except TransportError as error:
            raise BusError(f"{where} do not come: {error}") from error
        if answer.status != 200:
            raise BusError(f"{where} do not come: HTTP {answer.status}")
        try:
            found = _certificates(answer.data)
        except ValueError as error:
            raise BusError(f"{where} are none: {error}") from error
        age = _MAX_AGE.search(answer.headers.get("cache-control", ""))
        kept_s = float(age[1]) if age else 0.0
        return found, min(max(kept_s, _MIN_KEPT_S), _MAX_KEPT_S)


@dataclass(frozen=True, slots=True)
class PushToken:
    """Who may push here.

    Attributes:
        audience: as the subscription names it.
        emails: of the service accounts that are let in.
        certificates: what Google signs with.
    """

    audience: str
    emails: frozenset[str]
    certificates: Certificates

    def verify(self, authorization: str) -> str:
        """The e-mail of the service account that a request comes from.

        Args:
            authorization: the header, empty where there is none.

        Raises:
            PushDeniedError: nobody that is let in; its message holds nothing of the token.
            BusError: Google's certificates are away, so nobody can be told from anybody.
        """
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN_CHARS:
            raise PushDeniedError("no bearer token")
        claims = self._claims(token.strip())
        if claims.get("iss") not in ISSUERS:
            raise PushDeniedError("the token's issuer is not Google")
        email = claims.get("email")
        if claims.get("email_verified") is not True or not isinstance(email, str):
            raise PushDeniedError("the token names no verified e-mail")
        if email not in self.emails:
            raise PushDeniedError("this service account may not push here", known=True)
        return email

    def _claims(self, token: str) -> Mapping[str, object]:
        """What a token says whose signature, times and audience are right."""
        certificates = self.certificates()
        try:
            claims: Mapping[str, object] = jwt.decode(  # type: ignore[no-untyped-call]
                token, certificates, audience=self.audience, clock_skew_in_seconds=_CLOCK_SKEW_S
            )
        except (GoogleAuthError, ValueError, TypeError, OverflowError) as error:
            # Claims of a wrong type end in TypeError; the library's texts quote the token.
            raise PushDeniedError("the token is not valid here, or not now") from error
        return claims


def _certificates(body: bytes) -> Mapping[str, str]:
    """Raises ValueError where these are none."""
    found = json.loads(body)
    if not isinstance(found, dict) or not found:
        raise ValueError("not an object of certificates")
    if not all(isinstance(one, str) for one in found.values()):
        raise ValueError("a certificate is no text")
    return found
