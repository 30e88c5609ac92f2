"""Google's clients, for Google or for a server on this machine, and their errors in our words.

Only the modules of this package import google.*.
"""

import json
import os
from collections.abc import Callable

import grpc
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import PublisherClient, SchemaServiceClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from cloud.bus.settings import BusSettings
from cloud.errors import BusError, BusRefusedError

EMULATOR_VARIABLE = "PUBSUB_EMULATOR_HOST"

TRANSIENT = (
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.ServiceUnavailable,
    exceptions.Unknown,
)
"""What is tried again."""

REFUSALS = (exceptions.InvalidArgument, TypeError)
"""What will never be taken (decision 12)."""


def translate(error: BaseException, what: str) -> BusError:
    """The error of the bus that stands for an error of Google's library.

    Args:
        error: as the library raised it.
        what: was tried, for the message.
    """
    kind = BusRefusedError if isinstance(error, REFUSALS) else BusError
    return kind(f"{what}: {error}")


def publisher_client(settings: BusSettings) -> PublisherClient:
    """A client that publishes, a request each call; close it by `transport.close()`.

    Raises:
        BusError: there are no credentials for Google.
    """
    _refuse_emulator_variable()
    if settings.endpoint is None:
        try:
            return PublisherClient()
        except GoogleAuthError as error:
            raise _no_credentials(error) from error
    transport = PublisherGrpcTransport(channel=_channel(settings.endpoint, settings))
    return PublisherClient(transport=transport)


def subscriber_client(settings: BusSettings) -> SubscriberClient:
    """A client that subscribes; close it by `close()`.

    Raises:
        BusError: there are no credentials for Google.
    """
    _refuse_emulator_variable()
    if settings.endpoint is None:
        try:
            return SubscriberClient()
        except GoogleAuthError as error:
            raise _no_credentials(error) from error
    transport = SubscriberGrpcTransport(channel=_channel(settings.endpoint, settings))
    return SubscriberClient(transport=transport)


def schema_client(settings: BusSettings) -> SchemaServiceClient:
    """A client for schemas; close it by `transport.close()`.

    Raises:
        BusError: there are no credentials for Google.
    """
    _refuse_emulator_variable()
    if settings.endpoint is None:
        try:
            return SchemaServiceClient()
        except GoogleAuthError as error:
            raise _no_credentials(error) from error
    transport = SchemaServiceGrpcTransport(channel=_channel(settings.endpoint, settings))
    return SchemaServiceClient(transport=transport)


def retry(settings: BusSettings, goes_on: Callable[[], bool]) -> Retry:
    """How a request is tried again while Pub/Sub is away.

    Args:
        settings: for how long, with which waits.
        goes_on: False once nobody wants it any more.
    """
    is_transient = if_exception_type(*TRANSIENT)
    return Retry(
        predicate=lambda error: goes_on() and is_transient(error),
        initial=min(0.1, settings.retry_max_s),
        maximum=settings.retry_max_s,
        multiplier=1.5,
        timeout=settings.publish_timeout_s,
    )


def _channel(endpoint: str, settings: BusSettings) -> grpc.Channel:
    """A plain-text channel; the settings made sure that it stays on this machine.

    Calls wait for the connection instead of failing at once: Google's streaming pull allows
    itself five attempts in ten seconds, and would then sleep while the server is back already.
    """
    waits = {"methodConfig": [{"name": [{}], "waitForReady": True}]}
    backoff_ms = int(settings.retry_max_s * 1000)
    return grpc.insecure_channel(
        endpoint,
        options=[
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", min(100, backoff_ms)),
            ("grpc.min_reconnect_backoff_ms", min(100, backoff_ms)),
            ("grpc.max_reconnect_backoff_ms", backoff_ms),
            ("grpc.service_config", json.dumps(waits)),
            ("grpc.enable_http_proxy", 0),
        ],
    )


def _refuse_emulator_variable() -> None:
    if os.environ.get(EMULATOR_VARIABLE):
        raise BusError(
            f"{EMULATOR_VARIABLE} is set, which makes Google's library talk plain text to "
            "whatever it names: unset it, and name a server on this machine in `bus.endpoint`"
        )


def _no_credentials(error: GoogleAuthError) -> BusError:
    return BusError(
        f"no credentials for Google Pub/Sub: {error}. Run `gcloud auth application-default "
        "login`, or name a server on this machine in `bus.endpoint`"
    )
