from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventBatchHeader(_message.Message):
    __slots__ = ("schema", "device", "boot", "lane", "first_seq", "count", "traceparent", "clock_synced", "anchor_id")
    class Lane(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LANE_UNSPECIFIED: _ClassVar[EventBatchHeader.Lane]
        LANE_ALARM: _ClassVar[EventBatchHeader.Lane]
        LANE_STATE: _ClassVar[EventBatchHeader.Lane]
        LANE_EVIDENCE: _ClassVar[EventBatchHeader.Lane]
        LANE_STATS: _ClassVar[EventBatchHeader.Lane]
    LANE_UNSPECIFIED: EventBatchHeader.Lane
    LANE_ALARM: EventBatchHeader.Lane
    LANE_STATE: EventBatchHeader.Lane
    LANE_EVIDENCE: EventBatchHeader.Lane
    LANE_STATS: EventBatchHeader.Lane
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    CLOCK_SYNCED_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_ID_FIELD_NUMBER: _ClassVar[int]
    schema: int
    device: str
    boot: int
    lane: EventBatchHeader.Lane
    first_seq: int
    count: int
    traceparent: str
    clock_synced: bool
    anchor_id: int
    def __init__(self, schema: _Optional[int] = ..., device: _Optional[str] = ..., boot: _Optional[int] = ..., lane: _Optional[_Union[EventBatchHeader.Lane, str]] = ..., first_seq: _Optional[int] = ..., count: _Optional[int] = ..., traceparent: _Optional[str] = ..., clock_synced: _Optional[bool] = ..., anchor_id: _Optional[int] = ...) -> None: ...
