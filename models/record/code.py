"""Which code a model was registered from, as git tells it."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from models.record.record import Code

_TIMEOUT_S = 60


def code_of(folder: Path) -> Code | None:
    """The commit of the checkout that a folder lies in; None where there is none, or no git."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changes = _git(folder, "status", "--porcelain")
    if not commit or changes is None:
        return None
    origin = _git(folder, "remote", "get-url", "origin")
    repository = without_password(origin) if origin else None
    return Code(commit=commit, is_dirty=bool(changes), repository=repository)


def without_password(url: str) -> str | None:
    """The address of a repository without who may read it; None where it is no plain line."""
    if "://" in url:
        try:
            parts = urlsplit(url)
            # A user alone is no secret over SSH, but over HTTPS it may be a token.
            host = parts.netloc.rpartition("@")[2]
        except ValueError:
            return None
        url = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return url if url.isprintable() and 0 < len(url) <= 500 else None


def _git(folder: Path, *arguments: str) -> str | None:
    """What git answers; None where it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
