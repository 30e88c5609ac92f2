"""Where Pub/Sub may be, and who we are to it."""

import pytest
from pydantic import ValidationError

from cloud.bus.client import EMULATOR_VARIABLE, publisher_client, subscriber_client
from cloud.bus.settings import BusSettings
from cloud.errors import BusError


@pytest.mark.parametrize("endpoint", ["10.0.0.1:8085", "pubsub.example.org:443", "0.0.0.0:8085"])
def test_plain_text_stays_on_this_machine(endpoint: str) -> None:
    with pytest.raises(ValidationError, match="plain-text Pub/Sub"):
        BusSettings(endpoint=endpoint)


@pytest.mark.parametrize("endpoint", ["localhost", "127.0.0.1:", "127.0.0.1:99999", "[::1]"])
def test_an_endpoint_is_host_and_port(endpoint: str) -> None:
    with pytest.raises(ValidationError, match="is not host:port"):
        BusSettings(endpoint=endpoint)


@pytest.mark.parametrize("endpoint", ["localhost:8085", "[::1]:8085", None])
def test_loopback_and_google_are_allowed(endpoint: str | None) -> None:
    assert BusSettings(endpoint=endpoint).endpoint == endpoint


def test_google_without_credentials_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    settings = BusSettings(endpoint=None)
    with pytest.raises(BusError, match="gcloud auth application-default login"):
        publisher_client(settings)
    with pytest.raises(BusError, match="gcloud auth application-default login"):
        subscriber_client(settings)


def test_a_variable_does_not_redirect_us_in_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EMULATOR_VARIABLE, "pubsub.example.org:80")
    with pytest.raises(BusError, match="unset it"):
        publisher_client(BusSettings(endpoint=None))
