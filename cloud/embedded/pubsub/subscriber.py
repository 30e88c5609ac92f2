"""Requests of google.pubsub.v1.Subscriber."""

import asyncio
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

from cloud.embedded.pubsub.catalog import Catalog
from cloud.embedded.pubsub.delivery import Post
from cloud.embedded.pubsub.errors import invalid
from cloud.embedded.pubsub.live import LiveSubscription
from cloud.embedded.pubsub.masks import SUBSCRIPTION_FIELDS, edit_by_mask
from cloud.embedded.pubsub.messages import Consumer
from cloud.embedded.pubsub.pages import page_of
from cloud.embedded.pubsub.rpc import Context, Method
from cloud.embedded.pubsub.streaming import StreamingPull, received_messages, waiting
from cloud.embedded.pubsub.validation import complete_subscription

SERVICE = "google.pubsub.v1.Subscriber"

Subscription = types.Subscription.pb()
ListSubscriptionsResponse = types.ListSubscriptionsResponse.pb()
PullResponse = types.PullResponse.pb()

_PULL_WAITS_S = 20.0
_PULL_ENDS_BEFORE_S = 0.5


class SubscriberService:
    """Subscriptions, and messages from them."""

    def __init__(self, catalog: Catalog, post: Post, stopping: asyncio.Event) -> None:
        self._catalog = catalog
        self._post = post
        self._stopping = stopping

    def methods(self) -> list[Method]:
        """What is answered."""
        return [
            Method("CreateSubscription", self._create, Subscription),
            Method("GetSubscription", self._get, types.GetSubscriptionRequest.pb()),
            Method("UpdateSubscription", self._update, types.UpdateSubscriptionRequest.pb()),
            Method("ListSubscriptions", self._list, types.ListSubscriptionsRequest.pb()),
            Method("DeleteSubscription", self._delete, types.DeleteSubscriptionRequest.pb()),
            Method("ModifyAckDeadline", self._modify, types.ModifyAckDeadlineRequest.pb()),
            Method("Acknowledge", self._acknowledge, types.AcknowledgeRequest.pb()),
            Method("Pull", self._pull, types.PullRequest.pb()),
            Method("StreamingPull", self._stream, types.StreamingPullRequest.pb(), streams=True),
        ]

    async def _create(self, request: Any, context: Context) -> Any:
        complete_subscription(request)
        await self._catalog.create_subscription(request)
        return request

    async def _get(self, request: Any, context: Context) -> Any:
        return self._catalog.subscription(request.subscription).config

    async def _update(self, request: Any, context: Context) -> Any:
        edit = edit_by_mask(
            request.update_mask, request.subscription, SUBSCRIPTION_FIELDS, complete_subscription
        )
        return (await self._catalog.update_subscription(request.subscription.name, edit)).config

    async def _list(self, request: Any, context: Context) -> Any:
        prefix = f"{request.project}/subscriptions/"
        names = [name for name in self._catalog.subscriptions if name.startswith(prefix)]
        page, token = page_of(names, request.page_size, request.page_token)
        configs = [self._catalog.subscriptions[name].config for name in page]
        return ListSubscriptionsResponse(subscriptions=configs, next_page_token=token)

    async def _delete(self, request: Any, context: Context) -> Any:
        await self._catalog.delete_subscription(request.subscription)
        return Empty()

    async def _modify(self, request: Any, context: Context) -> Any:
        subscription = self._catalog.subscription(request.subscription)
        self._post.modify(subscription, request.ack_ids, request.ack_deadline_seconds)
        return Empty()

    async def _acknowledge(self, request: Any, context: Context) -> Any:
        subscription = self._catalog.subscription(request.subscription)
        await asyncio.shield(self._post.acknowledge(subscription, request.ack_ids))
        return Empty()

    async def _pull(self, request: Any, context: Context) -> Any:
        subscription = self._catalog.subscription(request.subscription)
        if request.max_messages <= 0:
            raise invalid(f"max_messages must be positive, not {request.max_messages}")
        wait_s = 0.0 if request.return_immediately else _PULL_WAITS_S
        remaining_s = context.time_remaining()
        if remaining_s is not None:
            wait_s = min(wait_s, remaining_s - _PULL_ENDS_BEFORE_S)
        messages = await self._wait_for_messages(subscription, request.max_messages, wait_s)
        return PullResponse(received_messages=received_messages(subscription, messages))

    async def _wait_for_messages(
        self, subscription: LiveSubscription, limit: int, wait_s: float
    ) -> Any:
        consumer = Consumer()
        subscription.used_ns = self._catalog.now_ns()
        end_s = asyncio.get_running_loop().time() + wait_s
        with waiting(subscription) as woken:
            while True:
                self._catalog.check_alive(subscription)
                messages = self._post.take(subscription, consumer, limit)
                left_s = end_s - asyncio.get_running_loop().time()
                if messages or left_s <= 0 or self._stopping.is_set():
                    return messages
                woken.clear()
                try:
                    await asyncio.wait_for(woken.wait(), left_s)
                except TimeoutError:
                    continue

    async def _stream(self, requests: Any, context: Context) -> None:
        stream = StreamingPull(self._catalog, self._post, self._stopping, context)
        await stream.run(requests)
