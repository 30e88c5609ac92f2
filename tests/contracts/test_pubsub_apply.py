"""The topology on the embedded server and on Google's emulator: read, planned, carried out."""

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from google.cloud.pubsub_v1 import SubscriberClient

from cloud.bus.admin import Admin
from cloud.bus.apply import ensure
from cloud.bus.client import publisher_client, subscriber_client
from cloud.bus.plan import Create, Plan, State, Update, desired, plan
from cloud.bus.settings import BusSettings
from cloud.bus.topology import EVENTS, STATE, Schema, Subscription, Topic
from cloud.errors import BusError, BusRefusedError
from tests.support.processes import ServerProcess


@pytest.fixture
def settings(pubsub_process: ServerProcess) -> BusSettings:
    project = f"test-{uuid.uuid4().hex[:12]}"
    return BusSettings(project=project, endpoint=f"127.0.0.1:{pubsub_process.port}")


@pytest.fixture
def admin(settings: BusSettings) -> Iterator[Admin]:
    with Admin(settings) as opened:
        yield opened


@pytest.fixture
def subscriber(settings: BusSettings) -> Iterator[SubscriberClient]:
    with closing(subscriber_client(settings)) as client:
        yield client


def planned(admin: Admin) -> Plan:
    return plan(desired(admin.takes_schemas()), admin.state())


def apply(admin: Admin) -> Plan:
    """Carry out what a plan says; returns the plan of afterwards."""
    for action in planned(admin).actions:
        admin.carry_out(action)
    return planned(admin)


def test_an_empty_server_gets_everything_and_then_nothing_differs(
    admin: Admin, pubsub_process: ServerProcess
) -> None:
    is_emulator = pubsub_process.command[0] == "java"
    assert admin.state() == State()
    assert admin.takes_schemas() is not is_emulator
    assert apply(admin) == Plan()
    assert admin.state() == desired(not is_emulator)


def test_what_a_start_has_made_lacks_its_schema_alone(admin: Admin, settings: BusSettings) -> None:
    ensure(settings)
    changed = {action.wanted.name for action in planned(admin).actions}
    assert changed == ({"wayside-event-batch", EVENTS} if admin.takes_schemas() else set())
    assert apply(admin) == Plan()
    assert ensure(settings) == ()


def test_a_half_made_project_is_completed_and_strangers_stay(
    admin: Admin, settings: BusSettings, subscriber: SubscriberClient
) -> None:
    for made in (
        Topic(EVENTS), Topic(STATE), Topic("billing"), Subscription("invoices", "billing"),
        Subscription("ingest", EVENTS, ack_deadline_s=10, min_backoff_s=None, max_backoff_s=None),
        Subscription("fleet-state", "billing"),
    ):  # fmt: skip
        admin.carry_out(Create(made))
    before = admin.state()
    found = planned(admin)
    (ingest,) = [action for action in found.actions if action.wanted.name == "ingest"]
    assert isinstance(ingest, Update)
    assert {change.field for change in ingest.changes} == {
        "ack_deadline_s", "dead_letter_topic", "max_delivery_attempts", "min_backoff_s",
        "max_backoff_s",
    }  # fmt: skip
    after = apply(admin)
    assert after.actions == ()
    assert [stuck.wanted.name for stuck in after.stuck] == ["fleet-state"]
    assert after.strangers == (("topic", "billing"), ("subscription", "invoices"))
    for name in ("invoices", "fleet-state"):
        assert admin.state().subscriptions[name] == before.subscriptions[name]


def test_a_definition_of_an_older_program_gets_a_revision(admin: Admin) -> None:
    if not admin.takes_schemas():
        pytest.skip("Google's emulator has no Protocol Buffers schemas")
    (schema,) = desired(takes_schemas=True).schemas.values()
    older = Schema(schema.name, schema.definition.replace("uint32 anchor_id = 9;", ""))
    admin.carry_out(Create(older))
    assert admin.state().schemas[schema.name] == older
    assert apply(admin) == Plan()


def test_what_somebody_else_has_made_meanwhile_is_fine(admin: Admin) -> None:
    admin.carry_out(Create(Topic("both")))
    once = admin.state()
    admin.carry_out(Create(Topic("both")))
    assert "both" in once.topics
    assert admin.state() == once


def test_what_a_server_refuses_is_told(admin: Admin, settings: BusSettings) -> None:
    with pytest.raises(BusError, match="subscription sub: "):
        admin.carry_out(Create(Subscription("sub", "nowhere")))
    with pytest.raises(BusRefusedError, match="Pub/Sub refuses topic x"):
        admin.carry_out(Create(Topic("x")))


def test_a_subscription_whose_topic_was_deleted_is_stuck(
    admin: Admin, settings: BusSettings
) -> None:
    apply(admin)
    publisher = publisher_client(settings)
    with closing(publisher.transport):
        publisher.delete_topic(topic=f"projects/{settings.project}/topics/{STATE}")
    after = apply(admin)
    assert [stuck.wanted.name for stuck in after.stuck] == ["fleet-state"]
    assert after.actions == ()
    assert after.strangers == ()
