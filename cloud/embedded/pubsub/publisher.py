"""Requests of google.pubsub.v1.Publisher."""

from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

from cloud.embedded.pubsub.catalog import Catalog
from cloud.embedded.pubsub.delivery import Post
from cloud.embedded.pubsub.masks import TOPIC_FIELDS, edit_by_mask
from cloud.embedded.pubsub.pages import page_of
from cloud.embedded.pubsub.registry import Registry
from cloud.embedded.pubsub.rpc import Context, Method
from cloud.embedded.pubsub.validation import DELETED_SCHEMA, check_topic

SERVICE = "google.pubsub.v1.Publisher"

Topic = types.Topic.pb()
PublishResponse = types.PublishResponse.pb()
ListTopicsResponse = types.ListTopicsResponse.pb()
ListTopicSubscriptionsResponse = types.ListTopicSubscriptionsResponse.pb()


class PublisherService:
    """Topics, and messages to them."""

    def __init__(self, catalog: Catalog, registry: Registry, post: Post) -> None:
        self._catalog = catalog
        self._registry = registry
        self._post = post

    def methods(self) -> list[Method]:
        """What is answered."""
        return [
            Method("CreateTopic", self._create, Topic),
            Method("UpdateTopic", self._update, types.UpdateTopicRequest.pb()),
            Method("GetTopic", self._get, types.GetTopicRequest.pb()),
            Method("ListTopics", self._list, types.ListTopicsRequest.pb()),
            Method("ListTopicSubscriptions", self._list_subscriptions,
                   types.ListTopicSubscriptionsRequest.pb()),
            Method("DeleteTopic", self._delete, types.DeleteTopicRequest.pb()),
            Method("Publish", self._publish, types.PublishRequest.pb()),
        ]  # fmt: skip

    async def _create(self, request: Any, context: Context) -> Any:
        self._check(request)
        await self._catalog.create_topic(request)
        return request

    async def _update(self, request: Any, context: Context) -> Any:
        edit = edit_by_mask(request.update_mask, request.topic, TOPIC_FIELDS, self._check)
        return (await self._catalog.update_topic(request.topic.name, edit)).config

    def _check(self, topic: Any) -> None:
        check_topic(topic)
        if topic.HasField("schema_settings") and topic.schema_settings.schema != DELETED_SCHEMA:
            self._registry.schema(topic.schema_settings.schema)

    async def _get(self, request: Any, context: Context) -> Any:
        return self._catalog.topic(request.topic).config

    async def _list(self, request: Any, context: Context) -> Any:
        prefix = f"{request.project}/topics/"
        names = [name for name in self._catalog.topics if name.startswith(prefix)]
        page, token = page_of(names, request.page_size, request.page_token)
        topics = [self._catalog.topics[name].config for name in page]
        return ListTopicsResponse(topics=topics, next_page_token=token)

    async def _list_subscriptions(self, request: Any, context: Context) -> Any:
        names = list(self._catalog.topic(request.topic).subscriptions)
        page, token = page_of(names, request.page_size, request.page_token)
        return ListTopicSubscriptionsResponse(subscriptions=page, next_page_token=token)

    async def _delete(self, request: Any, context: Context) -> Any:
        await self._catalog.delete_topic(request.topic)
        return Empty()

    async def _publish(self, request: Any, context: Context) -> Any:
        ids = await self._post.publish(request.topic, request.messages)
        return PublishResponse(message_ids=ids)
