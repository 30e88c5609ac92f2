"""Devices, services, servers, and the common names they go by. No I/O."""

import enum
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cloud.errors import IdentityError
from protos.errors import InvalidIdError
from protos.ids import check_id

SERVICE_PREFIX = "service."
"""Begins the common name of a service; no device id holds a dot."""

_MAX_COMMON_NAME = 64
"""RFC 5280, appendix A: ub-common-name."""

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")


class Role(str, enum.Enum):
    """What a certificate is for."""

    DEVICE = "device"
    SERVICE = "service"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody with a certificate.

    Attributes:
        role: what the certificate is for.
        common_name: what the broker knows a client by: the device's id, or `service.NAME`.
        hosts: DNS names and addresses of a server; empty for everybody else.
    """

    role: Role
    common_name: str
    hosts: tuple[str, ...] = ()


def identify(role: Role, name: str, hosts: Sequence[str] = ()) -> Identity:
    """The identity that somebody of a role and a name has.

    Raises:
        IdentityError: the name is no id, or the hosts do not fit the role.
    """
    try:
        check_id(name, role.value)
    except InvalidIdError as error:
        raise IdentityError(str(error)) from error
    common_name = SERVICE_PREFIX + name if role is Role.SERVICE else name
    if len(common_name) > _MAX_COMMON_NAME:
        longest = _MAX_COMMON_NAME - len(SERVICE_PREFIX)
        raise IdentityError(f"service {name!r} is too long: {longest} characters at most")
    if role is Role.SERVER and not hosts:
        raise IdentityError(
            f"server {name!r} has no host: name each DNS name and address that clients reach it "
            "by, `--host broker.example.org`"
        )
    if role is not Role.SERVER and hosts:
        raise IdentityError(f"a {role.value} has no hosts: `--host` is for `--role server`")
    return Identity(role, common_name, tuple(_checked_host(host) for host in hosts))


def is_address(host: str) -> bool:
    """True for an IP address, False for a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _checked_host(host: str) -> str:
    if is_address(host) or _HOST.match(host):
        return host
    raise IdentityError(f"host {host!r} is neither a DNS name nor an IP address")
