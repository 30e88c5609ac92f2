"""Which minutes rollups answer, and which a round counts again."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.store.influxdb.rollups import (
    HOUR_NS,
    LONGEST_PAUSE_NS,
    MINUTE_NS,
    Mark,
    Span,
    State,
    at_most,
    chosen,
    clean,
    first_state,
    merged,
    planned,
    without,
)

M, H = MINUTE_NS, HOUR_NS
NOW_NS = 1000 * H
STATE = State(NOW_NS, {"w1": 5}, 10 * H, 20 * H, frozenset({1}))

spans = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 6)).map(lambda s: (s[0], s[0] + s[1])), max_size=8
)


def times(of: list[Span]) -> set[int]:
    return {at for since, until in of for at in range(since, until)}


@given(spans, spans, st.integers(1, 4))
def test_spans_are_sets_of_times(some: list[Span], holes: list[Span], number: int) -> None:
    assert times(merged(some)) == times(some)
    assert times(without(some, holes)) == times(some) - times(holes)
    few = at_most(number, some)
    assert len(few) <= number
    assert times(few) >= times(some)
    assert few == merged(few)
    if len(merged(some)) <= number:
        assert times(few) == times(some)


def test_the_narrowest_gaps_are_closed() -> None:
    assert at_most(2, [(0, 1), (2, 3), (9, 10), (12, 13)]) == [(0, 3), (9, 13)]


def test_a_state_is_what_its_text_says() -> None:
    assert State.of_text(NOW_NS, STATE.text()) == STATE


def test_an_epoch_begins_at_the_last_minute_that_is_over() -> None:
    state = first_state(NOW_NS + 29 * 10**9, {"w1": 7})
    assert (state.since_ns, state.until_ns) == (NOW_NS - M, NOW_NS - M)
    assert first_state(NOW_NS + 30 * 10**9, {}).until_ns == NOW_NS


def test_a_round_counts_what_was_touched_and_one_hour_back() -> None:
    later = 20 * H + 3 * M
    written = [(15 * H + 1, 15 * H + 2), (5 * H, 5 * H + 1), (25 * H, 25 * H + 1)]
    marks = [
        Mark(1, "", (11 * H, 12 * H), done=True),
        Mark(2, "a", (13 * H, 13 * H + 1), done=True),
        Mark(3, "", (14 * H, 15 * H)),
    ]
    plan = planned(STATE, later + 30 * 10**9, 8 * H + 1, ({"w1": 9}, written), marks)

    assert plan.spans == [(20 * H, later), (15 * H, 15 * H + M), (13 * H, 13 * H + M),
                          (9 * H, 10 * H)]  # fmt: skip
    after = plan.state
    assert (after.since_ns, after.until_ns, after.places) == (9 * H, later, {"w1": 9})
    assert after.marks == {1, 2}
    assert after.at_ns > STATE.at_ns
    assert plan.behind
    last = planned(after, NOW_NS, 8 * H + 1, ({}, []), marks)
    assert (last.state.since_ns, last.behind) == (8 * H, False)


def test_only_whole_minutes_that_nothing_touches_are_clean() -> None:
    asked = (9 * H, 19 * H + 1)
    assert clean(STATE, asked, [], [Mark(1, "", (0, 30 * H), done=True)]) == [(10 * H, 19 * H)]
    found = clean(STATE, asked, [(12 * H, 12 * H + 1)], [Mark(2, "a", (15 * H, 16 * H), done=True)])
    assert found == [(10 * H, 12 * H), (12 * H + M, 15 * H), (16 * H, 19 * H)]


def test_the_epoch_that_answers_most_is_chosen_of_those_that_live() -> None:
    def state(age_ns: int, since_h: int) -> State:
        return State(NOW_NS - age_ns, {}, since_h * H, 20 * H)

    asked = (0, 30 * H)
    assert chosen({}, asked, NOW_NS) is None
    assert chosen({"old": state(LONGEST_PAUSE_NS + 1, 1)}, asked, NOW_NS) is None
    assert chosen({"ahead": state(-LONGEST_PAUSE_NS - 1, 1)}, asked, NOW_NS) is None
    assert chosen({"a": state(0, 15), "b": state(10 * M // 10, 5)}, asked, NOW_NS) == "b"
    assert chosen({"a": state(0, 15), "ended": state(6 * M, 5)}, asked, NOW_NS) == "a"
    assert chosen({"a": state(9, 5), "b": state(0, 5)}, asked, NOW_NS) == "b"


def test_a_mark_holds_those_that_it_does_all_of() -> None:
    whole = Mark(2, "", (0, H))
    assert whole.holds(Mark(1, "a", (0, M)))
    assert not Mark(2, "a", (0, H)).holds(Mark(1, "", (0, M)))
    assert not whole.holds(Mark(1, "", (0, H + 1)))
