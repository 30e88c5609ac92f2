"""Loopback or TLS, nothing between."""

import ssl
from pathlib import Path

import pytest
from pydantic import ValidationError

from wayside.mqtt.settings import MqttSettings
from wayside.net import TlsSettings, is_loopback, require_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True),
        ("[::1]", True), ("0.0.0.0", False), ("::", False), ("192.168.1.2", False),
        ("broker.example", False), ("localhost.example", False), ("", False),
    ],
)  # fmt: skip
def test_loopback_is_what_cannot_leave_the_machine(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_host_that_is_not_loopback_is_refused_with_a_remedy() -> None:
    assert require_loopback("::1", "the API", "use TLS") == "::1"
    with pytest.raises(ValueError, match=r"the API on '0\.0\.0\.0'.*use TLS"):
        require_loopback("0.0.0.0", "the API", "use TLS")


def test_plain_text_to_another_machine_is_refused() -> None:
    assert MqttSettings().tls is None
    with pytest.raises(ValidationError, match="add a `tls` section"):
        MqttSettings(host="broker.example")
    assert MqttSettings.model_validate({"host": "broker.example", "tls": {}}).tls is not None


def test_the_tls_context_checks_the_server() -> None:
    context = TlsSettings.model_validate({}).context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_files_that_are_no_certificates_are_errors(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    with pytest.raises(OSError, match="No such file"):
        TlsSettings(ca_file=file).context()
    file.write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        TlsSettings(ca_file=file).context()
    with pytest.raises(ssl.SSLError):
        TlsSettings(cert_file=file).context()


def test_the_password_is_the_first_line_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\nrest\n")
    settings = MqttSettings(password_file=file)
    assert settings.password() == "first"
    file.write_text("second")
    assert settings.password() == "second"
    assert MqttSettings().password() is None
