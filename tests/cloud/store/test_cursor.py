"""Cursors that somebody else made."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import QueryError
from cloud.store import cursor
from cloud.store.influxdb.journal import read_places
from cloud.store.port import EventQuery

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(json)
def test_a_position_comes_back(position: Any) -> None:
    query = EventQuery(camera="door")
    text = cursor.encode(query, position)

    assert cursor.decode(EventQuery(camera="door", cursor=text, limit=7)) == position


@given(st.text(min_size=1, max_size=40))
def test_any_other_text_is_a_query_error(text: str) -> None:
    with pytest.raises(QueryError, match="cursor"):
        cursor.decode(EventQuery(cursor=text))


@pytest.mark.parametrize("read", [cursor.captured_key, cursor.natural, read_places])
@given(position=json.filter(lambda value: value is not None))
def test_a_position_of_another_store_is_a_query_error_or_read(
    read: Callable[[object], object], position: Any
) -> None:
    found: object = "refused"
    with contextlib.suppress(QueryError):
        found = read(position)
    assert found is not None


def test_positions_in_captured_order_are_checked() -> None:
    good = [1, "cam-box/0000000000000001/state/5"]
    assert cursor.captured_key(good) is not None
    for bad in ([1, "cam-box"], [-1, good[1]], [2**63, good[1]], [1, f"{good[1]}{'0' * 19}"]):
        with pytest.raises(QueryError):
            cursor.captured_key(bad)
