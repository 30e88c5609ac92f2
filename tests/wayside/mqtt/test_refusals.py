"""What OpenSSL says, in words; a real broker refuses in tests/integration/test_identity.py."""

import ssl

import pytest

from wayside.mqtt.refusals import certificate_refusal


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "revoked"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "expired"),
        ("SSL/TLS_ALERT_CERTIFICATE_EXPIRED", "expired"),
        ("TLSV1_ALERT_UNKNOWN_CA", "broker's CA"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "set mqtt.tls.cert_file"),
        ("SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "for clients"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "damaged"),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "does not say why"),
    ],
)
def test_alerts_about_our_certificate_are_told_in_words(reason: str, words: str) -> None:
    said = certificate_refusal(alert(reason))
    assert said.startswith("the broker refuses our certificate: ")
    assert words in said


@pytest.mark.parametrize(
    "error",
    [
        None,
        OSError("gone"),
        alert("CERTIFICATE_VERIFY_FAILED"),
        alert("TLSV1_ALERT_PROTOCOL_VERSION"),
        alert("TLSV1_ALERT_INTERNAL_ERROR"),
    ],
)
def test_anything_else_is_no_refusal(error: BaseException | None) -> None:
    assert certificate_refusal(error) == ""
