"""What both ends of an enrolment agree on."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos.enrolment import NONCE_PATTERN, SERIAL_PATTERN, renewal_proof
from protos.ids import ID_PATTERN

PARTS = st.tuples(
    st.from_regex(ID_PATTERN, fullmatch=True),
    st.from_regex(NONCE_PATTERN, fullmatch=True),
    st.text(),
)


@given(PARTS, PARTS)
def test_no_two_renewals_have_one_proof(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (renewal_proof(*one) == renewal_proof(*other)) == (one == other)


def test_a_proof_is_for_renewals_alone() -> None:
    assert renewal_proof("gate-1", "n", "r") == b"wayside certificate renewal 1\ngate-1\nn\nr"


@pytest.mark.parametrize("serial", ["1424223012345", "100000008d5f9c2b", "To:be-filled/by.OEM+1"])
def test_boards_have_such_serial_numbers(serial: str) -> None:
    assert re.fullmatch(SERIAL_PATTERN, serial)


@pytest.mark.parametrize("serial", ["", " 1", "two words", "-1", "1\n", "é", "9" * 65])
def test_these_are_none(serial: str) -> None:
    assert not re.fullmatch(SERIAL_PATTERN, serial)
