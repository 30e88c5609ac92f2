"""Updates by field mask, as Google's documentation of UpdateTopic and UpdateSubscription says."""

from collections.abc import Callable
from typing import Any

from cloud.embedded.pubsub.errors import invalid

TOPIC_FIELDS = frozenset({"labels", "message_retention_duration", "schema_settings"})
SUBSCRIPTION_FIELDS = frozenset(
    {
        "ack_deadline_seconds", "dead_letter_policy", "enable_exactly_once_delivery",
        "expiration_policy", "labels", "message_retention_duration", "push_config",
        "retain_acked_messages", "retry_policy",
    }
)  # fmt: skip
"""Fields that may change; what this server has not is refused when the result is checked."""


def edit_by_mask(
    mask: Any, source: Any, updatable: frozenset[str], check: Callable[[Any], None]
) -> Callable[[Any], None]:
    """An edit that replaces in a configuration what the mask names, then checks the result.

    Args:
        mask: names top-level fields, or fields within them (`retry_policy.minimum_backoff`).
        source: has the new values; what is not set there is cleared.
        updatable: top-level fields that may change.
        check: may raise StatusError.

    Raises:
        StatusError: INVALID_ARGUMENT, the mask is empty or names what does not exist or can't
            change.
    """
    paths = set(mask.paths)
    if not paths:
        raise invalid("The update_mask in the request must be set, and must contain at least one "
                      "valid path.")  # fmt: skip
    refused = sorted(path for path in paths if path.partition(".")[0] not in updatable)
    if refused or not mask.IsValidForDescriptor(source.DESCRIPTOR):
        raise invalid(f"update_mask: {refused or sorted(paths)} cannot be updated; allowed: "
                      f"{sorted(updatable)}")  # fmt: skip

    def edit(config: Any) -> None:
        mask.MergeMessage(source, config, replace_message_field=True, replace_repeated_field=True)
        check(config)

    return edit
