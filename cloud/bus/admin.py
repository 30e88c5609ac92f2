"""A project's schemas, topics and subscriptions on a server: read, made, changed."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, TypeVar

from google.api_core import exceptions
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types

from cloud.bus.client import publisher_client, schema_client, subscriber_client
from cloud.bus.deadline import Deadline
from cloud.bus.plan import Action, Create, Resource, State, desired
from cloud.bus.resources import (
    MASKS,
    schema_of,
    schema_request,
    subscription_of,
    subscription_request,
    topic_of,
    topic_request,
)
from cloud.bus.settings import BusSettings
from cloud.bus.topology import Schema, Topic, schema_path
from cloud.errors import BusError

T = TypeVar("T")


class Admin:
    """A project on a Pub/Sub server; a context manager.

    Args:
        settings: where Pub/Sub is. `start_timeout_s` from now is the time for each call below.

    Raises:
        BusError: there are no credentials for Google.
    """

    def __init__(self, settings: BusSettings) -> None:
        self._settings = settings
        self._parent = f"projects/{settings.project}"
        with ExitStack() as ends:
            self._topics = publisher_client(settings)
            ends.callback(self._topics.transport.close)
            self._subscriptions = subscriber_client(settings)
            ends.callback(self._subscriptions.close)
            self._schemas = schema_client(settings)
            ends.callback(self._schemas.transport.close)
            self._ends = ends.pop_all()

    def __enter__(self) -> "Admin":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()

    def takes_schemas(self) -> bool:
        """False where the server has no Protocol Buffers schemas; asked, not guessed.

        Raises:
            BusError: no answer.
        """
        (schema,) = desired(takes_schemas=True).schemas.values()

        def ask(timeout_s: float) -> bool:
            try:
                self._schemas.validate_schema(
                    parent=self._parent, schema=schema_request(schema), retry=None,
                    timeout=timeout_s,
                )  # fmt: skip
            except exceptions.MethodNotImplemented:
                return False
            return True

        return self._call(ask, "the question for schemas")

    def state(self) -> State:
        """What there is.

        Raises:
            BusError: no answer, or no right to ask.
        """
        schemas = self._list(self._schemas.list_schemas, {"parent": self._parent, "view": "FULL"})
        topics = self._list(self._topics.list_topics, {"project": self._parent})
        subscriptions = self._list(
            self._subscriptions.list_subscriptions, {"project": self._parent}
        )
        return State(
            {item.name: item for item in map(schema_of, schemas)},
            {item.name: item for item in map(topic_of, topics)},
            {item.name: item for item in map(subscription_of, subscriptions)},
        )

    def carry_out(self, action: Action) -> None:
        """Do one thing of a plan; what somebody else has made meanwhile is fine.

        Raises:
            BusRefusedError: the server will never do it.
            BusError: no answer, no right to it, or what it refers to is not there.
        """
        wanted = action.wanted
        what = f"{type(wanted).__name__.lower()} {wanted.name}"
        try:
            if isinstance(action, Create):
                self._call(self._creation(wanted), what)
            else:
                paths = sorted({MASKS.get(change.field, "") for change in action.changes})
                self._call(self._update(wanted, paths), what)
        except exceptions.AlreadyExists:
            return
        except exceptions.NotFound as error:
            raise BusError(f"{what}: {error.message}") from error

    def _creation(self, wanted: Resource) -> Callable[[float], Any]:
        project = self._settings.project
        if isinstance(wanted, Schema):
            return lambda timeout_s: self._schemas.create_schema(
                parent=self._parent, schema=schema_request(wanted), schema_id=wanted.name,
                retry=None, timeout=timeout_s,
            )  # fmt: skip
        if isinstance(wanted, Topic):
            topic = topic_request(project, wanted)
            return lambda timeout_s: self._topics.create_topic(
                request=topic, retry=None, timeout=timeout_s
            )
        request = subscription_request(project, wanted)
        return lambda timeout_s: self._subscriptions.create_subscription(
            request=request, retry=None, timeout=timeout_s
        )

    def _update(self, wanted: Resource, paths: Iterable[str]) -> Callable[[float], Any]:
        project, mask = self._settings.project, FieldMask(paths=paths)
        if isinstance(wanted, Schema):
            path = schema_path(project, wanted.name)
            schema = schema_request(wanted)
            schema.name = path
            return lambda timeout_s: self._schemas.commit_schema(
                name=path, schema=schema, retry=None, timeout=timeout_s
            )
        if isinstance(wanted, Topic):
            topic = types.UpdateTopicRequest(topic=topic_request(project, wanted), update_mask=mask)
            return lambda timeout_s: self._topics.update_topic(
                request=topic, retry=None, timeout=timeout_s
            )
        request = types.UpdateSubscriptionRequest(
            subscription=subscription_request(project, wanted), update_mask=mask
        )
        return lambda timeout_s: self._subscriptions.update_subscription(
            request=request, retry=None, timeout=timeout_s
        )

    def _list(self, ask: Callable[..., Iterable[T]], request: dict[str, str]) -> list[T]:
        """Every item of all pages."""
        return self._call(
            lambda timeout_s: list(ask(request=request, retry=None, timeout=timeout_s)),
            self._parent,
        )

    def _call(self, request: Callable[[float], T], what: str) -> T:
        return Deadline(self._settings).call(request, what)
