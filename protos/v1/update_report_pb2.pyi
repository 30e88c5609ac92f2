from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UpdateReport(_message.Message):
    __slots__ = ("schema", "device", "boot", "deployment", "target", "from_version", "to_version", "state", "code", "detail", "reported_ns", "transition", "downloaded_bytes", "total_bytes", "revision")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[UpdateReport.State]
        PENDING: _ClassVar[UpdateReport.State]
        OFFERED: _ClassVar[UpdateReport.State]
        ACCEPTED: _ClassVar[UpdateReport.State]
        DEFERRED: _ClassVar[UpdateReport.State]
        DOWNLOADING: _ClassVar[UpdateReport.State]
        VERIFYING: _ClassVar[UpdateReport.State]
        STAGED: _ClassVar[UpdateReport.State]
        ACTIVATING: _ClassVar[UpdateReport.State]
        PROBATION: _ClassVar[UpdateReport.State]
        COMMITTED: _ClassVar[UpdateReport.State]
        REJECTED: _ClassVar[UpdateReport.State]
        FAILED_NO_CHANGE: _ClassVar[UpdateReport.State]
        ROLLED_BACK: _ClassVar[UpdateReport.State]
        FAILED_UNABLE_TO_ROLL_BACK: _ClassVar[UpdateReport.State]
        TIMED_OUT: _ClassVar[UpdateReport.State]
        CANCELLED: _ClassVar[UpdateReport.State]
        SUPERSEDED: _ClassVar[UpdateReport.State]
    STATE_UNSPECIFIED: UpdateReport.State
    PENDING: UpdateReport.State
    OFFERED: UpdateReport.State
    ACCEPTED: UpdateReport.State
    DEFERRED: UpdateReport.State
    DOWNLOADING: UpdateReport.State
    VERIFYING: UpdateReport.State
    STAGED: UpdateReport.State
    ACTIVATING: UpdateReport.State
    PROBATION: UpdateReport.State
    COMMITTED: UpdateReport.State
    REJECTED: UpdateReport.State
    FAILED_NO_CHANGE: UpdateReport.State
    ROLLED_BACK: UpdateReport.State
    FAILED_UNABLE_TO_ROLL_BACK: UpdateReport.State
    TIMED_OUT: UpdateReport.State
    CANCELLED: UpdateReport.State
    SUPERSEDED: UpdateReport.State
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    FROM_VERSION_FIELD_NUMBER: _ClassVar[int]
    TO_VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REPORTED_NS_FIELD_NUMBER: _ClassVar[int]
    TRANSITION_FIELD_NUMBER: _ClassVar[int]
    DOWNLOADED_BYTES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    schema: int
    device: str
    boot: int
    deployment: str
    target: str
    from_version: str
    to_version: str
    state: UpdateReport.State
    code: str
    detail: str
    reported_ns: int
    transition: int
    downloaded_bytes: int
    total_bytes: int
    revision: int
    def __init__(self, schema: _Optional[int] = ..., device: _Optional[str] = ..., boot: _Optional[int] = ..., deployment: _Optional[str] = ..., target: _Optional[str] = ..., from_version: _Optional[str] = ..., to_version: _Optional[str] = ..., state: _Optional[_Union[UpdateReport.State, str]] = ..., code: _Optional[str] = ..., detail: _Optional[str] = ..., reported_ns: _Optional[int] = ..., transition: _Optional[int] = ..., downloaded_bytes: _Optional[int] = ..., total_bytes: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...
