"""Requests of google.pubsub.v1.SchemaService."""

from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

from cloud.embedded.pubsub.definitions import check_message, message_of
from cloud.embedded.pubsub.errors import unsupported
from cloud.embedded.pubsub.pages import page_of
from cloud.embedded.pubsub.registry import Registry
from cloud.embedded.pubsub.rpc import Context, Method
from cloud.embedded.pubsub.validation import check_name

SERVICE = "google.pubsub.v1.SchemaService"

Schema = types.Schema.pb()
ListSchemasResponse = types.ListSchemasResponse.pb()
ValidateSchemaResponse = types.ValidateSchemaResponse.pb()
ValidateMessageResponse = types.ValidateMessageResponse.pb()


class SchemaService:
    """Schemas, and whether messages obey them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def methods(self) -> list[Method]:
        """What is answered."""
        return [
            Method("CreateSchema", self._create, types.CreateSchemaRequest.pb()),
            Method("GetSchema", self._get, types.GetSchemaRequest.pb()),
            Method("ListSchemas", self._list, types.ListSchemasRequest.pb()),
            Method("CommitSchema", self._commit, types.CommitSchemaRequest.pb()),
            Method("DeleteSchema", self._delete, types.DeleteSchemaRequest.pb()),
            Method("ValidateSchema", self._validate, types.ValidateSchemaRequest.pb()),
            Method("ValidateMessage", self._validate_message, types.ValidateMessageRequest.pb()),
        ]

    async def _create(self, request: Any, context: Context) -> Any:
        name = check_name(f"{request.parent}/schemas/{request.schema_id}", "schemas")
        return await self._registry.create(name, request.schema)

    async def _get(self, request: Any, context: Context) -> Any:
        found = self._registry.schema(request.name).config
        return _basic(found) if request.view == types.SchemaView.BASIC else found

    async def _list(self, request: Any, context: Context) -> Any:
        prefix = f"{request.parent}/schemas/"
        names = [name for name in self._registry.schemas if name.startswith(prefix)]
        page, token = page_of(names, request.page_size, request.page_token)
        schemas = [self._registry.schemas[name].config for name in page]
        if request.view != types.SchemaView.FULL:
            schemas = [_basic(schema) for schema in schemas]
        return ListSchemasResponse(schemas=schemas, next_page_token=token)

    async def _commit(self, request: Any, context: Context) -> Any:
        return await self._registry.commit(request.name, request.schema)

    async def _delete(self, request: Any, context: Context) -> Any:
        await self._registry.delete(request.name)
        return Empty()

    async def _validate(self, request: Any, context: Context) -> Any:
        message_of(request.schema)
        return ValidateSchemaResponse()

    async def _validate_message(self, request: Any, context: Context) -> Any:
        if request.encoding != types.Encoding.BINARY:
            raise unsupported("an encoding other than BINARY")
        if request.HasField("schema"):
            kind = message_of(request.schema)
        else:
            kind = self._registry.schema(request.name).message
        check_message(kind, request.message)
        return ValidateMessageResponse()


def _basic(schema: Any) -> Any:
    return Schema(name=schema.name, type_=schema.type_)
