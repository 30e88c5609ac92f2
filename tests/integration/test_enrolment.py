"""From a claim token to the end: the real API over TLS, a real Mosquitto, one CA for both."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from structlog.testing import capture_logs

from cloud.api.settings import ApiTlsSettings
from cloud.enrolment.settings import EnrolmentSettings
from cloud.identity.authority import CertificateAuthority, utc_now
from cloud.identity.eviction import evict, reload_broker
from cloud.identity.identities import Role, identify
from edge import settings as edge_settings
from edge.app import sending
from edge.identity import x509
from edge.identity.folder import CredentialsFolder
from edge.identity.https import HttpsCloud
from edge.identity.renewal import Renewal
from edge.identity.settings import IdentitySettings
from edge.publish.clock import unanchored
from protos import codec, topics
from protos.v1.device_state_pb2 import DeviceState
from tests.support.api_server import api_server
from tests.support.enrolment import DEVICE, Desk, World, enrolment_desk
from tests.support.processes import wait_until
from tests.support.secure_broker import Party, SecureBroker
from tests.support.small_agent import small_agent

IDENTITY = identify(Role.DEVICE, DEVICE)
AGE = timedelta(days=270)
"""So old is the certificate when the agent starts; it lives for a year."""


@dataclass(frozen=True, slots=True)
class Site:
    """A cloud that devices reach over TLS only."""

    broker: SecureBroker
    desk: Desk
    url: str
    ca: Path

    def enroll(self, out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """`wayside-edge enroll` as a process of its own."""
        words = ["--url", self.url, "--ca-file", str(self.ca), "--out", str(out)]
        return subprocess.run(
            [sys.executable, "-m", "edge.cli", "enroll", *words, "--serial", "SN-1"],
            env={**os.environ, **environment}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    broker = SecureBroker(tmp_path)
    broker.issue("watcher", Role.SERVICE)
    broker.write_config()
    broker.authority.issue(identify(Role.SERVER, "api", ["127.0.0.1"]), tmp_path / "api")
    tls = ApiTlsSettings(
        certificate_file=tmp_path / "api/cert.pem", key_file=tmp_path / "api/key.pem"
    )
    world = World(utc_now() - AGE)
    authority = CertificateAuthority(broker.settings, world)
    told = EnrolmentSettings(broker_host="127.0.0.1", broker_port=broker.port)
    broker.process.start()
    try:
        with (
            enrolment_desk(tmp_path / "cloud", world, authority=authority, settings=told) as desk,
            api_server(tmp_path / "cloud", tls=tls, enrolment=desk.enrolment) as api,
        ):
            yield Site(broker, desk, str(api.client.base_url), broker.settings.folder / "ca.pem")
    finally:
        broker.process.stop()


@pytest.fixture
def watcher(site: Site) -> Iterator[Party]:
    """Hears what devices say of themselves."""
    own = site.broker.issue("watcher", Role.SERVICE)
    with Party(own, "watcher", (topics.STATE_FILTER,)) as party:
        wait_until(lambda: party.connections, "the watcher")
        yield party


def settings_of(printed: str, folder: Path) -> edge_settings.EdgeSettings:
    """Those of a small agent, with what `enroll` printed."""
    file = small_agent(folder)
    settings = yaml.safe_load(file.read_text())
    settings.update(yaml.safe_load(printed.partition("\n")[2]))
    settings["mqtt"].update(retry_initial_s=0.05, retry_max_s=0.2)
    file.write_text(yaml.safe_dump(settings))
    return edge_settings.load(file)


def births(watcher: Party, count: int) -> None:
    """Return when the device has said so often that it is there anew."""
    for _ in range(count):
        while True:
            message = watcher.heard.get(timeout=20)
            state = codec.decode(DeviceState, message.payload)
            if state.status == DeviceState.BIRTH:
                break


def revoke_one(site: Site, serial: int) -> None:
    """As if the certificate before the renewal had been found out to be stolen."""
    path = site.broker.settings.folder / "registry.db"
    with closing(sqlite3.connect(path)) as registry, registry:
        where = (f"{serial:040x}",)
        registry.execute("UPDATE certificates SET revoked_at = 1 WHERE serial = ?", where)
    site.broker.authority.refresh()
    reload_broker(site.broker.pid_file)


def reason_of_refusal(settings: edge_settings.EdgeSettings) -> str:
    with capture_logs() as logs, Party(settings.mqtt, DEVICE) as party:
        wait_until(lambda: any(log["event"] == "mqtt not connected" for log in logs), "a refusal")
        assert not party.connections
    return str(next(log["reason"] for log in logs if log["event"] == "mqtt not connected"))


def test_a_device_from_its_claim_to_its_revocation(
    site: Site, watcher: Party, tmp_path: Path
) -> None:
    out = tmp_path / "device/credentials"
    token = site.desk.token(DEVICE, "SN-1")
    done = site.enroll(out, WAYSIDE_CLAIM_TOKEN=token)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"enrolled as {DEVICE}, valid until ")
    assert token not in done.stdout + done.stderr
    [first] = site.desk.authority.entries_of(IDENTITY)
    site.desk.world.passes(seconds=AGE.total_seconds())

    settings = settings_of(done.stdout, tmp_path / "device")
    with sending(settings, DeviceState, unanchored):
        births(watcher, 2)  # with the first certificate, then with its successor
        first_now, second = site.desk.authority.entries_of(IDENTITY)
        assert (first_now, second.validity.end > first.validity.end) == (first, True)
        current = CredentialsFolder(out).current()
        assert x509.read(current.certificate).end == second.validity.end
        revoke_one(site, first.serial)
        evict(site.broker.authority, IDENTITY, "127.0.0.1", site.broker.port)
        births(watcher, 1)  # the old certificate would not be let in any more

        site.broker.authority.revoke(IDENTITY)
        reload_broker(site.broker.pid_file)
        evict(site.broker.authority, IDENTITY, "127.0.0.1", site.broker.port)
    assert "it was revoked" in reason_of_refusal(settings)
    assert renewal_error(site, out) == (
        f"certificate not renewed: {site.url} refuses: the certificate was revoked: claim the "
        "device anew"
    )
    told = [(action, outcome.partition(":")[0]) for _, action, _, outcome in site.desk.told()]
    assert told == [
        ("device.register", "done"), ("device.enrol", "done"), ("certificate.issue", "done"),
        ("certificate.issue", "done"), ("certificate.renew", "refused"),
    ]  # fmt: skip


def renewal_error(site: Site, out: Path) -> str:
    """Why the certificate of a folder is not renewed when it is time."""
    errors: list[str] = []
    site.desk.world.passes(days=300)
    renewal = Renewal(
        CredentialsFolder(out), lambda: HttpsCloud(site.url, site.ca),
        IdentitySettings(), lambda: None, errors.append, now=site.desk.world,
    )  # fmt: skip
    renewal.step()
    [error] = errors
    return error


def test_a_token_makes_one_device_of_many_boards_that_try_at_once(
    site: Site, tmp_path: Path
) -> None:
    token = site.desk.token(DEVICE, "SN-1")
    done: list[subprocess.CompletedProcess[str]] = []
    boards = [
        threading.Thread(
            target=lambda out=tmp_path / f"board-{number}": done.append(
                site.enroll(out, WAYSIDE_CLAIM_TOKEN=token)
            )
        )
        for number in range(3)
    ]
    for board in boards:
        board.start()
    for board in boards:
        board.join()
    assert sorted(one.returncode for one in done) == [0, 1, 1]
    refused = [one.stderr for one in done if one.returncode]
    assert all("the token was used before" in said for said in refused)
    assert all(len(said.splitlines()) == 1 for said in refused)
    assert len(site.desk.authority.entries_of(IDENTITY)) == 1
    holders = [number for number in range(3) if (tmp_path / f"board-{number}/cert.pem").exists()]
    assert len(holders) == 1
