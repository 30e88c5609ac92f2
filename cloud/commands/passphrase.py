"""Passphrases of keys: typed, from a file, or from the environment; never an argument."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.errors import SigningKeyError

if TYPE_CHECKING:
    from cloud.repository.signing import Ask

VARIABLE = "WAYSIDE_PASSPHRASE"
_MAX_CHARS = 1024

PassphraseFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--passphrase-file",
        help=f"file whose first line is the passphrase, one for all keys or one a key, in their "
        f"order; default: ${VARIABLE}, else you are asked",
    ),
]


def asker(keys: Sequence[Path], passphrase_files: Sequence[Path] | None) -> "Ask":
    """What gives the passphrase of each of these keys when it is needed.

    Raises:
        SigningKeyError: there are neither one nor as many files as keys.
    """
    given = list(passphrase_files or ())
    if len(given) not in (0, 1, len(keys)):
        raise SigningKeyError(
            f"{len(given)} passphrase files for {len(keys)} keys: name one for all, or one a key"
        )
    by_key = dict(zip(keys, given * len(keys) if len(given) == 1 else given, strict=False))

    def ask(path: Path) -> bytes:
        return _passphrase(by_key.get(path), f"Passphrase of {path}", is_new=False)

    return ask


def new_passphrase(path: Path, passphrase_files: Sequence[Path] | None) -> bytes:
    """The passphrase for a key that is made now; typed twice where it is typed."""
    given = list(passphrase_files or ())
    if len(given) > 1:
        raise SigningKeyError("one key takes one passphrase file")
    return _passphrase(given[0] if given else None, f"Passphrase for {path}", is_new=True)


def _passphrase(path: Path | None, prompt: str, *, is_new: bool) -> bytes:
    if path is not None:
        try:
            with path.open(encoding="utf-8") as file:
                line = file.readline(_MAX_CHARS)
        except OSError as error:
            raise SigningKeyError(f"{path}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SigningKeyError(
                f"{path}: is no text, whose first line is a passphrase"
            ) from error
        return line.rstrip("\r\n").encode()
    found = os.environ.get(VARIABLE)
    if found is None:
        found = str(typer.prompt(prompt, hide_input=True, confirmation_prompt=is_new, err=True))
    return found.encode()
