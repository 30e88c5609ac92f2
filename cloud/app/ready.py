"""Whether the API's process can do its work, asked over HTTP."""

import json
import ssl
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path


@dataclass(slots=True)
class ReadyRoute:
    """`/readyz` of the API, and why it was not ready when last asked.

    Asked over TLS where there is a `certificate_file`. Asked without urllib, whose proxies would
    be asked for this machine's own address too.
    """

    host: str
    port: int
    certificate_file: Path | None = None
    timeout_s: float = 2.0
    reason: str = field(default="", init=False)
    has_answered: bool = field(default=False, init=False)

    def is_ready(self) -> bool:
        """True when it answers 200."""
        self.has_answered = False
        try:
            connection = self._connection()
        except OSError as error:  # ssl.SSLError is one
            self.reason = f"{self.certificate_file} cannot be read: {error}"
            return False
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            self.reason = f"no answer: {error}"
            return False
        finally:
            connection.close()
        self.has_answered = True
        self.reason = "" if answer.status == 200 else _detail(body)
        return not self.reason

    def _connection(self) -> HTTPConnection:
        """Not connected yet; over TLS where there is a certificate.

        Exactly that certificate is trusted: its name is the one that clients use, not the
        address by which this process asks its neighbour.
        """
        if self.certificate_file is None:
            return HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        context = ssl.create_default_context(cafile=self.certificate_file)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return HTTPSConnection(self.host, self.port, timeout=self.timeout_s, context=context)


def _detail(body: bytes) -> str:
    """What a problem (RFC 9457) says, or whatever else came."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return repr(body[:200])
