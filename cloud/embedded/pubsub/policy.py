"""What a subscription's configuration asks for."""

from dataclasses import dataclass
from typing import Any

NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """A subscription's rules.

    Attributes:
        ack_deadline_s: length of a lease where a consumer does not choose.
        ordered: messages of one ordering key go out one after the other.
        min_backoff_s: first wait before a redelivery; None: redeliver at once.
        max_backoff_s: longest wait before a redelivery.
        dead_letter_topic: where messages go that nobody settles; empty: nowhere.
        max_delivery_attempts: deliveries before that.
        retention_ns: a message that is older is dropped.
        ttl_ns: a subscription that nobody used for this long is deleted; None: never.
    """

    ack_deadline_s: int = 10
    ordered: bool = False
    min_backoff_s: float | None = None
    max_backoff_s: float = 0.0
    dead_letter_topic: str = ""
    max_delivery_attempts: int = 0
    retention_ns: int = 7 * 86_400 * NS
    ttl_ns: int | None = None

    def backoff_s(self, attempts: int) -> float:
        """Wait before the next delivery, after `attempts` of them: doubling, capped."""
        if self.min_backoff_s is None:
            return 0.0
        doublings = min(max(attempts - 1, 0), 32)
        return float(min(self.max_backoff_s, self.min_backoff_s * 2**doublings))

    def exhausted(self, attempts: int) -> bool:
        """True when the next place of a message is the dead-letter topic."""
        return bool(self.dead_letter_topic) and attempts >= self.max_delivery_attempts


def policy_of(config: Any) -> Policy:
    """The rules of a `google.pubsub.v1.Subscription` whose defaults are filled in."""
    retry = config.retry_policy if config.HasField("retry_policy") else None
    expiration = config.expiration_policy
    return Policy(
        ack_deadline_s=config.ack_deadline_seconds,
        ordered=config.enable_message_ordering,
        min_backoff_s=retry.minimum_backoff.ToNanoseconds() / NS if retry else None,
        max_backoff_s=retry.maximum_backoff.ToNanoseconds() / NS if retry else 0.0,
        dead_letter_topic=config.dead_letter_policy.dead_letter_topic,
        max_delivery_attempts=config.dead_letter_policy.max_delivery_attempts,
        retention_ns=config.message_retention_duration.ToNanoseconds(),
        ttl_ns=expiration.ttl.ToNanoseconds() if expiration.HasField("ttl") else None,
    )
