"""One form of a document, so that its digest is a name."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.record.digest import canonical, parse

FINITE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8,
)  # fmt: skip


@given(document=FINITE)
@settings(max_examples=50)
def test_the_canonical_form_is_one_and_reads_back(document: Any) -> None:
    content = canonical(document)

    assert parse(content) == document
    assert canonical(parse(content)) == content
    assert b"\n" not in content


def test_no_form_of_what_json_cannot_hold() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"loss": float("nan")})
