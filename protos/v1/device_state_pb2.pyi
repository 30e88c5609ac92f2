from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeviceState(_message.Message):
    __slots__ = ("schema", "device", "boot", "session", "seq", "status", "reported_ns", "clock_synced", "clock_offset_ns", "anchor_id", "agent_version", "config_revision", "heartbeat_interval_s", "refused_revision", "refusal", "cameras", "models", "outbox", "health", "last_errors", "sensors")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[DeviceState.Status]
        BIRTH: _ClassVar[DeviceState.Status]
        ALIVE: _ClassVar[DeviceState.Status]
        STOPPED: _ClassVar[DeviceState.Status]
        DISCONNECTED: _ClassVar[DeviceState.Status]
    STATUS_UNSPECIFIED: DeviceState.Status
    BIRTH: DeviceState.Status
    ALIVE: DeviceState.Status
    STOPPED: DeviceState.Status
    DISCONNECTED: DeviceState.Status
    class Camera(_message.Message):
        __slots__ = ("camera", "state", "fps", "frames", "dropped", "latency_ms", "reason", "decoder", "width", "height", "source_fps", "reconnects", "hanging", "drops")
        CAMERA_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        FPS_FIELD_NUMBER: _ClassVar[int]
        FRAMES_FIELD_NUMBER: _ClassVar[int]
        DROPPED_FIELD_NUMBER: _ClassVar[int]
        LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        DECODER_FIELD_NUMBER: _ClassVar[int]
        WIDTH_FIELD_NUMBER: _ClassVar[int]
        HEIGHT_FIELD_NUMBER: _ClassVar[int]
        SOURCE_FPS_FIELD_NUMBER: _ClassVar[int]
        RECONNECTS_FIELD_NUMBER: _ClassVar[int]
        HANGING_FIELD_NUMBER: _ClassVar[int]
        DROPS_FIELD_NUMBER: _ClassVar[int]
        camera: str
        state: str
        fps: float
        frames: int
        dropped: int
        latency_ms: float
        reason: str
        decoder: str
        width: int
        height: int
        source_fps: float
        reconnects: int
        hanging: int
        drops: _containers.RepeatedCompositeFieldContainer[DeviceState.Drop]
        def __init__(self, camera: _Optional[str] = ..., state: _Optional[str] = ..., fps: _Optional[float] = ..., frames: _Optional[int] = ..., dropped: _Optional[int] = ..., latency_ms: _Optional[float] = ..., reason: _Optional[str] = ..., decoder: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., source_fps: _Optional[float] = ..., reconnects: _Optional[int] = ..., hanging: _Optional[int] = ..., drops: _Optional[_Iterable[_Union[DeviceState.Drop, _Mapping]]] = ...) -> None: ...
    class Drop(_message.Message):
        __slots__ = ("cause", "count")
        CAUSE_FIELD_NUMBER: _ClassVar[int]
        COUNT_FIELD_NUMBER: _ClassVar[int]
        cause: str
        count: int
        def __init__(self, cause: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...
    class Sensor(_message.Message):
        __slots__ = ("sensor", "state", "detail", "readings", "reading_age_s")
        SENSOR_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        DETAIL_FIELD_NUMBER: _ClassVar[int]
        READINGS_FIELD_NUMBER: _ClassVar[int]
        READING_AGE_S_FIELD_NUMBER: _ClassVar[int]
        sensor: str
        state: str
        detail: str
        readings: int
        reading_age_s: float
        def __init__(self, sensor: _Optional[str] = ..., state: _Optional[str] = ..., detail: _Optional[str] = ..., readings: _Optional[int] = ..., reading_age_s: _Optional[float] = ...) -> None: ...
    class Model(_message.Message):
        __slots__ = ("model", "version", "slot", "engine", "sha256", "release")
        MODEL_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        SLOT_FIELD_NUMBER: _ClassVar[int]
        ENGINE_FIELD_NUMBER: _ClassVar[int]
        SHA256_FIELD_NUMBER: _ClassVar[int]
        RELEASE_FIELD_NUMBER: _ClassVar[int]
        model: str
        version: str
        slot: str
        engine: str
        sha256: bytes
        release: int
        def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., slot: _Optional[str] = ..., engine: _Optional[str] = ..., sha256: _Optional[bytes] = ..., release: _Optional[int] = ...) -> None: ...
    class Outbox(_message.Message):
        __slots__ = ("rows", "bytes", "oldest_ns", "set_aside", "lost")
        ROWS_FIELD_NUMBER: _ClassVar[int]
        BYTES_FIELD_NUMBER: _ClassVar[int]
        OLDEST_NS_FIELD_NUMBER: _ClassVar[int]
        SET_ASIDE_FIELD_NUMBER: _ClassVar[int]
        LOST_FIELD_NUMBER: _ClassVar[int]
        rows: int
        bytes: int
        oldest_ns: int
        set_aside: int
        lost: int
        def __init__(self, rows: _Optional[int] = ..., bytes: _Optional[int] = ..., oldest_ns: _Optional[int] = ..., set_aside: _Optional[int] = ..., lost: _Optional[int] = ...) -> None: ...
    class Health(_message.Message):
        __slots__ = ("cpu_percent", "temperature_c", "gpu_percent", "memory_bytes", "disk_free_bytes", "uptime_s")
        CPU_PERCENT_FIELD_NUMBER: _ClassVar[int]
        TEMPERATURE_C_FIELD_NUMBER: _ClassVar[int]
        GPU_PERCENT_FIELD_NUMBER: _ClassVar[int]
        MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
        DISK_FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
        UPTIME_S_FIELD_NUMBER: _ClassVar[int]
        cpu_percent: float
        temperature_c: float
        gpu_percent: float
        memory_bytes: int
        disk_free_bytes: int
        uptime_s: int
        def __init__(self, cpu_percent: _Optional[float] = ..., temperature_c: _Optional[float] = ..., gpu_percent: _Optional[float] = ..., memory_bytes: _Optional[int] = ..., disk_free_bytes: _Optional[int] = ..., uptime_s: _Optional[int] = ...) -> None: ...
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REPORTED_NS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_SYNCED_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFFSET_NS_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    CONFIG_REVISION_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    REFUSED_REVISION_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    LAST_ERRORS_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    schema: int
    device: str
    boot: int
    session: int
    seq: int
    status: DeviceState.Status
    reported_ns: int
    clock_synced: bool
    clock_offset_ns: int
    anchor_id: int
    agent_version: str
    config_revision: int
    heartbeat_interval_s: int
    refused_revision: int
    refusal: str
    cameras: _containers.RepeatedCompositeFieldContainer[DeviceState.Camera]
    models: _containers.RepeatedCompositeFieldContainer[DeviceState.Model]
    outbox: DeviceState.Outbox
    health: DeviceState.Health
    last_errors: _containers.RepeatedScalarFieldContainer[str]
    sensors: _containers.RepeatedCompositeFieldContainer[DeviceState.Sensor]
    def __init__(self, schema: _Optional[int] = ..., device: _Optional[str] = ..., boot: _Optional[int] = ..., session: _Optional[int] = ..., seq: _Optional[int] = ..., status: _Optional[_Union[DeviceState.Status, str]] = ..., reported_ns: _Optional[int] = ..., clock_synced: _Optional[bool] = ..., clock_offset_ns: _Optional[int] = ..., anchor_id: _Optional[int] = ..., agent_version: _Optional[str] = ..., config_revision: _Optional[int] = ..., heartbeat_interval_s: _Optional[int] = ..., refused_revision: _Optional[int] = ..., refusal: _Optional[str] = ..., cameras: _Optional[_Iterable[_Union[DeviceState.Camera, _Mapping]]] = ..., models: _Optional[_Iterable[_Union[DeviceState.Model, _Mapping]]] = ..., outbox: _Optional[_Union[DeviceState.Outbox, _Mapping]] = ..., health: _Optional[_Union[DeviceState.Health, _Mapping]] = ..., last_errors: _Optional[_Iterable[str]] = ..., sensors: _Optional[_Iterable[_Union[DeviceState.Sensor, _Mapping]]] = ...) -> None: ...
