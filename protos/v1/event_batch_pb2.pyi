from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventBatch(_message.Message):
    __slots__ = ("schema", "device", "boot", "lane", "first_seq", "count", "traceparent", "clock_synced", "anchor_id", "events")
    class Lane(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LANE_UNSPECIFIED: _ClassVar[EventBatch.Lane]
        LANE_ALARM: _ClassVar[EventBatch.Lane]
        LANE_STATE: _ClassVar[EventBatch.Lane]
        LANE_EVIDENCE: _ClassVar[EventBatch.Lane]
        LANE_STATS: _ClassVar[EventBatch.Lane]
    LANE_UNSPECIFIED: EventBatch.Lane
    LANE_ALARM: EventBatch.Lane
    LANE_STATE: EventBatch.Lane
    LANE_EVIDENCE: EventBatch.Lane
    LANE_STATS: EventBatch.Lane
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[EventBatch.Kind]
        OBJECT_STARTED: _ClassVar[EventBatch.Kind]
        OBJECT_UPDATED: _ClassVar[EventBatch.Kind]
        OBJECT_ENDED: _ClassVar[EventBatch.Kind]
        LINE_CROSSED: _ClassVar[EventBatch.Kind]
        ZONE_ENTERED: _ClassVar[EventBatch.Kind]
        ZONE_EXITED: _ClassVar[EventBatch.Kind]
        DWELL: _ClassVar[EventBatch.Kind]
        OCCUPANCY: _ClassVar[EventBatch.Kind]
        PROXIMITY: _ClassVar[EventBatch.Kind]
        WRONG_WAY: _ClassVar[EventBatch.Kind]
        SPEED: _ClassVar[EventBatch.Kind]
        LANE_DEPARTURE: _ClassVar[EventBatch.Kind]
        COLLISION_WARNING: _ClassVar[EventBatch.Kind]
        COUNTS: _ClassVar[EventBatch.Kind]
        SEGMENTATION: _ClassVar[EventBatch.Kind]
        CAMERA_STATE: _ClassVar[EventBatch.Kind]
        SENSOR: _ClassVar[EventBatch.Kind]
        EVENTS_LOST: _ClassVar[EventBatch.Kind]
    KIND_UNSPECIFIED: EventBatch.Kind
    OBJECT_STARTED: EventBatch.Kind
    OBJECT_UPDATED: EventBatch.Kind
    OBJECT_ENDED: EventBatch.Kind
    LINE_CROSSED: EventBatch.Kind
    ZONE_ENTERED: EventBatch.Kind
    ZONE_EXITED: EventBatch.Kind
    DWELL: EventBatch.Kind
    OCCUPANCY: EventBatch.Kind
    PROXIMITY: EventBatch.Kind
    WRONG_WAY: EventBatch.Kind
    SPEED: EventBatch.Kind
    LANE_DEPARTURE: EventBatch.Kind
    COLLISION_WARNING: EventBatch.Kind
    COUNTS: EventBatch.Kind
    SEGMENTATION: EventBatch.Kind
    CAMERA_STATE: EventBatch.Kind
    SENSOR: EventBatch.Kind
    EVENTS_LOST: EventBatch.Kind
    class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DIRECTION_UNSPECIFIED: _ClassVar[EventBatch.Direction]
        A_TO_B: _ClassVar[EventBatch.Direction]
        B_TO_A: _ClassVar[EventBatch.Direction]
    DIRECTION_UNSPECIFIED: EventBatch.Direction
    A_TO_B: EventBatch.Direction
    B_TO_A: EventBatch.Direction
    class Box(_message.Message):
        __slots__ = ("top", "left", "width", "height")
        TOP_FIELD_NUMBER: _ClassVar[int]
        LEFT_FIELD_NUMBER: _ClassVar[int]
        WIDTH_FIELD_NUMBER: _ClassVar[int]
        HEIGHT_FIELD_NUMBER: _ClassVar[int]
        top: float
        left: float
        width: float
        height: float
        def __init__(self, top: _Optional[float] = ..., left: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ...) -> None: ...
    class Point(_message.Message):
        __slots__ = ("x", "y")
        X_FIELD_NUMBER: _ClassVar[int]
        Y_FIELD_NUMBER: _ClassVar[int]
        x: float
        y: float
        def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ...) -> None: ...
    class Object(_message.Message):
        __slots__ = ("track_id", "class_name", "confidence", "box", "polygon", "speed_mps", "first_seen_ns", "stationary", "median_confidence")
        TRACK_ID_FIELD_NUMBER: _ClassVar[int]
        CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
        CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
        BOX_FIELD_NUMBER: _ClassVar[int]
        POLYGON_FIELD_NUMBER: _ClassVar[int]
        SPEED_MPS_FIELD_NUMBER: _ClassVar[int]
        FIRST_SEEN_NS_FIELD_NUMBER: _ClassVar[int]
        STATIONARY_FIELD_NUMBER: _ClassVar[int]
        MEDIAN_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
        track_id: int
        class_name: str
        confidence: float
        box: EventBatch.Box
        polygon: _containers.RepeatedCompositeFieldContainer[EventBatch.Point]
        speed_mps: float
        first_seen_ns: int
        stationary: bool
        median_confidence: float
        def __init__(self, track_id: _Optional[int] = ..., class_name: _Optional[str] = ..., confidence: _Optional[float] = ..., box: _Optional[_Union[EventBatch.Box, _Mapping]] = ..., polygon: _Optional[_Iterable[_Union[EventBatch.Point, _Mapping]]] = ..., speed_mps: _Optional[float] = ..., first_seen_ns: _Optional[int] = ..., stationary: _Optional[bool] = ..., median_confidence: _Optional[float] = ...) -> None: ...
    class RuleHit(_message.Message):
        __slots__ = ("rule", "target", "direction", "dwell_s", "value", "other_track_id")
        RULE_FIELD_NUMBER: _ClassVar[int]
        TARGET_FIELD_NUMBER: _ClassVar[int]
        DIRECTION_FIELD_NUMBER: _ClassVar[int]
        DWELL_S_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        OTHER_TRACK_ID_FIELD_NUMBER: _ClassVar[int]
        rule: str
        target: str
        direction: EventBatch.Direction
        dwell_s: float
        value: float
        other_track_id: int
        def __init__(self, rule: _Optional[str] = ..., target: _Optional[str] = ..., direction: _Optional[_Union[EventBatch.Direction, str]] = ..., dwell_s: _Optional[float] = ..., value: _Optional[float] = ..., other_track_id: _Optional[int] = ...) -> None: ...
    class Count(_message.Message):
        __slots__ = ("class_name", "count", "direction")
        CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
        COUNT_FIELD_NUMBER: _ClassVar[int]
        DIRECTION_FIELD_NUMBER: _ClassVar[int]
        class_name: str
        count: int
        direction: EventBatch.Direction
        def __init__(self, class_name: _Optional[str] = ..., count: _Optional[int] = ..., direction: _Optional[_Union[EventBatch.Direction, str]] = ...) -> None: ...
    class Counts(_message.Message):
        __slots__ = ("interval_start_ns", "interval_end_ns", "counts")
        INTERVAL_START_NS_FIELD_NUMBER: _ClassVar[int]
        INTERVAL_END_NS_FIELD_NUMBER: _ClassVar[int]
        COUNTS_FIELD_NUMBER: _ClassVar[int]
        interval_start_ns: int
        interval_end_ns: int
        counts: _containers.RepeatedCompositeFieldContainer[EventBatch.Count]
        def __init__(self, interval_start_ns: _Optional[int] = ..., interval_end_ns: _Optional[int] = ..., counts: _Optional[_Iterable[_Union[EventBatch.Count, _Mapping]]] = ...) -> None: ...
    class Polygon(_message.Message):
        __slots__ = ("points", "is_hole")
        POINTS_FIELD_NUMBER: _ClassVar[int]
        IS_HOLE_FIELD_NUMBER: _ClassVar[int]
        points: _containers.RepeatedCompositeFieldContainer[EventBatch.Point]
        is_hole: bool
        def __init__(self, points: _Optional[_Iterable[_Union[EventBatch.Point, _Mapping]]] = ..., is_hole: _Optional[bool] = ...) -> None: ...
    class AreaShare(_message.Message):
        __slots__ = ("class_name", "share", "polygons")
        CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
        SHARE_FIELD_NUMBER: _ClassVar[int]
        POLYGONS_FIELD_NUMBER: _ClassVar[int]
        class_name: str
        share: float
        polygons: _containers.RepeatedCompositeFieldContainer[EventBatch.Polygon]
        def __init__(self, class_name: _Optional[str] = ..., share: _Optional[float] = ..., polygons: _Optional[_Iterable[_Union[EventBatch.Polygon, _Mapping]]] = ...) -> None: ...
    class Segmentation(_message.Message):
        __slots__ = ("areas",)
        AREAS_FIELD_NUMBER: _ClassVar[int]
        areas: _containers.RepeatedCompositeFieldContainer[EventBatch.AreaShare]
        def __init__(self, areas: _Optional[_Iterable[_Union[EventBatch.AreaShare, _Mapping]]] = ...) -> None: ...
    class Position(_message.Message):
        __slots__ = ("latitude_deg", "longitude_deg", "speed_mps", "heading_deg")
        LATITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
        LONGITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
        SPEED_MPS_FIELD_NUMBER: _ClassVar[int]
        HEADING_DEG_FIELD_NUMBER: _ClassVar[int]
        latitude_deg: float
        longitude_deg: float
        speed_mps: float
        heading_deg: float
        def __init__(self, latitude_deg: _Optional[float] = ..., longitude_deg: _Optional[float] = ..., speed_mps: _Optional[float] = ..., heading_deg: _Optional[float] = ...) -> None: ...
    class SensorReading(_message.Message):
        __slots__ = ("sensor", "value", "unit")
        SENSOR_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        UNIT_FIELD_NUMBER: _ClassVar[int]
        sensor: str
        value: float
        unit: str
        def __init__(self, sensor: _Optional[str] = ..., value: _Optional[float] = ..., unit: _Optional[str] = ...) -> None: ...
    class CameraStatus(_message.Message):
        __slots__ = ("state", "detail")
        STATE_FIELD_NUMBER: _ClassVar[int]
        DETAIL_FIELD_NUMBER: _ClassVar[int]
        state: str
        detail: str
        def __init__(self, state: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...
    class LostRange(_message.Message):
        __slots__ = ("boot", "lane", "first_seq", "last_seq", "count", "reason")
        BOOT_FIELD_NUMBER: _ClassVar[int]
        LANE_FIELD_NUMBER: _ClassVar[int]
        FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
        LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
        COUNT_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        boot: int
        lane: EventBatch.Lane
        first_seq: int
        last_seq: int
        count: int
        reason: str
        def __init__(self, boot: _Optional[int] = ..., lane: _Optional[_Union[EventBatch.Lane, str]] = ..., first_seq: _Optional[int] = ..., last_seq: _Optional[int] = ..., count: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
    class EventsLost(_message.Message):
        __slots__ = ("ranges",)
        RANGES_FIELD_NUMBER: _ClassVar[int]
        ranges: _containers.RepeatedCompositeFieldContainer[EventBatch.LostRange]
        def __init__(self, ranges: _Optional[_Iterable[_Union[EventBatch.LostRange, _Mapping]]] = ...) -> None: ...
    class Event(_message.Message):
        __slots__ = ("seq", "camera", "captured_ns", "kind", "model", "model_version", "object", "rule_hit", "counts", "segmentation", "position", "snapshot_id", "sensor", "camera_status", "events_lost", "frame", "clock_synced")
        SEQ_FIELD_NUMBER: _ClassVar[int]
        CAMERA_FIELD_NUMBER: _ClassVar[int]
        CAPTURED_NS_FIELD_NUMBER: _ClassVar[int]
        KIND_FIELD_NUMBER: _ClassVar[int]
        MODEL_FIELD_NUMBER: _ClassVar[int]
        MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
        OBJECT_FIELD_NUMBER: _ClassVar[int]
        RULE_HIT_FIELD_NUMBER: _ClassVar[int]
        COUNTS_FIELD_NUMBER: _ClassVar[int]
        SEGMENTATION_FIELD_NUMBER: _ClassVar[int]
        POSITION_FIELD_NUMBER: _ClassVar[int]
        SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
        SENSOR_FIELD_NUMBER: _ClassVar[int]
        CAMERA_STATUS_FIELD_NUMBER: _ClassVar[int]
        EVENTS_LOST_FIELD_NUMBER: _ClassVar[int]
        FRAME_FIELD_NUMBER: _ClassVar[int]
        CLOCK_SYNCED_FIELD_NUMBER: _ClassVar[int]
        seq: int
        camera: str
        captured_ns: int
        kind: EventBatch.Kind
        model: str
        model_version: str
        object: EventBatch.Object
        rule_hit: EventBatch.RuleHit
        counts: EventBatch.Counts
        segmentation: EventBatch.Segmentation
        position: EventBatch.Position
        snapshot_id: str
        sensor: EventBatch.SensorReading
        camera_status: EventBatch.CameraStatus
        events_lost: EventBatch.EventsLost
        frame: int
        clock_synced: bool
        def __init__(self, seq: _Optional[int] = ..., camera: _Optional[str] = ..., captured_ns: _Optional[int] = ..., kind: _Optional[_Union[EventBatch.Kind, str]] = ..., model: _Optional[str] = ..., model_version: _Optional[str] = ..., object: _Optional[_Union[EventBatch.Object, _Mapping]] = ..., rule_hit: _Optional[_Union[EventBatch.RuleHit, _Mapping]] = ..., counts: _Optional[_Union[EventBatch.Counts, _Mapping]] = ..., segmentation: _Optional[_Union[EventBatch.Segmentation, _Mapping]] = ..., position: _Optional[_Union[EventBatch.Position, _Mapping]] = ..., snapshot_id: _Optional[str] = ..., sensor: _Optional[_Union[EventBatch.SensorReading, _Mapping]] = ..., camera_status: _Optional[_Union[EventBatch.CameraStatus, _Mapping]] = ..., events_lost: _Optional[_Union[EventBatch.EventsLost, _Mapping]] = ..., frame: _Optional[int] = ..., clock_synced: _Optional[bool] = ...) -> None: ...
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    CLOCK_SYNCED_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_ID_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    schema: int
    device: str
    boot: int
    lane: EventBatch.Lane
    first_seq: int
    count: int
    traceparent: str
    clock_synced: bool
    anchor_id: int
    events: _containers.RepeatedCompositeFieldContainer[EventBatch.Event]
    def __init__(self, schema: _Optional[int] = ..., device: _Optional[str] = ..., boot: _Optional[int] = ..., lane: _Optional[_Union[EventBatch.Lane, str]] = ..., first_seq: _Optional[int] = ..., count: _Optional[int] = ..., traceparent: _Optional[str] = ..., clock_synced: _Optional[bool] = ..., anchor_id: _Optional[int] = ..., events: _Optional[_Iterable[_Union[EventBatch.Event, _Mapping]]] = ...) -> None: ...
