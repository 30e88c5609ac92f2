from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Receipt(_message.Message):
    __slots__ = ("schema", "device", "ranges")
    class Lane(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LANE_UNSPECIFIED: _ClassVar[Receipt.Lane]
        LANE_ALARM: _ClassVar[Receipt.Lane]
        LANE_STATE: _ClassVar[Receipt.Lane]
        LANE_EVIDENCE: _ClassVar[Receipt.Lane]
        LANE_STATS: _ClassVar[Receipt.Lane]
    LANE_UNSPECIFIED: Receipt.Lane
    LANE_ALARM: Receipt.Lane
    LANE_STATE: Receipt.Lane
    LANE_EVIDENCE: Receipt.Lane
    LANE_STATS: Receipt.Lane
    class Range(_message.Message):
        __slots__ = ("boot", "lane", "first_seq", "last_seq")
        BOOT_FIELD_NUMBER: _ClassVar[int]
        LANE_FIELD_NUMBER: _ClassVar[int]
        FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
        LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
        boot: int
        lane: Receipt.Lane
        first_seq: int
        last_seq: int
        def __init__(self, boot: _Optional[int] = ..., lane: _Optional[_Union[Receipt.Lane, str]] = ..., first_seq: _Optional[int] = ..., last_seq: _Optional[int] = ...) -> None: ...
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    schema: int
    device: str
    ranges: _containers.RepeatedCompositeFieldContainer[Receipt.Range]
    def __init__(self, schema: _Optional[int] = ..., device: _Optional[str] = ..., ranges: _Optional[_Iterable[_Union[Receipt.Range, _Mapping]]] = ...) -> None: ...
