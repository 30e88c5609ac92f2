"""Which state of a model may follow which, and by what."""

import itertools

import pytest

from cloud.errors import RegistryError
from cloud.registry.states import TRANSITIONS, Cause, ModelState, check_transition

C, V, R, D, X = ModelState
ALLOWED = {
    (C, V, Cause.VALIDATION), (V, C, Cause.VALIDATION), (V, R, Cause.SIGNATURE),
    (R, D, Cause.PERSON), (D, R, Cause.PERSON),
    *itertools.product((C, V, R, D), [X], (Cause.PERSON, Cause.SIGNATURE)),
}  # fmt: skip


@pytest.mark.parametrize("before", ModelState)
@pytest.mark.parametrize("after", ModelState)
@pytest.mark.parametrize("cause", Cause)
def test_every_change_is_allowed_or_told_why_not(
    before: ModelState, after: ModelState, cause: Cause
) -> None:
    if (before, after, cause) in ALLOWED:
        check_transition(before, after, cause)
        return
    with pytest.raises(RegistryError) as error:
        check_transition(before, after, cause)
    told = str(error.value)
    assert told.startswith(("is ", "becomes "))
    if before is X:
        assert "register another version" in told


def test_a_person_alone_brings_no_candidate_to_a_device() -> None:
    """Along every way, however long, on which nobody validates or nobody signs."""
    for missing in (Cause.VALIDATION, Cause.SIGNATURE):
        reached = {C}
        for _ in ModelState:
            reached |= {
                after for (before, after), causes in TRANSITIONS.items()
                if before in reached and causes - {missing}
            }  # fmt: skip
        assert R not in reached


def test_what_is_wrong_says_the_way() -> None:
    with pytest.raises(RegistryError, match="from there it can become revoked or validated"):
        check_transition(C, R, Cause.SIGNATURE)
    with pytest.raises(RegistryError, match="by a release of the signed repository alone"):
        check_transition(V, R, Cause.PERSON)
