"""What every command does first: read the settings, set up logging."""

from pathlib import Path
from typing import Annotated

import typer

from cloud import settings as cloud_settings
from cloud.settings import CloudSettings
from wayside import logging
from wayside.process import crash_on_thread_errors

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="settings file; default: one machine's")
]


def configured(config: Path | None) -> CloudSettings:
    """The settings of a file, with logging set up and a crash on errors of threads.

    Raises:
        SettingsError: the file or a variable is refused.
    """
    settings = cloud_settings.load(config)
    logging.configure(settings.log.level, settings.log.style)
    crash_on_thread_errors()
    return settings
