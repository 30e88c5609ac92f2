"""Schemas: in memory as they are on disk, each with its newest revision alone."""

import secrets
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from google.pubsub_v1 import types

from cloud.embedded.pubsub.catalog import Catalog
from cloud.embedded.pubsub.committer import Committer
from cloud.embedded.pubsub.definitions import message_of
from cloud.embedded.pubsub.errors import already_exists, invalid, not_found
from cloud.embedded.pubsub.validation import DELETED_SCHEMA

Schema = types.Schema.pb()
Topic = types.Topic.pb()


@dataclass(frozen=True, slots=True)
class LiveSchema:
    """A schema, and the message that it stands for."""

    config: Any
    message: type[Message]


class Registry:
    """Every schema. All changes are durable before they are seen.

    Args:
        committer: the way to the disk.
        catalog: whose topics refer to schemas.
    """

    def __init__(self, committer: Committer, catalog: Catalog) -> None:
        self._committer = committer
        self._catalog = catalog
        self.schemas: dict[str, LiveSchema] = {}

    async def load(self) -> None:
        """Read what is on disk."""
        for data in await self._committer.submit(lambda storage: storage.schemas()):
            config = Schema.FromString(data)
            self.schemas[config.name] = LiveSchema(config, message_of(config))

    def schema(self, name: str) -> LiveSchema:
        """The schema of a name.

        Raises:
            StatusError: NOT_FOUND.
        """
        schema = self.schemas.get(name)
        if schema is None:
            raise not_found(name)
        return schema

    def message_for(self, topic: Any) -> type[Message] | None:
        """What a topic's messages have to be; None: anything.

        Raises:
            StatusError: INVALID_ARGUMENT, the schema was deleted.
        """
        if not topic.HasField("schema_settings"):
            return None
        schema = self.schemas.get(topic.schema_settings.schema)
        if schema is None:
            raise invalid(f"the schema of {topic.name} was deleted: nothing can be published")
        return schema.message

    async def create(self, name: str, schema: Any) -> Any:
        """Add a schema; returns it as it is kept.

        Raises:
            StatusError: ALREADY_EXISTS, INVALID_ARGUMENT, UNIMPLEMENTED, UNAVAILABLE.
        """
        async with self._catalog.changing:
            if name in self.schemas:
                raise already_exists(name)
            return await self._put(name, schema)

    async def commit(self, name: str, schema: Any) -> Any:
        """Replace a schema by a new revision; returns it as it is kept.

        Raises:
            StatusError: NOT_FOUND, INVALID_ARGUMENT, UNIMPLEMENTED, UNAVAILABLE.
        """
        async with self._catalog.changing:
            if message_of(schema) is not self.schema(name).message:
                raise invalid("Invalid schema definition: a revision must define the same message")
            return await self._put(name, schema)

    async def delete(self, name: str) -> None:
        """Remove a schema; topics that refer to it take no message any more, as at Google.

        Raises:
            StatusError: NOT_FOUND, UNAVAILABLE.
        """
        async with self._catalog.changing:
            self.schema(name)
            orphans = []
            for topic in self._catalog.topics.values():
                if topic.config.schema_settings.schema == name:
                    orphan = Topic.FromString(topic.config.SerializeToString())
                    orphan.schema_settings.schema = DELETED_SCHEMA
                    orphans.append(orphan)
            await self._catalog.store_topics(orphans, lambda storage: storage.delete_schema(name))
            del self.schemas[name]

    async def _put(self, name: str, schema: Any) -> Any:
        kept = Schema(
            name=name,
            type_=types.Schema.Type.PROTOCOL_BUFFER,
            definition=schema.definition,
            revision_id=secrets.token_hex(4),
        )
        kept.revision_create_time.FromNanoseconds(self._catalog.now_ns())
        message = message_of(kept)
        data = kept.SerializeToString()
        await self._committer.submit(lambda storage: storage.put_schema(name, data))
        self.schemas[name] = LiveSchema(kept, message)
        return kept
