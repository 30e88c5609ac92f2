"""Which code a model was registered from, as git tells it.

The folder may have been unpacked from a stranger's archive, settings of git and all, and those name
programs: git runs a monitor of files, hooks and filters by itself. None of the folder's own is run.
Reference: git-config(1).
"""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from models.record.record import Code

_TIMEOUT_S = 60

_QUIET = ("core.fsmonitor=false", "core.hooksPath=/dev/null")
_FILTER = re.compile(r"(?:local|worktree)\t(filter\..+\.(?:clean|process|required))", re.IGNORECASE)
_WITHOUT_CONTENT = ("--ignore-submodules=dirty",)
"""Git looks into a submodule by another git, which does not hear of our settings."""


def code_of(*folders: Path) -> Code | None:
    """The commit of the first folder that lies in a checkout; None where none does, or no git.

    It is dirty where files were changed, are new or are not tracked; of submodules, their commits
    count and not their files.
    """
    return next((code for folder in folders if (code := _code_of(folder))), None)


def _code_of(folder: Path) -> Code | None:
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    listed = _git(folder, "config", "--list", "--name-only", "--show-scope")
    if not commit or listed is None:
        return None
    without = [f"{name}={_none_of(name)}" for name in _FILTER.findall(listed)]
    changes = _git(folder, "status", "--porcelain", *_WITHOUT_CONTENT, settings=without)
    if changes is None:
        return None
    origin = _git(folder, "remote", "get-url", "origin")
    repository = without_password(origin) if origin else None
    return Code(commit=commit, is_dirty=bool(changes), repository=repository)


def _none_of(name: str) -> str:
    return "false" if name.lower().endswith(".required") else ""


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


def _git(folder: Path, *arguments: str, settings: Sequence[str] = ()) -> str | None:
    """What git answers; None where it fails."""
    given = [part for one in (*_QUIET, *settings) for part in ("-c", one)]
    environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *given, *arguments], env=environment,
            capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
