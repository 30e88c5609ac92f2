"""One contract for Pub/Sub servers: schemas and updates of topics; see test_pubsub.py.

Google's emulator has no Protocol Buffers schemas; each test says where that ends.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import SchemaServiceClient, types

from cloud.bus.client import schema_client
from cloud.bus.plan import desired
from cloud.bus.settings import BusSettings
from tests.protos.samples import event_batch
from tests.support.pubsub_project import Project

(SCHEMA,) = desired(takes_schemas=True).schemas.values()
NEWER = SCHEMA.definition.replace(
    "repeated Event events", "string more = 10;\n  repeated Event events"
)


def as_proto(definition: str, name: str = "") -> types.Schema:
    return types.Schema(name=name, type_="PROTOCOL_BUFFER", definition=definition)


@pytest.fixture
def schemas(project: Project) -> Iterator[SchemaServiceClient]:
    client = schema_client(BusSettings(endpoint=f"127.0.0.1:{project.process.port}"))
    with closing(client.transport):
        yield client


@pytest.fixture
def schema(project: Project, schemas: SchemaServiceClient) -> str:
    """The full name of a schema of EventBatch."""
    if project.is_emulator:
        pytest.skip("Google's emulator has no Protocol Buffers schemas")
    made = schemas.create_schema(
        parent=project.project, schema_id="batch", schema=as_proto(SCHEMA.definition)
    )
    return str(made.name)


def guard(project: Project, schema: str) -> None:
    """Have the project's topic take what obeys the schema alone."""
    project.publisher.update_topic(
        topic={"name": project.topic, "schema_settings": {"schema": schema, "encoding": "BINARY"}},
        update_mask=FieldMask(paths=["schema_settings"]),
    )


def test_a_server_without_schemas_says_so(project: Project, schemas: SchemaServiceClient) -> None:
    request = {"parent": project.project, "schema": as_proto(SCHEMA.definition)}
    if project.is_emulator:
        with pytest.raises(exceptions.MethodNotImplemented):
            schemas.validate_schema(request)
        return
    schemas.validate_schema(request)


def test_a_schema_is_made_found_listed_and_deleted(
    project: Project, schemas: SchemaServiceClient, schema: str
) -> None:
    assert schema == f"{project.project}/schemas/batch"
    found = schemas.get_schema(name=schema)
    assert (found.definition, len(found.revision_id)) == (SCHEMA.definition, 8)
    assert schemas.get_schema(request={"name": schema, "view": "BASIC"}).definition == ""
    (listed,) = schemas.list_schemas(parent=project.project)
    assert (listed.name, listed.definition) == (schema, "")
    (full,) = schemas.list_schemas(request={"parent": project.project, "view": "FULL"})
    assert full == found
    with pytest.raises(exceptions.AlreadyExists):
        schemas.create_schema(
            parent=project.project, schema_id="batch", schema=as_proto(SCHEMA.definition)
        )
    schemas.delete_schema(name=schema)
    with pytest.raises(exceptions.NotFound):
        schemas.get_schema(name=schema)


def test_a_revision_replaces_the_definition(schemas: SchemaServiceClient, schema: str) -> None:
    before = schemas.get_schema(name=schema)
    schemas.commit_schema(name=schema, schema=as_proto(NEWER, schema))
    after = schemas.get_schema(name=schema)
    assert after.definition == NEWER
    assert after.revision_id != before.revision_id
    other = 'syntax = "proto3"; package wayside.v1; message Receipt {}'
    with pytest.raises(exceptions.InvalidArgument):
        schemas.commit_schema(name=schema, schema=as_proto(other, schema))


def test_a_guarded_topic_refuses_what_does_not_parse(project: Project, schema: str) -> None:
    project.subscribe()
    guard(project, schema)
    good = event_batch().SerializeToString()
    newer = good + b"\xfa\x07\x03new"
    project.publisher.publish(topic=project.topic, messages=[{"data": good}, {"data": newer}])
    for bad in (b"\xff\xff", good[:-1]):
        with pytest.raises(exceptions.InvalidArgument):
            project.publisher.publish(topic=project.topic, messages=[{"data": bad}])
    assert {item.message.data for item in project.pull(2)} == {good, newer}


