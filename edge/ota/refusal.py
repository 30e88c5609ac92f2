"""Refusals by the trust half of updates: a stable code, and a sentence that says what and why.

What the server, the network, the disk or the clock did wrong may be right the next time. What was
signed by who may sign it (a floor, a revocation, the digest of a record) will not.
"""

from edge.errors import OtaError
from edge.ota.states import Code

_FINAL = frozenset(
    {
        Code.BELOW_FLOOR,
        Code.REVOKED,
        Code.UNKNOWN_TARGET,
        Code.ORDER_MISMATCH,
        Code.AGENT_TOO_OLD,
    }
)


def refusal(code: Code, detail: str) -> OtaError:
    """The error of a code; it is passing unless a signature stands behind it."""
    return OtaError(code.value, detail, is_passing=code not in _FINAL)
