"""Whether the API's process can do its work, asked over HTTP."""

import json
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException


@dataclass(slots=True)
class ReadyRoute:
    """`/readyz` of the API, and why it was not ready when last asked.

    Asked without urllib, whose proxies would be asked for this machine's own address too.
    """

    host: str
    port: int
    timeout_s: float = 2.0
    reason: str = field(default="", init=False)

    def is_ready(self) -> bool:
        """True when it answers 200."""
        connection = HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            self.reason = f"no answer: {error}"
            return False
        finally:
            connection.close()
        self.reason = "" if answer.status == 200 else _detail(body)
        return not self.reason


def _detail(body: bytes) -> str:
    """What a problem (RFC 9457) says, or whatever else came."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return repr(body[:200])
