"""Which method answers which call, without generated stubs."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from cloud.embedded.pubsub.errors import StatusError

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service.

    Attributes:
        name: as in the service's definition.
        answer: gets (request, context) and returns the response, or None where it streams;
            StatusError is what it may raise.
        request: protobuf class of the request.
        streams: both sides stream; `answer` gets the iterator of the requests.
    """

    name: str
    answer: Callable[[Any, Context], Awaitable[Any]]
    request: Any
    streams: bool = False


def handler(service: str, methods: Iterable[Method]) -> grpc.GenericRpcHandler:
    """What a server is given to answer a service's calls."""
    return grpc.method_handlers_generic_handler(
        service, {method.name: _method_handler(method) for method in methods}
    )


def _method_handler(method: Method) -> "grpc.RpcMethodHandler[Any, Any]":
    async def call(request: Any, context: Context) -> Any:
        try:
            return await method.answer(request, context)
        except StatusError as error:
            return await context.abort(error.code, error.details)

    make = (
        grpc.stream_stream_rpc_method_handler
        if method.streams
        else grpc.unary_unary_rpc_method_handler
    )
    return make(call, method.request.FromString, _serialise)


def _serialise(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data
