"""What has to be done to a Pub/Sub project, against a model of one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.bus.plan import Change, Create, Plan, Resource, State, Stuck, Update, desired, plan
from cloud.bus.topology import (
    DEAD_LETTER,
    DELETED,
    EVENT_BATCH_SCHEMA,
    EVENTS,
    SUBSCRIPTIONS,
    TOPICS,
    Schema,
    Subscription,
    Topic,
)

WANTED = desired(takes_schemas=True)
INGEST = WANTED.subscriptions["ingest"]


def state(*resources: Resource) -> State:
    return State(
        {item.name: item for item in resources if isinstance(item, Schema)},
        {item.name: item for item in resources if isinstance(item, Topic)},
        {item.name: item for item in resources if isinstance(item, Subscription)},
    )


def with_one(changed: Resource) -> State:
    """As wanted, but for one resource."""
    others = [item for item in WANTED.resources() if (type(item), item.name) != _key(changed)]
    return state(*others, changed)


def _key(resource: Resource) -> tuple[type[Resource], str]:
    return type(resource), resource.name


def carried_out(found: Plan, actual: State) -> State:
    """A server that does what a plan says; what is referred to has to be there already."""
    resources = {_key(item): item for item in actual.resources()}
    for action in found.actions:
        wanted = action.wanted
        if isinstance(wanted, Topic) and wanted.schema:
            assert (Schema, wanted.schema) in resources
        if isinstance(wanted, Subscription):
            assert (Topic, wanted.topic) in resources
            assert wanted.dead_letter_topic is None or (Topic, DEAD_LETTER) in resources
        assert (_key(wanted) in resources) == isinstance(action, Update)
        resources[_key(wanted)] = wanted
    return state(*resources.values())


def test_all_is_made_on_an_empty_server_and_then_nothing_differs() -> None:
    found = plan(WANTED, State())
    assert len(found.actions) == len(WANTED.resources())
    assert all(isinstance(action, Create) for action in found.actions)
    assert found.differs
    assert plan(WANTED, WANTED) == Plan()
    assert not Plan().differs


def test_the_topology_is_the_designs() -> None:
    assert set(WANTED.topics) == set(TOPICS)
    assert set(WANTED.subscriptions) == {item.name for item in SUBSCRIPTIONS}
    assert WANTED.topics[EVENTS].schema == EVENT_BATCH_SCHEMA
    assert "message EventBatch {" in WANTED.schemas[EVENT_BATCH_SCHEMA].definition
    assert WANTED.topics[DEAD_LETTER].schema is None


def test_a_server_without_schemas_is_asked_for_none() -> None:
    without = desired(takes_schemas=False)
    assert not without.schemas
    assert {topic.schema for topic in without.topics.values()} == {None}


@pytest.mark.parametrize(
    ("actual", "changes"),
    [
        (replace(INGEST, ack_deadline_s=10), [Change("ack_deadline_s", 10, 60)]),
        (replace(INGEST, retention_s=600), [Change("retention_s", 600, 604_800)]),
        (replace(INGEST, expires_after_s=86_400), [Change("expires_after_s", 86_400, None)]),
        (
            replace(INGEST, dead_letter_topic=None, max_delivery_attempts=None),
            [
                Change("dead_letter_topic", None, DEAD_LETTER),
                Change("max_delivery_attempts", None, 100),
            ],
        ),
        (replace(INGEST, min_backoff_s=None), [Change("min_backoff_s", None, 1)]),
        (Topic(EVENTS), [Change("schema", None, EVENT_BATCH_SCHEMA)]),
        (Topic(EVENTS, DELETED), [Change("schema", DELETED, EVENT_BATCH_SCHEMA)]),
        (
            Schema(EVENT_BATCH_SCHEMA, "old"),
            [Change("definition", "old", WANTED.schemas[EVENT_BATCH_SCHEMA].definition)],
        ),
    ],
)
def test_what_differs_is_updated_field_by_field(actual: Resource, changes: list[Change]) -> None:
    found = plan(WANTED, with_one(actual))
    (wanted,) = [item for item in WANTED.resources() if _key(item) == _key(actual)]
    assert found == Plan(actions=(Update(wanted, tuple(changes)),))


@pytest.mark.parametrize(
    ("actual", "field"),
    [
        (replace(INGEST, topic="billing"), "topic"),
        (replace(INGEST, topic=DELETED, ack_deadline_s=10), "topic"),
        (replace(INGEST, ordered=True), "ordered"),
        (replace(INGEST, filter="attributes:x"), "filter"),
    ],
)
def test_what_can_never_change_is_told_and_not_touched(actual: Subscription, field: str) -> None:
    found = plan(WANTED, with_one(actual))
    assert found.actions == ()
    (stuck,) = found.stuck
    assert isinstance(stuck, Stuck)
    assert (stuck.wanted, stuck.changes[0].field) == (INGEST, field)
    assert found.differs


def test_strangers_are_named_and_left_alone() -> None:
    others = (Schema("s", "x"), Topic("billing"), Subscription("invoices", "billing"))
    found = plan(WANTED, state(*WANTED.resources(), *others))
    assert found.actions == ()
    assert not found.differs
    assert found.strangers == (
        ("schema", "s"), ("topic", "billing"), ("subscription", "invoices"),
    )  # fmt: skip


def subscriptions(names: st.SearchStrategy[str]) -> st.SearchStrategy[Subscription]:
    return st.builds(
        Subscription,
        name=names,
        topic=st.sampled_from([*TOPICS, "billing"]),
        ack_deadline_s=st.sampled_from([10, 60]),
        retention_s=st.sampled_from([600, 7 * 86_400]),
        expires_after_s=st.sampled_from([None, 86_400]),
        max_backoff_s=st.sampled_from([None, 10, 600]),
        filter=st.sampled_from(["", "attributes:x"]),
    )


ids = st.sampled_from
resources = st.one_of(
    st.builds(Schema, ids([EVENT_BATCH_SCHEMA, "other"]), st.text(max_size=3)),
    st.builds(Topic, ids([*TOPICS, "billing"]), st.sampled_from([None, EVENT_BATCH_SCHEMA])),
    subscriptions(ids([*(item.name for item in SUBSCRIPTIONS), "invoices"])),
)


@given(st.lists(resources), st.booleans())
def test_after_a_plan_only_what_is_stuck_differs(there: list[Resource], schemas: bool) -> None:
    actual, wanted = state(*there), desired(schemas)
    first = plan(wanted, actual)
    after = carried_out(first, actual)
    second = plan(wanted, after)
    assert second.actions == ()
    assert second.stuck == first.stuck
    assert second.strangers == first.strangers
    strangers = set(first.strangers)
    for item in actual.resources():
        if (type(item).__name__.lower(), item.name) in strangers:
            assert after.find(item) == item
