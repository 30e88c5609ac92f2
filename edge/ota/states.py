"""The states of an update, which may follow which, and the codes of what can go wrong.

    PENDING -> OFFERED -> ACCEPTED -> DOWNLOADING -> VERIFYING -> STAGED -> ACTIVATING -> PROBATION
                  \\______ DEFERRED ______/ (waits, and goes on where it was)              |
                                                                                      COMMITTED
An order for what serves already is COMMITTED at once. Numbers are those of `UpdateReport.State`. A
state with no successor here is an end; whatever is not yet active may also be cancelled,
superseded, refused, fail or take too long.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum


class State(IntEnum):
    """How far an update is; see protos/v1/update_report.proto."""

    PENDING = 1
    OFFERED = 2
    ACCEPTED = 3
    DEFERRED = 4
    DOWNLOADING = 5
    VERIFYING = 6
    STAGED = 7
    ACTIVATING = 8
    PROBATION = 9
    COMMITTED = 10
    REJECTED = 11
    FAILED_NO_CHANGE = 12
    ROLLED_BACK = 13
    FAILED_UNABLE_TO_ROLL_BACK = 14
    TIMED_OUT = 15
    CANCELLED = 16
    SUPERSEDED = 17


class Code(str, Enum):
    """What went wrong, kebab-case and stable: fleet managers filter by it."""

    BAD_SIGNATURE = "bad-signature"
    WRONG_KEY = "wrong-key"
    EXPIRED = "expired"
    ROLLED_BACK = "rolled-back"
    MIXED = "mixed"
    ENDLESS = "endless"
    TRUNCATED = "truncated"
    TAMPERED = "tampered"
    BELOW_FLOOR = "below-floor"
    REVOKED = "revoked"
    UNKNOWN_TARGET = "unknown-target"
    ORDER_MISMATCH = "order-mismatch"
    AGENT_TOO_OLD = "agent-too-old"
    CLOCK = "clock"
    UNREACHABLE = "unreachable"
    NO_SPACE = "no-space"
    READ_ONLY = "read-only"
    SELF_TEST = "self-test"
    INCOMPATIBLE = "incompatible"
    ENGINE = "engine"
    PROBATION_DETECTIONS = "probation-detections"
    PROBATION_LATENCY = "probation-latency"
    PROBATION_ERRORS = "probation-errors"
    TOO_MANY_TRANSITIONS = "too-many-transitions"
    NOT_READABLE = "not-readable"

    def __str__(self) -> str:
        return self.value


ENDS = frozenset(
    {
        State.COMMITTED, State.REJECTED, State.FAILED_NO_CHANGE, State.ROLLED_BACK,
        State.FAILED_UNABLE_TO_ROLL_BACK, State.TIMED_OUT, State.CANCELLED, State.SUPERSEDED,
    }
)  # fmt: skip
"""Nothing more becomes of an order here, but that what was committed may be taken back."""

UNCHANGED = frozenset(
    {
        State.PENDING, State.OFFERED, State.ACCEPTED, State.DEFERRED, State.DOWNLOADING,
        State.VERIFYING, State.STAGED,
    }
)  # fmt: skip
"""The incumbent serves and nothing has touched it, so all may be dropped."""

REFUSALS = frozenset(
    {
        Code.BAD_SIGNATURE, Code.WRONG_KEY, Code.EXPIRED, Code.ROLLED_BACK, Code.MIXED,
        Code.ENDLESS, Code.TRUNCATED, Code.TAMPERED, Code.BELOW_FLOOR, Code.REVOKED,
        Code.UNKNOWN_TARGET, Code.ORDER_MISMATCH, Code.AGENT_TOO_OLD, Code.SELF_TEST,
        Code.INCOMPATIBLE, Code.ENGINE,
    }
)  # fmt: skip
"""Of what was sent: it ends REJECTED. Other codes are of this device: FAILED_NO_CHANGE."""

_DROPPED = frozenset(
    {
        State.REJECTED, State.FAILED_NO_CHANGE, State.TIMED_OUT, State.CANCELLED, State.SUPERSEDED,
    }
)  # fmt: skip
_TAKEN_BACK = frozenset(
    {
        State.ROLLED_BACK, State.FAILED_UNABLE_TO_ROLL_BACK, State.TIMED_OUT, State.SUPERSEDED,
    }
)  # fmt: skip

FOLLOWS: Mapping[State, frozenset[State]] = {
    State.PENDING: _DROPPED | {State.OFFERED, State.DEFERRED, State.COMMITTED},
    State.OFFERED: _DROPPED | {State.ACCEPTED, State.DEFERRED},
    State.ACCEPTED: _DROPPED | {State.DOWNLOADING, State.DEFERRED},
    State.DEFERRED: _DROPPED
    | {
        State.OFFERED, State.ACCEPTED, State.DOWNLOADING, State.VERIFYING, State.STAGED,
        State.ACTIVATING, State.DEFERRED, State.COMMITTED,
    },
    State.DOWNLOADING: _DROPPED | {State.VERIFYING, State.DEFERRED},
    State.VERIFYING: _DROPPED | {State.STAGED, State.DEFERRED},
    State.STAGED: _DROPPED | {State.ACTIVATING, State.DEFERRED},
    State.ACTIVATING: _TAKEN_BACK | {State.PROBATION, State.FAILED_NO_CHANGE},
    State.PROBATION: _TAKEN_BACK | {State.ACTIVATING, State.COMMITTED},
    State.COMMITTED: frozenset({State.ROLLED_BACK, State.FAILED_UNABLE_TO_ROLL_BACK}),
}  # fmt: skip
"""Which state may follow which; after one that is not here, none."""
