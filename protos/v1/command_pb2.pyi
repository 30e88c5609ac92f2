from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Command(_message.Message):
    __slots__ = ("schema", "device", "id", "issued_ns", "expires_ns", "name", "traceparent", "arguments")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ISSUED_NS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_NS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    schema: int
    device: str
    id: str
    issued_ns: int
    expires_ns: int
    name: str
    traceparent: str
    arguments: bytes
    def __init__(self, schema: _Optional[int] = ..., device: _Optional[str] = ..., id: _Optional[str] = ..., issued_ns: _Optional[int] = ..., expires_ns: _Optional[int] = ..., name: _Optional[str] = ..., traceparent: _Optional[str] = ..., arguments: _Optional[bytes] = ...) -> None: ...