def test_a_topic_whose_schema_was_deleted_takes_nothing(
    project: Project, schemas: SchemaServiceClient, schema: str
) -> None:
    guard(project, schema)
    schemas.delete_schema(name=schema)
    assert project.publisher.get_topic(topic=project.topic).schema_settings.schema == (
        "_deleted-schema_"
    )
    with pytest.raises(exceptions.InvalidArgument):
        project.publish("anything")
    project.publisher.update_topic(
        topic={"name": project.topic}, update_mask=FieldMask(paths=["schema_settings"])
    )
    project.publish("anything")


def test_a_message_can_be_tried(
    project: Project, schemas: SchemaServiceClient, schema: str
) -> None:
    good = event_batch().SerializeToString()
    for source in ({"name": schema}, {"schema": as_proto(SCHEMA.definition)}):
        request = {"parent": project.project, "encoding": "BINARY", **source}
        schemas.validate_message(request={**request, "message": good})
        with pytest.raises(exceptions.InvalidArgument):
            schemas.validate_message(request={**request, "message": b"\xff"})
        with pytest.raises(exceptions.MethodNotImplemented):
            schemas.validate_message(request={**request, "message": b"{}", "encoding": "JSON"})


def test_a_topic_wants_a_schema_that_is_there(project: Project) -> None:
    with pytest.raises(exceptions.NotFound):
        guard(project, f"{project.project}/schemas/nowhere")


@pytest.mark.parametrize("paths", [[], ["name"], ["schema_settings", "nonsense"]])
def test_a_mask_that_names_what_cannot_change_is_refused(
    project: Project, paths: list[str]
) -> None:
    project.subscribe()
    updates: list[Callable[[], Any]] = [
        lambda: project.publisher.update_topic(
            topic={"name": project.topic}, update_mask=FieldMask(paths=paths)
        ),
        lambda: project.subscriber.update_subscription(
            subscription={"name": project.subscription}, update_mask=FieldMask(paths=paths)
        ),
    ]
    for update in updates:
        with pytest.raises(exceptions.InvalidArgument):
            update()


@pytest.mark.parametrize("path", ["topic", "enable_message_ordering"])
def test_what_a_subscription_was_made_with_for_good_is_not_updated(
    project: Project, path: str
) -> None:
    project.subscribe()
    with pytest.raises(exceptions.InvalidArgument):
        project.subscriber.update_subscription(
            subscription={"name": project.subscription}, update_mask=FieldMask(paths=[path])
        )


def test_policies_are_set_replaced_and_cleared_by_mask(project: Project) -> None:
    morgue = project.topic_path("morgue")
    project.publisher.create_topic(name=morgue)
    project.subscribe()

    def update(paths: list[str], **fields: Any) -> Any:
        return project.subscriber.update_subscription(
            subscription={"name": project.subscription, **fields},
            update_mask=FieldMask(paths=paths),
        )

    both = ["retry_policy", "dead_letter_policy"]
    backoff = {"minimum_backoff": Duration(seconds=2), "maximum_backoff": Duration(seconds=20)}
    found = update(
        both, retry_policy=backoff,
        dead_letter_policy={"dead_letter_topic": morgue, "max_delivery_attempts": 9},
    )  # fmt: skip
    assert found.retry_policy.maximum_backoff.seconds == 20
    assert found.dead_letter_policy.max_delivery_attempts == 9
    assert found.ack_deadline_seconds == 10
    cleared = update(both)
    assert not cleared.retry_policy
    assert not cleared.dead_letter_policy


def test_a_field_within_a_policy_is_updated_alone(project: Project) -> None:
    backoff = {"minimum_backoff": Duration(seconds=2), "maximum_backoff": Duration(seconds=20)}
    project.subscribe(retry_policy=backoff)
    if project.is_emulator:
        return  # it takes whole fields only
    found = project.subscriber.update_subscription(
        subscription={
            "name": project.subscription,
            "retry_policy": {"maximum_backoff": Duration(seconds=30)},
        },
        update_mask=FieldMask(paths=["retry_policy.maximum_backoff"]),
    )
    policy = found.retry_policy
    assert (policy.minimum_backoff.seconds, policy.maximum_backoff.seconds) == (2, 30)
