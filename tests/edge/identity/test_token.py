"""A claim token as its user gives it."""

from pathlib import Path

import pytest

from edge.errors import IdentityError
from edge.identity.token import given_token

TOKEN = "claim_aaaaaaaaaaaa_" + "A" * 43


def test_it_is_the_first_line_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\nfor the gate\n")
    assert given_token(None, file) == TOKEN


def test_it_is_an_option_or_a_variable() -> None:
    assert given_token(f" {TOKEN}\n", None) == TOKEN


def test_it_is_typed() -> None:
    assert given_token(None, None, ask=lambda prompt: TOKEN) == TOKEN


def test_it_is_never_guessed_which_one_counts(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="given twice"):
        given_token(TOKEN, tmp_path / "token")


@pytest.mark.parametrize("content", [b"", b"\nclaim", b"two words", b"x" * 300, b"\xff\xfe"])
def test_what_is_none_is_told_and_never_quoted(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(IdentityError) as refused:
        given_token(None, file)
    assert "two words" not in str(refused.value)
    with pytest.raises(IdentityError, match="missing cannot be read: No such file"):
        given_token(None, tmp_path / "missing")
