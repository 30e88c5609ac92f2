"""Loopback or TLS, nothing between."""

import ipaddress
import socket
import ssl
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from wayside.paths import SettingsPath

Port = Annotated[int, Field(ge=1, le=65535)]


class TlsSettings(BaseModel):
    """Files of a TLS client, in PEM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: SettingsPath | None = Field(
        None, description="CA of the server; default: the system's"
    )
    cert_file: SettingsPath | None = Field(None, description="the client's own certificate")
    key_file: SettingsPath | None = Field(None, description="the key of cert_file")

    def context(self) -> ssl.SSLContext:
        """A client's context that checks the server's certificate and name (TLS 1.2 or newer).

        Raises:
            OSError: a file cannot be read.
            ssl.SSLError: a file is no certificate or key.
        """
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context


def is_loopback(host: str) -> bool:
    """True where traffic to the host cannot leave this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_port(host: str, port: int) -> str:
    """`host:port` as it stands in a URL; an IPv6 address gets its brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def port_is_open(host: str, port: int, timeout_s: float = 0.5) -> bool:
    """True when somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


def require_loopback(host: str, what: str, remedy: str) -> str:
    """The host, without the brackets of a URL, when it is a loopback address.

    Raises:
        ValueError: it is not; the message names `what` and the `remedy`.
    """
    if not is_loopback(host):
        raise ValueError(f"{what} on {host!r} would be reachable from outside: {remedy}")
    return host.strip("[]")
