"""Paths in settings files are meant from the file's own folder."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


def from_file(path: Path, validation: ValidationInfo) -> Path:
    """The path, taken relative to the settings file that is being read."""
    base: Path | None = (validation.context or {}).get("base")
    path = path.expanduser()
    return path if base is None else base / path


SettingsPath = Annotated[Path, AfterValidator(from_file)]
"""A path that is taken relative to the settings file that names it."""
