"""The device's own certificate: whose it is, until when, and whether it can be renewed."""

import os
from collections.abc import Iterator
from datetime import datetime, timezone

from edge.doctor.finding import Finding, ok, warning, wrong
from edge.errors import IdentityError
from edge.identity.settings import IdentitySettings

_ANEW = "`wayside-cloud devices claim create`, and `wayside-edge enroll` into a new folder"


def identity(
    settings: IdentitySettings, device: str, now: datetime | None = None
) -> Iterator[Finding]:
    """How it is about the credentials that the agent renews, where it does.

    Args:
        settings: where they are.
        device: the id that the settings give.
        now: None: by the clock.
    """
    if settings.folder is None:
        return
    from edge.identity import x509
    from edge.identity.folder import CredentialsFolder

    try:
        certificate = x509.read(CredentialsFolder(settings.folder).current().certificate)
    except IdentityError as error:
        yield wrong("certificate", str(error), f"see identity.folder; else {_ANEW}")
        return
    now = now or datetime.now(timezone.utc)
    life = f"of {certificate.device}, {certificate.begin:%Y-%m-%d} to {certificate.end:%Y-%m-%d}"
    due = certificate.begin + (certificate.end - certificate.begin) * settings.renew_at
    if certificate.device != device:
        yield wrong("certificate", f"{life}, and the settings say device {device!r}",
                    "set device to what the certificate says, or enrol by a token for it",
                    )  # fmt: skip
    elif not certificate.begin <= now <= certificate.end:
        yield wrong("certificate", f"{life}, and the clock says {now:%Y-%m-%d %H:%M} UTC",
                    f"set the clock; where it is right, {_ANEW}")  # fmt: skip
    elif not os.access(settings.folder, os.W_OK):
        yield wrong("certificate", f"{life}; {settings.folder} is not writable",
                    "let the agent's user own it, or the certificate ends unrenewed")  # fmt: skip
    elif now > due + (certificate.end - certificate.begin) * settings.jitter:
        yield warning("certificate", f"{life}, and was not renewed since {due:%Y-%m-%d}",
                      "see what the agent's log says of it")  # fmt: skip
    else:
        yield ok("certificate", f"{life}, renewed from {due:%Y-%m-%d} on")
