"""Enrolment and renewal put together: names their adapters."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from edge.errors import IdentityError
from edge.identity.settings import IdentitySettings

if TYPE_CHECKING:
    from edge.identity.enrolling import Enrolled


@contextmanager
def renewing(
    settings: IdentitySettings,
    reconnect: Callable[[str], None],
    note_error: Callable[[str], None],
) -> Iterator[None]:
    """The device's credentials renewed in the background, where the settings name their folder.

    Args:
        settings: of the agent.
        reconnect: breaks the connection to the broker, for a new one with the new credentials.
        note_error: has the heartbeat repeat an error.
    """
    if settings.folder is None:
        yield
        return
    from edge.identity.enrolling import known_url
    from edge.identity.folder import SERVER_CA, CredentialsFolder
    from edge.identity.https import HttpsCloud
    from edge.identity.renewal import Renewal

    folder = CredentialsFolder(settings.folder)

    def cloud() -> HttpsCloud:
        server_ca = folder.path / SERVER_CA
        return HttpsCloud(known_url(folder), server_ca if server_ca.exists() else None)

    def renewed() -> None:
        # Its time is random already, so not all devices of a fleet reconnect at once.
        reconnect("the certificate was renewed")

    with Renewal(folder, cloud, settings, renewed, note_error):
        yield


def enrolled(
    url: str, token: str, serial: str | None, device: str | None, out: Path, ca_file: Path | None
) -> str:
    """Enrol this board; returns what its user is told.

    Args:
        url: of the API.
        token: the claim token.
        serial: of the board; None: as its firmware tells it.
        device: the id that it must become; None: whichever the token is for.
        out: folder for the credentials.
        ca_file: CA of the API's server; None: the system's.

    Raises:
        IdentityError: it is refused, or cannot be kept.
        CloudAwayError: the cloud does not answer; the same call goes on later.
    """
    from edge.identity.enrolling import Asked, enrol
    from edge.identity.folder import CredentialsFolder
    from edge.identity.https import HttpsCloud, checked_url
    from edge.identity.serial import board_serial

    cloud = HttpsCloud(url, ca_file)
    asked = Asked(
        token=token,
        serial=board_serial() if serial is None else serial,
        device=device,
        url=checked_url(url),
        server_ca=_content(ca_file),
    )
    done = enrol(asked, CredentialsFolder(out), cloud)
    return (
        f"enrolled as {done.certificate.device}, valid until {done.certificate.end:%Y-%m-%d}, in "
        f"{out}. In the agent's settings:\n{_settings(done, str(out.absolute()))}"
    )


def _settings(done: "Enrolled", folder: str) -> str:
    """What an agent's settings file says of its credentials, YAML."""
    host, port = done.broker or ("BROKER", 8883)
    names = {"ca_file": "ca.pem", "cert_file": "cert.pem", "key_file": "key.pem"}
    tls = {key: f"{folder}/{name}" for key, name in names.items()}
    sections = {
        "device": done.certificate.device,
        "identity": {"folder": folder},
        "mqtt": {"host": host, "port": port, "tls": tls},
    }
    text = yaml.safe_dump(sections, sort_keys=False).rstrip()
    if done.repository_url is None:
        return text
    # A comment: without the root, which no server can vouch for, the agent refuses the section.
    return (
        f"{text}\n# with the root of the signed models as it came with the software:\n"
        f"# ota: {{url: {json.dumps(done.repository_url)}, root_file: 1.root.json}}"
    )


def _content(file: Path | None) -> bytes | None:
    try:
        return None if file is None else file.read_bytes()
    except OSError as error:
        raise IdentityError(f"{file} cannot be read: {error.strerror}") from error
