from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Snapshot(_message.Message):
    __slots__ = ("schema", "device", "boot", "seq", "event_id", "camera", "captured_ns", "media_type", "width_px", "height_px", "sha256", "image")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_NS_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    schema: int
    device: str
    boot: int
    seq: int
    event_id: str
    camera: str
    captured_ns: int
    media_type: str
    width_px: int
    height_px: int
    sha256: bytes
    image: bytes
    def __init__(self, schema: _Optional[int] = ..., device: _Optional[str] = ..., boot: _Optional[int] = ..., seq: _Optional[int] = ..., event_id: _Optional[str] = ..., camera: _Optional[str] = ..., captured_ns: _Optional[int] = ..., media_type: _Optional[str] = ..., width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., sha256: _Optional[bytes] = ..., image: _Optional[bytes] = ...) -> None: ...
