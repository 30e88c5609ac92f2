"""Why a broker refuses our certificate, in words.

With TLS 1.3 a client's handshake is over before the broker has judged its certificate (RFC 8446,
4.4.4), so the alert comes while paho reads, and paho tells nobody what it read.
"""

import contextlib
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

_REASONS = {
    "CERTIFICATE_REVOKED": "it was revoked",
    "CERTIFICATE_EXPIRED": "it has expired, or the broker's revocation list has",
    "UNKNOWN_CA": "it is not signed by the broker's CA",
    "CERTIFICATE_REQUIRED": "there is none: set mqtt.tls.cert_file and mqtt.tls.key_file",
    "UNSUPPORTED_CERTIFICATE": "it is not one for clients",
    "BAD_CERTIFICATE": "it is damaged, or not valid yet",
    "CERTIFICATE_UNKNOWN": "the broker does not say why",
}
"""By the alert's name (RFC 8446, 6.2), with which OpenSSL's reasons end."""


class AttentiveSocket(ssl.SSLSocket):
    """A TLS socket that remembers the alert it ended by.

    Attributes:
        failure: None while there was none.
    """

    failure: ssl.SSLError | None = None

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As the base class."""
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self.failure = error
            raise

    def send(self, data: "Buffer", flags: int = 0) -> int:
        """As the base class; where the broker has closed already, its alert waits to be read."""
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            with contextlib.suppress(OSError):
                self.recv(1)
            raise


def certificate_refusal(error: BaseException | None) -> str:
    """Why the broker refuses our certificate; empty where the error says something else."""
    if not isinstance(error, ssl.SSLError):
        return ""
    reason = error.reason or ""
    for alert, words in _REASONS.items():
        if reason.endswith(f"ALERT_{alert}"):
            return f"the broker refuses our certificate: {words}"
    return ""
