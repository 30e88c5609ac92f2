"""Logging: an event name and keys; a console for people, JSON for machines."""

import logging
import sys
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

Format = Literal["auto", "console", "json"]


class LogSettings(BaseModel):
    """What is logged and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Literal["debug", "info", "warning", "error"] = "info"
    style: Format = Field("auto", description="auto: console on a terminal, JSON elsewhere")


def configure(level: str = "info", style: Format = "auto") -> None:
    """Set up structlog and the standard library's logging, both to stderr.

    Args:
        level: debug, info, warning or error.
        style: auto picks the console where stderr is a terminal, JSON elsewhere. People get
            local time and no empty values, machines all there is, in UTC.
    """
    number: int = getattr(logging, level.upper())
    people = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[structlog.typing.Processor] = (
        [
            _without_empty,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
                sort_keys=False,
            ),
        ]
        if people
        else [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(default=str)]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))


def _without_empty(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Leave out what says nothing: empty texts and lists."""
    return {
        key: value
        for key, value in event.items()
        if not isinstance(value, str | list | tuple) or value
    }
