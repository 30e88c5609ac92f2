"""A claim token as its user gives it: in a file, by the environment, typed without being shown.

On the command line it would stand in `ps` for everybody on the machine as long as the command
runs, and in the shell's history; that works too, and is said.
"""

import re
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path

from edge.errors import IdentityError

VARIABLE = "WAYSIDE_CLAIM_TOKEN"
_TOKEN = re.compile(r"[!-~]{1,200}")


def given_token(
    text: str | None, file: Path | None, ask: Callable[[str], str] | None = None
) -> str:
    """The token.

    Args:
        text: by option or variable; None: not given.
        file: whose first line it is, `-` for standard input; None: not given.
        ask: shows a prompt and returns what is typed; None: a terminal's, where there is one.

    Raises:
        IdentityError: it is not given, given twice, or cannot be read.
    """
    if text is not None and file is not None:
        raise IdentityError(f"the token is given twice: by --token-file and by {VARIABLE}/--token")
    if file is not None:
        text = _first_line(file)
    elif text is None:
        text = _typed(ask)
    text = text.strip()
    if not _TOKEN.fullmatch(text):
        raise IdentityError("the token is empty, or not what `devices claim create` printed")
    return text


def _first_line(file: Path) -> str:
    try:
        if str(file) == "-":
            return sys.stdin.readline(1000)
        with file.open(encoding="ascii") as opened:
            return opened.readline(1000)
    except OSError as error:
        raise IdentityError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise IdentityError(f"{file} holds no token") from error


def _typed(ask: Callable[[str], str] | None) -> str:
    if ask is None and not sys.stdin.isatty():
        raise IdentityError(f"no token: give it by --token-file FILE, or by {VARIABLE}")
    return (ask or getpass)("claim token (not shown): ")
