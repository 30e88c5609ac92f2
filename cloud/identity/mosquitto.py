"""Configuration and access list of a Mosquitto that devices reach from outside.

The broker believes certificates of our CA and nothing else. A client's name and its client id are
its certificate's common name, whatever it says itself, so nobody speaks for, or throws out, anybody
else. (The broker for one machine is in cloud/embedded/broker.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from cloud.errors import IdentityError
from cloud.identity import files
from cloud.identity.authority import CertificateAuthority, utc_now
from cloud.identity.settings import ListenerSettings

CONFIG_FILE = "mosquitto.conf"
ACL_FILE = "acl"
_MARK = "# Written by wayside-cloud broker config; changes are overwritten."

_CONFIG = f"""\
{_MARK}

# Who may connect: whoever holds a certificate of our CA that is not revoked.
listener {{port}} {{host}}
cafile {{ca}}
certfile {{certificate}}
keyfile {{key}}
crlfile {{crl}}
require_certificate true
allow_anonymous false
tls_version tlsv1.2

# As whom: the certificate's common name is user name and client id, whatever the client says.
use_identity_as_username true
use_username_as_clientid true
acl_file {{acl}}

# How much.
max_connections {{max_connections}}
message_size_limit {{max_message_bytes}}
max_packet_size {{max_packet_bytes}}
max_inflight_messages {{max_inflight_messages}}
max_queued_messages {{max_queued_messages}}
max_queued_bytes {{max_queued_bytes}}

# Nothing needs the broker's memory: devices and cloud send again what it lost.
persistence false
set_tcp_nodelay true
user {{user}}
{{pid_file}}log_dest stderr
log_type error
log_type warning
log_type notice
"""

_ACL = f"""\
{_MARK}

# A device: its own topics, by the common name of its certificate (%u).
pattern write /devices/%u/events/#
pattern write /devices/%u/state
pattern write /devices/%u/live
pattern read /devices/%u/config
pattern read /devices/%u/commands/#
"""

_SERVICE = """
user {name}
topic read /devices/+/events/#
topic read /devices/+/state
topic read /devices/+/live
topic write /devices/+/config
topic write /devices/+/commands/#
topic readwrite /bridges/+/presence
"""


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """What was written, for which services."""

    config: Path
    acl: Path
    services: Sequence[str]


def write_broker_config(
    listener: ListenerSettings, authority: CertificateAuthority, out: Path
) -> BrokerFiles:
    """Write the broker's configuration beside its certificate.

    Args:
        listener: where it listens, and its limits.
        authority: whom it believes.
        out: folder that `wayside-cloud ca issue --role server` wrote; what an earlier call wrote
            there is written anew.

    Raises:
        IdentityError: the folder holds no usable server certificate, or another configuration, or
            cannot be written.
    """
    out = out.absolute()
    _check_server(out, authority, utc_now())
    written = BrokerFiles(out / CONFIG_FILE, out / ACL_FILE, authority.services())
    contents = {
        written.acl: _ACL + "".join(_SERVICE.format(name=name) for name in written.services),
        written.config: _config(listener, authority, out),
    }
    for path in contents:
        _check_ours(path)
    try:
        for path, text in contents.items():
            files.replace(path, text.encode(), files.PUBLIC)
    except OSError as error:
        raise IdentityError(f"{out} cannot be written: {error.strerror}") from error
    return written


def _config(listener: ListenerSettings, authority: CertificateAuthority, out: Path) -> str:
    paths = {
        "ca": out / files.CA_FILE,
        "certificate": out / files.CERTIFICATE_FILE,
        "key": out / files.KEY_FILE,
        "crl": authority.crl_file.absolute(),
        "acl": out / ACL_FILE,
    }
    for path in (*paths.values(), listener.pid_file):
        if path is not None and "\n" in str(path):
            raise IdentityError(f"{str(path)!r}: Mosquitto reads no path with a line break in it")
    pid_file = f"pid_file {listener.pid_file.absolute()}\n" if listener.pid_file else ""
    limits = listener.model_dump(exclude={"pid_file"})
    return _CONFIG.format(
        **limits, **paths, pid_file=pid_file, max_packet_bytes=listener.max_packet_bytes
    )


def _check_server(out: Path, authority: CertificateAuthority, now: datetime) -> None:
    command = f"`wayside-cloud ca issue broker --role server --host HOST --out {out}`"
    path = out / files.CERTIFICATE_FILE
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        path = out / files.KEY_FILE
        key = load_pem_private_key(path.read_bytes(), password=None)
        path = out / files.CA_FILE
        ca = x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError as error:
        raise IdentityError(
            f"{path} is missing: issue the broker's certificate first, {command}"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not the PEM it should hold"
        raise IdentityError(f"{path}: {why}; remove it and run {command}") from error
    problem = _server_problem(certificate, authority.certificate, now)
    if certificate.public_key() != key.public_key():
        problem = f"not the certificate of {files.KEY_FILE}"
    if ca != authority.certificate:
        problem = f"{files.CA_FILE} beside it is another CA's"
    if problem:
        raise IdentityError(
            f"{out / files.CERTIFICATE_FILE}: {problem}; remove the three files and run {command}"
        )


def _server_problem(certificate: x509.Certificate, root: x509.Certificate, now: datetime) -> str:
    """Why no device would take it for the broker's; empty where it would."""
    try:
        certificate.verify_directly_issued_by(root)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature):
        return "another CA's certificate"
    except x509.ExtensionNotFound:
        return "the certificate of no server"
    if ExtendedKeyUsageOID.SERVER_AUTH not in usage:
        return "a client's certificate, not a server's"
    if now > certificate.not_valid_after_utc:
        return f"expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    return ""


def _check_ours(path: Path) -> None:
    try:
        first = path.read_text(encoding="utf-8").partition("\n")[0]
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise IdentityError(f"{path} cannot be read: remove it, or name another --out") from error
    if first != _MARK:
        raise IdentityError(
            f"{path} was not written by this command and is not overwritten: move it away, or name "
            "another --out"
        )
