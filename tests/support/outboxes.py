"""Outboxes as tests open them."""

from collections.abc import Callable

from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings

QUICK = OutboxSettings(commit_linger_ms=0, retry_s=0.02)
"""Nothing waits for anything else."""

OpenOutbox = Callable[..., Outbox]
"""Takes settings and what connects, both with defaults."""
