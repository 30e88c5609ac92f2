"""What it takes to make a Pub/Sub project as the topology wants it. Pure.

    desired(...) x State read from the server -> plan(...) -> Plan -> admin.carry_out(...)

Nothing is ever deleted: what the topology does not know belongs to somebody else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from typing import TypeAlias

from cloud.bus.topology import (
    DELETED,
    EVENT_BATCH_SCHEMA,
    SUBSCRIPTIONS,
    TOPIC_SCHEMAS,
    TOPICS,
    Schema,
    Subscription,
    Topic,
)

Resource: TypeAlias = Schema | Topic | Subscription

_FIXED = {"topic", "ordered", "filter"}
"""Fields of a subscription that Pub/Sub never changes."""

_DEFINITIONS = {EVENT_BATCH_SCHEMA: "event_batch.proto"}


@dataclass(frozen=True, slots=True)
class State:
    """What there is, or should be, in a project; each by its id."""

    schemas: Mapping[str, Schema] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)

    def resources(self) -> tuple[Resource, ...]:
        """All of them, each after what it refers to."""
        return (*self.schemas.values(), *self.topics.values(), *self.subscriptions.values())

    def find(self, like: Resource) -> Resource | None:
        """The resource of the same kind and id."""
        if isinstance(like, Schema):
            return self.schemas.get(like.name)
        if isinstance(like, Topic):
            return self.topics.get(like.name)
        return self.subscriptions.get(like.name)


@dataclass(frozen=True, slots=True)
class Change:
    """A field that is not as it should be."""

    field: str
    actual: object
    wanted: object


@dataclass(frozen=True, slots=True)
class Create:
    """Make what is missing."""

    wanted: Resource


@dataclass(frozen=True, slots=True)
class Update:
    """Change some fields of what is there."""

    wanted: Resource
    changes: tuple[Change, ...]


Action: TypeAlias = Create | Update


@dataclass(frozen=True, slots=True)
class Stuck:
    """Something that differs in what Pub/Sub never changes: a person has to decide."""

    wanted: Resource
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order, what can't be done, and what is left alone.

    Attributes:
        actions: a schema comes before its topic, a topic before its subscriptions.
        stuck: what differs and can't be changed.
        strangers: kind and id of what the topology does not know.
    """

    actions: tuple[Action, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    strangers: tuple[tuple[str, str], ...] = ()

    @property
    def differs(self) -> bool:
        """True when something is not as it should be."""
        return bool(self.actions or self.stuck)


def kind(resource: Resource) -> str:
    """schema, topic or subscription."""
    return type(resource).__name__.lower()


def desired(takes_schemas: bool) -> State:
    """The topology as a state.

    Args:
        takes_schemas: the server has Protocol Buffers schemas; else the topics go without.
    """
    definitions = files("protos.v1")
    schemas = [
        Schema(name, (definitions / file).read_text("utf-8"))
        for name, file in _DEFINITIONS.items()
        if takes_schemas
    ]
    topics = [Topic(name, TOPIC_SCHEMAS.get(name) if takes_schemas else None) for name in TOPICS]
    return State(
        {schema.name: schema for schema in schemas},
        {topic.name: topic for topic in topics},
        {subscription.name: subscription for subscription in SUBSCRIPTIONS},
    )


def plan(wanted: State, actual: State) -> Plan:
    """What leads from the actual state to the wanted one."""
    actions: list[Action] = []
    stuck: list[Stuck] = []
    for resource in wanted.resources():
        found = actual.find(resource)
        if found is None:
            actions.append(Create(resource))
            continue
        changes = _differences(resource, found)
        # Who made it otherwise in what can't change meant something else by it: not one field of
        # it is touched.
        if any(_is_fixed(resource, change) for change in changes):
            stuck.append(Stuck(resource, changes))
        elif changes:
            actions.append(Update(resource, changes))
    return Plan(tuple(actions), tuple(stuck), tuple(_strangers(wanted, actual)))


def _differences(wanted: Resource, actual: Resource) -> tuple[Change, ...]:
    return tuple(
        Change(item.name, was, wants)
        for item in fields(wanted)
        if (was := getattr(actual, item.name)) != (wants := getattr(wanted, item.name))
    )


def _is_fixed(wanted: Resource, change: Change) -> bool:
    return isinstance(wanted, Subscription) and change.field in _FIXED


def _strangers(wanted: State, actual: State) -> Iterable[tuple[str, str]]:
    for resource in actual.resources():
        if wanted.find(resource) is None and resource.name != DELETED:
            yield kind(resource), resource.name
