from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DesiredState(_message.Message):
    __slots__ = ("schema", "device", "revision", "issued_ns", "targets", "config_yaml")
    class Target(_message.Message):
        __slots__ = ("name", "version", "deployment", "sha256")
        NAME_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
        SHA256_FIELD_NUMBER: _ClassVar[int]
        name: str
        version: str
        deployment: str
        sha256: bytes
        def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., deployment: _Optional[str] = ..., sha256: _Optional[bytes] = ...) -> None: ...
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ISSUED_NS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_YAML_FIELD_NUMBER: _ClassVar[int]
    schema: int
    device: str
    revision: int
    issued_ns: int
    targets: _containers.RepeatedCompositeFieldContainer[DesiredState.Target]
    config_yaml: bytes
    def __init__(self, schema: _Optional[int] = ..., device: _Optional[str] = ..., revision: _Optional[int] = ..., issued_ns: _Optional[int] = ..., targets: _Optional[_Iterable[_Union[DesiredState.Target, _Mapping]]] = ..., config_yaml: _Optional[bytes] = ...) -> None: ...
