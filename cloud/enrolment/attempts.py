"""How often may be tried: by whom, with which token or certificate, by all together.

Whoever tries too often is refused before anything is looked up, so that guessing costs the guesser
and not the database. What is refused is not counted, hence no more names are remembered than
attempts are allowed; those of certificates are of our own CA.
"""

import ipaddress
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloud.enrolment.settings import AttemptsSettings

_MAX_TOLD = 60
"""Refused strangers that are written down in a window: they must not fill the disk."""


@dataclass(frozen=True, slots=True)
class Flood:
    """An attempt too many.

    Attributes:
        reason: whose attempts they were.
        retry_after_s: until some are allowed again.
        is_first: of its kind in this window.
    """

    reason: str
    retry_after_s: float
    is_first: bool


class Attempts:
    """Counts attempts in windows of time. Any thread may use it.

    Args:
        settings: how many.
        clock_s: monotonic.
    """

    def __init__(
        self, settings: AttemptsSettings, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._begun_s = clock_s()
        self._counts: Counter[tuple[str, str]] = Counter()

    @property
    def remembered(self) -> int:
        """Names that are counted in this window."""
        return len(self._counts)

    def take(self, origin: str, token: str) -> Flood | None:
        """Count an attempt; where it is one too many, say so and count nothing.

        Args:
            origin: address that it comes from.
            token: what the token, all of it, is known by; empty where none is shown.
        """
        limits = [
            (("address", _network(origin)), self._settings.per_address),
            (("token", token), self._settings.per_token),
            (("all", ""), self._settings.in_all),
        ]
        return self._take(limits)

    def take_of(self, certificate: str) -> Flood | None:
        """The same for who has shown the key of a certificate, which nobody else can.

        Args:
            certificate: what it is known by.
        """
        return self._take([(("certificate", certificate), self._settings.per_token)])

    def may_tell(self) -> bool:
        """True while another refused stranger may be written down in this window."""
        with self._lock:
            self._left_s()
            self._counts["told", ""] += 1
            return self._counts["told", ""] <= _MAX_TOLD

    def _take(self, limits: Sequence[tuple[tuple[str, str], int]]) -> Flood | None:
        with self._lock:
            left_s = self._left_s()
            for name, most in limits:
                if name != ("token", "") and self._counts[name] >= most:
                    return self._flood(name[0], left_s)
            for name, _ in limits:
                self._counts[name] += 1
        return None

    def _left_s(self) -> float:
        """Seconds until the window ends; a new one begins where it has."""
        now_s = self._clock_s()
        if now_s - self._begun_s >= self._settings.window_s:
            self._begun_s = now_s
            self._counts.clear()
        return self._begun_s + self._settings.window_s - now_s

    def _flood(self, kind: str, left_s: float) -> Flood:
        self._counts["flood", kind] += 1
        reasons = {
            "address": "too many attempts from this address",
            "token": "too many attempts with this token",
            "certificate": "too many attempts with this certificate",
            "all": "too many attempts by all together",
        }
        return Flood(reasons[kind], left_s, self._counts["flood", kind] == 1)


def _network(origin: str) -> str:
    """The address, or of IPv6 its /64: one site has as many addresses below that as it likes."""
    try:
        address = ipaddress.ip_address(origin)
    except ValueError:
        return origin[:64]
    if isinstance(address, ipaddress.IPv6Address):
        # All of IPv4 is one /64 of these, and would be one address.
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)
