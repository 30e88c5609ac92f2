"""The cloud's API as a device reaches it: bounded, and with an error that says what to do."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from cloud.api.settings import ApiTlsSettings
from cloud.enrolment.settings import EnrolmentSettings
from cloud.identity.authority import CertificateAuthority, utc_now
from cloud.identity.identities import Role, identify
from cloud.identity.settings import IdentitySettings
from edge.errors import CloudAwayError, IdentityError
from edge.identity import x509
from edge.identity.https import HttpsCloud, checked_url
from edge.identity.port import Nonce, RenewalRequest
from protos.enrolment import renewal_proof
from tests.support.api_server import api_server
from tests.support.enrolment import DEVICE, enrolment_desk
from tests.support.processes import free_port

GRANT = {"device": DEVICE, "certificate": "c", "ca": "a"}
TOLD = EnrolmentSettings(broker_host="mqtt.example.org")


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server of plain HTTP that gives every request these bytes, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.settimeout(5)
                        client.recv(65_536)
                        client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def http(status: str, body: object) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    return head.encode() + content


def error_of(answer: bytes) -> IdentityError:
    with answering(answer) as url, pytest.raises(IdentityError) as refused:
        HttpsCloud(url).enrol("t", "", "r")
    return refused.value


@contextlib.contextmanager
def tls_server(folder: Path, now: Callable[[], datetime], days: int) -> Iterator[str]:
    """A server that shows a certificate of a CA of its own, made at some time."""
    authority = CertificateAuthority.create(IdentitySettings(folder=folder / "ca"), now)
    authority.issue(identify(Role.SERVER, "api", ["127.0.0.1"]), folder / "api", days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "api/cert.pem", folder / "api/key.pem")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    client.settimeout(5)
                    with client, contextlib.suppress(ssl.SSLError, OSError):
                        context.wrap_socket(client, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_device_enrols_and_renews_over_tls(tmp_path: Path) -> None:
    with enrolment_desk(tmp_path / "cloud", settings=TOLD) as desk:
        desk.authority.issue(identify(Role.SERVER, "api", ["127.0.0.1"]), tmp_path / "api")
        tls = ApiTlsSettings(
            certificate_file=tmp_path / "api/cert.pem", key_file=tmp_path / "api/key.pem"
        )
        with api_server(tmp_path / "cloud", tls=tls, enrolment=desk.enrolment) as server:
            cloud = HttpsCloud(str(server.client.base_url), tmp_path / "cloud/ca/ca.pem")
            key = x509.new_key()
            grant = cloud.enrol(desk.token(), "", x509.signing_request(key))
            x509.check(key, grant.certificate, grant.ca)
            assert (grant.device, grant.broker) == (DEVICE, ("mqtt.example.org", 8883))
            request, nonce = x509.signing_request(x509.new_key()), cloud.nonce()
            assert nonce.now == desk.world()
            signature = x509.signature(key, renewal_proof(DEVICE, nonce.word, request))
            wanted = RenewalRequest(
                DEVICE, grant.certificate.decode(), nonce.word, request, signature
            )
            assert cloud.renew(wanted).certificate != grant.certificate
            with pytest.raises(IdentityError, match="refuses: the token is not valid") as refused:
                cloud.enrol("guess", "", request)
            assert not isinstance(refused.value, CloudAwayError)


def test_nobody_there_is_worth_another_try() -> None:
    with pytest.raises(CloudAwayError, match=r"is not reached: .*refused"):
        HttpsCloud(f"http://127.0.0.1:{free_port()}").nonce()
    with pytest.raises(CloudAwayError, match="is not reached"):
        HttpsCloud("https://nowhere.invalid").nonce()


@pytest.mark.parametrize(
    "cut", [b"", b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{", b"\x00\x01", b"HTTP/1.1"]
)
def test_an_answer_that_is_cut_off_is_worth_another_try(cut: bytes) -> None:
    assert isinstance(error_of(cut), CloudAwayError)


@pytest.mark.parametrize(
    "status", ["408 Request Timeout", "429 Too Many Requests", "500 Broken", "503 Away"]
)
def test_a_server_that_asks_for_patience_is_worth_another_try(status: str) -> None:
    error = error_of(http(status, {"detail": "try again\x1b[31m later"}))
    assert isinstance(error, CloudAwayError)
    assert str(error).endswith(": try again[31m later"), "nothing that a terminal obeys"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (http("403 Forbidden", {"detail": "the token was revoked"}), "refuses: the token was rev"),
        (http("403 Forbidden", {"detail": "x" * 9000}), "refuses: x{300}$"),
        (http("404 Not Found", b"<html>"), "refuses: HTTP 404"),
        (http("404 Not Found", ["detail"]), "refuses: HTTP 404"),
        (http("302 Found", b""), "refuses: HTTP 302"),
        (http("201 Created", b"<html>"), "does not answer as Wayside's API"),
        (http("201 Created", {**GRANT, "device": "../etc"}), "does not answer as Wayside's API"),
        (http("201 Created", {**GRANT, "ca": "x" * 40_000}), "does not answer as Wayside's API"),
        (http("201 Created", b" " * 70_000), "answers with more than 65536 bytes"),
    ],
)
def test_what_another_try_would_not_change_is_told(answer: bytes, says: str) -> None:
    error = error_of(answer)
    assert not isinstance(error, CloudAwayError)
    with pytest.raises(IdentityError, match=says):
        raise error


@pytest.mark.parametrize("time_s", [-1, 10**12, "soon"])
def test_a_time_that_is_none_is_told(time_s: object) -> None:
    answer = http("200 OK", {"nonce": "n", "time_s": time_s})
    with answering(answer) as url, pytest.raises(IdentityError, match="does not answer as"):
        HttpsCloud(url).nonce()


def test_an_older_server_tells_no_time() -> None:
    with answering(http("200 OK", {"nonce": "n"})) as url:
        assert HttpsCloud(url).nonce() == Nonce("n", None)


def test_a_redirect_is_not_followed() -> None:
    with answering(http("200 OK", {"nonce": "elsewhere"})) as other:
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n".encode()
        assert "HTTP 307" in str(error_of(moved))


def test_an_answer_says_more_to_newer_devices() -> None:
    with answering(http("201 Created", {**GRANT, "later": 1})) as url:
        assert HttpsCloud(url).enrol("t", "", "r").device == DEVICE


@pytest.mark.parametrize(
    ("made_days_ago", "life_days", "says"),
    [
        (-30, 300, r"is not valid yet by this device's clock, which says 1972-.*: set the clock"),
        (
            30,
            10,
            r"has expired by this device's clock, which says 1972-.*: set the clock, or renew",
        ),
    ],
)
def test_a_wrong_clock_is_told_as_such(
    tmp_path: Path, made_days_ago: int, life_days: int, says: str
) -> None:
    def then() -> datetime:
        return utc_now() - timedelta(days=made_days_ago)

    def shown() -> datetime:
        return datetime(1972, 1, 1, tzinfo=timezone.utc)

    with tls_server(tmp_path, then, life_days) as url:
        cloud = HttpsCloud(url, tmp_path / "ca/ca.pem", now=shown)
        with pytest.raises(CloudAwayError, match=says):
            cloud.enrol("t", "", "r")


def test_a_server_of_another_ca_is_told_as_such(tmp_path: Path) -> None:
    CertificateAuthority.create(IdentitySettings(folder=tmp_path / "other"))
    with tls_server(tmp_path, utc_now, 30) as url:
        for trusted in (None, tmp_path / "other/ca.pem"):
            with pytest.raises(IdentityError, match="is not who it should be: .*--ca-file") as told:
                HttpsCloud(url, trusted).nonce()
            assert not isinstance(told.value, CloudAwayError)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://cloud.example.org", "plain HTTP would show the token to the network"),
        ("ftp://cloud.example.org", "is not like https://"),
        ("cloud.example.org", "is not like https://"),
        ("https://", "is not like https://"),
        ("https://cloud/#part", "is not like https://"),
        ("https://cloud:99999", "is no URL"),
        ("https://[::1", "is no URL"),
    ],
)
def test_urls_that_lead_nowhere_are_told(url: str, says: str) -> None:
    with pytest.raises(IdentityError, match=says):
        checked_url(url)


@pytest.mark.parametrize("url", ["https://user:secret@cloud", "https://user:secret@[::1"])
def test_a_password_in_a_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(IdentityError, match="without an '@'") as refused:
        checked_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/", "http://localhost", "https://c:8443"])
def test_urls_that_lead_somewhere(url: str) -> None:
    assert checked_url(url) == url.rstrip("/")


def test_a_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(IdentityError, match=f"{name} cannot be used as the CA of https://c"):
            HttpsCloud("https://c", tmp_path / name)
