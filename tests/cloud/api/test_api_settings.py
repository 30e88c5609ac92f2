"""Where the API may listen."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cloud.api.settings import ApiSettings

TLS = {"certificate_file": Path("/c.pem"), "key_file": Path("/k.pem")}


def settings(**given: Any) -> ApiSettings:
    return ApiSettings.model_validate(given)


def test_on_loopback_everybody_is_let_in_unless_said_otherwise() -> None:
    assert not settings().requires_key
    assert not settings(host="[::1]").requires_key
    assert settings(host="[::1]").host == "::1"
    assert settings(authentication="required").requires_key
    assert settings().scheme == "http"


def test_beyond_loopback_keys_are_required_and_tls_is_needed() -> None:
    found = settings(host="0.0.0.0", tls=TLS)
    assert found.requires_key
    assert found.scheme == "https"
    assert settings(host="api.example", tls=TLS, authentication="required").requires_key


@pytest.mark.parametrize(
    "given",
    [{}, {"authentication": "required"}, {"authentication": "none", "tls": TLS}, {"tls": None}],
)
def test_a_wider_bind_says_what_it_needs(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        settings(host="0.0.0.0", **given)
    [problem] = error.value.errors()
    assert problem["loc"] == ("host",)
    assert "set api.authentication to required, and api.tls to" in problem["msg"]


def test_a_mistake_in_tls_is_told_once() -> None:
    with pytest.raises(ValidationError) as error:
        settings(host="0.0.0.0", tls={"certificate_file": "/c.pem"})
    assert [problem["loc"] for problem in error.value.errors()] == [("tls", "key_file")]
