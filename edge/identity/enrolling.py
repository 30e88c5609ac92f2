"""A claim token into a certificate: what `wayside-edge enroll` does.

The key is made here and is on the disk before anything is sent. A try that is cut off, before or
after the cloud has answered, goes on with the same key, which the cloud certifies only once.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from edge.errors import IdentityError
from edge.identity import folder as names
from edge.identity import x509
from edge.identity.folder import CredentialsFolder
from edge.identity.port import Cloud, Grant


@dataclass(frozen=True, slots=True)
class Asked:
    """What a board asks with.

    Attributes:
        token: the claim token.
        serial: of the board; may be empty.
        device: the id that it must become; None: whichever the token is for.
        url: of the API, noted for renewals.
        server_ca: by which the API's server is known, PEM; None: the system's.
    """

    token: str = field(repr=False)
    serial: str
    device: str | None
    url: str
    server_ca: bytes | None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a board has become.

    Attributes:
        certificate: what it says.
        broker: host and TLS port, where the cloud told them.
        repository_url: of signed models, where the cloud told it.
    """

    certificate: x509.Certificate
    broker: tuple[str, int] | None
    repository_url: str | None


def enrol(
    asked: Asked,
    folder: CredentialsFolder,
    cloud: Cloud,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Enrolled:
    """Have this board certified, into a folder that holds no credentials yet.

    Raises:
        IdentityError: the folder holds some, the cloud refuses, or its answer does not fit.
        CloudAwayError: the cloud does not answer; the same command goes on later.
    """
    folder.make()
    with folder.alone():
        if folder.settle():  # the try before was cut off after all was on the disk
            certificate = x509.read(folder.current().certificate)
            return Enrolled(certificate, _broker(folder), _repository_url(folder))
        if folder.holds_credentials:
            raise IdentityError(
                f"{folder.path} holds credentials, which are never overwritten: name another "
                "folder, or remove it"
            )
        key = folder.key()
        if key is None:
            key = x509.new_key()
            folder.keep_key(key)
        grant = cloud.enrol(asked.token, asked.serial, x509.signing_request(key))
        certificate = _checked(grant, key, asked.device, now())
        _note(folder, asked, grant)
        folder.take(grant.certificate, grant.ca)
        return Enrolled(certificate, grant.broker, grant.repository_url)


def _checked(grant: Grant, key: bytes, device: str | None, now: datetime) -> x509.Certificate:
    """What the certificate says, where it can be used."""
    x509.check(key, grant.certificate, grant.ca)
    certificate = x509.read(grant.certificate)
    if certificate.device != grant.device:
        raise IdentityError(
            f"the cloud calls this device {grant.device!r}, and its certificate says "
            f"{certificate.device!r}"
        )
    if device is not None and certificate.device != device:
        raise IdentityError(
            f"the token is for device {certificate.device!r}, not for {device!r}; with --device "
            f"{certificate.device} the same command goes on, and another token needs another --out"
        )
    if not certificate.begin <= now <= certificate.end:
        raise IdentityError(
            f"this device's clock says {now:%Y-%m-%d %H:%M} UTC, and the certificate counts from "
            f"{certificate.begin:%Y-%m-%d} to {certificate.end:%Y-%m-%d}: set the clock, then run "
            "the same command"
        )
    return certificate


def _note(folder: CredentialsFolder, asked: Asked, grant: Grant) -> None:
    """Write down who gives credentials, for renewals and for people."""
    if asked.server_ca is not None:
        folder.note(names.SERVER_CA, asked.server_ca)
    known = {
        "url": asked.url,
        "device": grant.device,
        "broker": list(grant.broker) if grant.broker is not None else None,
        "repository_url": grant.repository_url,
    }
    folder.note(names.CLOUD, json.dumps(known, indent=2).encode() + b"\n")


def known_url(folder: CredentialsFolder) -> str:
    """The URL of the API that gave the credentials.

    Raises:
        IdentityError: the folder does not say.
    """
    url = _noted(folder).get("url")
    if not isinstance(url, str):
        raise IdentityError(f"{folder.path}/{names.CLOUD} does not say who gave the credentials")
    return url


def _broker(folder: CredentialsFolder) -> tuple[str, int] | None:
    broker = _noted(folder).get("broker")
    return (str(broker[0]), int(broker[1])) if isinstance(broker, list) else None


def _repository_url(folder: CredentialsFolder) -> str | None:
    url = _noted(folder).get("repository_url")
    return url if isinstance(url, str) else None


def _noted(folder: CredentialsFolder) -> dict[str, object]:
    content = folder.noted(names.CLOUD)
    try:
        known = json.loads(content or b"null")
    except ValueError as error:
        raise IdentityError(f"{folder.path}/{names.CLOUD} is damaged: {error}") from error
    return known if isinstance(known, dict) else {}
