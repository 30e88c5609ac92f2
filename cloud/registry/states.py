"""The states of a model, and which may follow which. No I/O.

A model is a stranger's file until its own golden pictures came out right (VALIDATED), and runs on
no device until somebody with a family's key has signed for it (RELEASED). What is REVOKED stays so:
who wants it back registers another version, which is looked at again.
"""

import enum
from collections.abc import Mapping

from cloud.errors import RegistryError


class ModelState(enum.Enum):
    """How far a model came; the values are its names outside of Python."""

    CANDIDATE = "candidate"
    VALIDATED = "validated"
    RELEASED = "released"
    DEPRECATED = "deprecated"
    REVOKED = "revoked"


class Cause(enum.Enum):
    """What a state follows from, and how an error names who can bring it about."""

    VALIDATION = "`wayside-cloud models validate`"
    SIGNATURE = "a release of the signed repository"
    PERSON = "a person"


_V, _S, _P = Cause.VALIDATION, Cause.SIGNATURE, Cause.PERSON

TRANSITIONS: Mapping[tuple[ModelState, ModelState], frozenset[Cause]] = {
    (ModelState.CANDIDATE, ModelState.VALIDATED): frozenset({_V}),
    # Limits may have become narrower since, and what was not signed yet has to meet them.
    (ModelState.VALIDATED, ModelState.CANDIDATE): frozenset({_V}),
    (ModelState.VALIDATED, ModelState.RELEASED): frozenset({_S}),
    (ModelState.RELEASED, ModelState.DEPRECATED): frozenset({_P}),
    # The signature was never taken back, so a person may do this alone.
    (ModelState.DEPRECATED, ModelState.RELEASED): frozenset({_P}),
    **{
        (state, ModelState.REVOKED): frozenset({_P, _S})
        for state in ModelState
        if state is not ModelState.REVOKED
    },
}
"""Every change of state that there is, and what may cause it."""

NAMED_BY_ALIASES = frozenset({ModelState.VALIDATED, ModelState.RELEASED})
"""States of models that an alias may be set to."""


def check_transition(before: ModelState, after: ModelState, cause: Cause) -> None:
    """Return when this cause may bring a model from one state to another one.

    Raises:
        RegistryError: it may not; the message says what can be done.
    """
    causes = TRANSITIONS.get((before, after), frozenset())
    if cause in causes:
        return
    if before is ModelState.REVOKED:
        raise RegistryError("is revoked for good: register another version")
    if before is after:
        raise RegistryError(f"is {before.value} already")
    if not causes:
        ways = sorted(to.value for start, to in TRANSITIONS if start is before)
        raise RegistryError(
            f"is {before.value} and cannot become {after.value}; from there it can become "
            f"{' or '.join(ways)}"
        )
    able = " or ".join(sorted(one.value for one in causes))
    raise RegistryError(f"becomes {after.value} by {able} alone")
