"""Where updates come from."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from edge.ota.settings import OtaSettings


def test_without_a_url_there_are_no_updates() -> None:
    assert OtaSettings().url is None


@pytest.mark.parametrize(
    "url", ["https://updates.example.com/wayside/", "http://127.0.0.1:8000", "http://[::1]:1/x"]
)
def test_https_anywhere_and_plain_text_at_home(url: str) -> None:
    assert OtaSettings(url=url, root_file=Path("root.json")).url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://updates.example.com", "plain text from 'updates.example.com'"),
        ("http://127.0.0.1.example.com", "plain text"),
        ("ftp://127.0.0.1/", "must be https"),
        ("file:///etc", "must be https"),
        ("updates.example.com", "must be https"),
        ("https://", "must be https"),
        ("https://ada:secret@example.com", "no user"),
        ("https://example.com/?a=b", "no query"),
        ("https://example.com:port", "is no URL"),
        ("https://[::1", "is no URL"),
    ],
)
def test_other_urls_are_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        OtaSettings(url=url, root_file=Path("root.json"))


def test_a_url_needs_a_root_and_a_root_a_url() -> None:
    for settings in ({"url": "https://example.com"}, {"root_file": Path("root.json")}):
        with pytest.raises(ValidationError, match="go together"):
            OtaSettings.model_validate(settings)
