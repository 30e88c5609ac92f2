"""Secrets that a settings file names instead of holding them.

    source: rtsp://viewer:${CAMERA_PASSWORD}@192.0.2.7/live    a variable of the environment
    source: rtsp://viewer:${file:camera-password}@192.0.2.7/   the first line of a file

A file's path is meant from the settings file's own folder, or from `$CREDENTIALS_DIRECTORY` where
it is there and holds it (systemd.exec(5), "LoadCredential="). `$${` stands for `${` itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wayside.errors import Problem, SettingsError
from wayside.places import Location

MAX_SECRET_BYTES = 64 * 1024
"""A file that is larger holds no secret."""

_REFERENCE = re.compile(r"\$(\$\{)|\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE = "file:"
_SHORTEST_SECRET = 3
"""Anything shorter could not be hidden in a text without making it unreadable."""


class References:
    """What stands for `${...}`.

    Args:
        environ: the environment.
        base: folder from which paths are meant; None: files cannot be named.
    """

    def __init__(self, environ: Mapping[str, str], base: Path | None) -> None:
        self._environ = environ
        self._base = base

    def resolve(self, document: Any) -> tuple[Any, "Named"]:
        """The document with the values in it, and what was named.

        Raises:
            UnknownReferenceError: something is named that is not there.
        """
        named = Named()
        return self._resolved(document, (), named), named

    def _resolved(self, value: Any, place: Location, named: "Named") -> Any:
        if isinstance(value, dict):
            return {key: self._resolved(one, (*place, key), named) for key, one in value.items()}
        if isinstance(value, list):
            return [self._resolved(one, (*place, at), named) for at, one in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        named.texts[place] = value
        return _REFERENCE.sub(lambda match: named.note(match[0], self._value(match, place)), value)

    def _value(self, match: re.Match[str], place: Location) -> str:
        if match[1]:
            return match[1]
        named = match[2]
        if named.startswith(_FILE):
            return self._of_file(named.removeprefix(_FILE), place)
        if not _NAME.fullmatch(named):
            raise UnknownReferenceError(
                place,
                f"${{{named}}} names neither a variable, as ${{CAMERA_PASSWORD}}, nor a file, as "
                "${file:camera-password}; a text that holds such a thing writes $${",
            )
        if named not in self._environ:
            raise UnknownReferenceError(
                place, f"${{{named}}}: the environment has no variable {named}"
            )
        return self._environ[named]

    def _of_file(self, named: str, place: Location) -> str:
        path = self._path(named, place)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_SECRET_BYTES + 1)
            text = content.decode()
        except OSError as error:
            told = f"${{{_FILE}{named}}}: {path} cannot be read: {error.strerror}"
            raise UnknownReferenceError(place, told) from error
        except UnicodeDecodeError as error:
            told = f"${{{_FILE}{named}}}: {path} is not UTF-8 text"
            raise UnknownReferenceError(place, told) from error
        first, *_ = text.splitlines() or [""]
        if not first or len(content) > MAX_SECRET_BYTES:
            what = "is too large for a secret" if first else "has an empty first line"
            raise UnknownReferenceError(place, f"${{{_FILE}{named}}}: {path} {what}")
        return first

    def _path(self, named: str, place: Location) -> Path:
        if self._base is None or not named or "\0" in named:
            raise UnknownReferenceError(place, f"${{{_FILE}{named}}} names no file")
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        if folder and (Path(folder) / named).is_file():
            return Path(folder) / named
        try:
            return self._base / Path(named).expanduser()
        except RuntimeError as error:
            told = f"${{{_FILE}{named}}} is in the home of nobody; write the whole path"
            raise UnknownReferenceError(place, told) from error


@dataclass(frozen=True, slots=True)
class Named:
    """What a document names.

    Attributes:
        texts: as they stand in it, by their place: what may be shown.
        secrets: what stands for each value, and for how Python writes it: `${NAME}`.
    """

    texts: dict[Location, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    def note(self, reference: str, value: str) -> str:
        """The value, which is known from now on."""
        if len(value) >= _SHORTEST_SECRET:
            self.secrets.update(dict.fromkeys((value, repr(value)[1:-1]), reference))
        return value

    def hidden(self, text: str) -> str:
        """A text without the values, the longest first."""
        for value in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(value, self.secrets[value])
        return text


class UnknownReferenceError(Exception):
    """A reference that leads nowhere.

    Attributes:
        location: where it stands.
        message: what is wrong; holds no secret.
    """

    def __init__(self, location: Location, message: str) -> None:
        self.location = location
        self.message = message
        super().__init__(message)

    def told(self, file: str, lines: Mapping[Location, int], key: str) -> SettingsError:
        """The same for the user, with its line."""
        return SettingsError([Problem(file, lines.get(self.location, 0), key, self.message)])
