"""The API over TLS, with a certificate made here."""

import http.client
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from cloud.api.settings import ApiTlsSettings
from cloud.app.http import answer
from cloud.app.ready import ReadyRoute
from cloud.errors import StartError
from cloud.fleet.api_key import Role
from tests.support.api_server import ApiServer, api_server
from tests.support.processes import free_port


def certificate(folder: Path, name: str = "api") -> ApiTlsSettings:
    """A self-made one for `127.0.0.1`."""
    made = ApiTlsSettings(certificate_file=folder / f"{name}.crt", key_file=folder / f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=api.example", "-addext",
         "subjectAltName=DNS:api.example,IP:127.0.0.1", "-out", str(made.certificate_file),
         "-keyout", str(made.key_file)],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


@pytest.fixture
def tls(tmp_path: Path) -> ApiTlsSettings:
    return certificate(tmp_path)


@pytest.fixture
def server(tmp_path: Path, tls: ApiTlsSettings) -> Iterator[ApiServer]:
    with api_server(tmp_path, tls=tls) as made:
        yield made


def port(server: ApiServer) -> int:
    found = server.client.base_url.port
    assert found is not None
    return found


def test_a_key_opens_over_tls(server: ApiServer) -> None:
    assert server.client.base_url.scheme == "https"
    assert server.ask("get", "/v1/events", server.key(Role.VIEWER)).status_code == 200
    assert server.ask("get", "/v1/events").status_code == 401


def test_who_does_not_trust_the_certificate_does_not_ask(server: ApiServer) -> None:
    with httpx.Client(trust_env=False) as stranger, pytest.raises(httpx.ConnectError):
        stranger.get(server.client.base_url)


def test_old_tls_and_plain_http_get_no_answer(server: ApiServer) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", port(server), timeout=5)
    plain.request("GET", "/healthz")
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.getresponse()
    plain.close()

    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    connection = http.client.HTTPSConnection("127.0.0.1", port(server), context=old, timeout=5)
    with pytest.raises(ssl.SSLError):
        connection.connect()
    connection.close()


def test_up_sees_whether_it_is_ready(server: ApiServer, tls: ApiTlsSettings) -> None:
    assert ReadyRoute("127.0.0.1", port(server), tls.certificate_file).is_ready()


def test_up_asks_by_an_address_that_is_not_in_the_certificate(
    server: ApiServer, tls: ApiTlsSettings
) -> None:
    assert ReadyRoute("localhost", port(server), tls.certificate_file).is_ready()


def test_up_believes_no_other_certificate(server: ApiServer, tmp_path: Path) -> None:
    route = ReadyRoute("127.0.0.1", port(server), certificate(tmp_path, "other").certificate_file)
    assert not route.is_ready()
    assert "certificate verify failed" in route.reason


def test_a_certificate_that_is_gone_is_a_reason(tmp_path: Path) -> None:
    route = ReadyRoute("127.0.0.1", free_port(), tmp_path / "gone.crt")
    assert not route.is_ready()
    assert "gone.crt cannot be read" in route.reason


@pytest.mark.parametrize("broken", ["certificate_file", "key_file"])
@pytest.mark.parametrize("how", ["gone", "odd"])
def test_a_certificate_that_cannot_be_used_is_told(
    tls: ApiTlsSettings, broken: str, how: str
) -> None:
    file: Path = getattr(tls, broken)
    file.unlink() if how == "gone" else file.write_text("no PEM")
    with pytest.raises(StartError, match="its certificate or key cannot be used"):
        answer(FastAPI(), "127.0.0.1", free_port(), "the API", threading.Event(), tls)
