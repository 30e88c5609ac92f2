"""Tracks without pixels: objects that walk along given ways, and what the rules say of them."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.rules.engine import CameraRules
from edge.rules.port import Draft, Event
from edge.rules.settings import CameraRulesSettings
from edge.track.port import Tracks
from protos.v1.event_batch_pb2 import EventBatch

START_NS = 1_700_000_000_000_000_000
WIDTH_PX, HEIGHT_PX = 800, 400
CLASSES = ("person", "car")
Place = tuple[float, float]
Size = Callable[[float], tuple[float, float]]
"""Width and height of a box at a time in s, in shares of the picture."""
Way = Callable[[float], Place | None]
"""Bottom centre of an object at a time in s, in shares of the picture; None: not in sight."""


@dataclass(frozen=True)
class Actor:
    """An object that goes its way; it ends when it is out of sight for good."""

    way: Way
    class_id: int = 0
    confidence: float = 0.9
    size: Size = lambda _: (0.04, 0.1)


def rules(settings: Mapping[str, object]) -> CameraRules:
    """The rules that settings, written as in YAML, describe."""
    return CameraRules(
        "gate-cam", CLASSES, "yolox-nano", "1.0", CameraRulesSettings.model_validate(settings)
    )


def tracks_at(
    time_s: float,
    frame: int,
    seen: Mapping[int, tuple[Place, Actor]],
    first_seen_ns: Mapping[int, int] | None = None,
    ended: tuple[int, ...] = (),
    stationary: Container[int] = (),
) -> Tracks:
    """One frame's tracks: small boxes that stand on the given places."""
    names = sorted(seen)
    foot = np.array([seen[name][0] for name in names]).reshape(-1, 2)
    size = np.array([seen[name][1].size(time_s) for name in names]).reshape(-1, 2)
    half = size * (0.5, 0.0)
    shares = np.concatenate((foot - half - size * (0.0, 1.0), foot + half), axis=1)
    now_ns = START_NS + round(time_s * 1e9)
    firsts = first_seen_ns or {}
    return Tracks(
        captured_ns=now_ns,
        frame=frame,
        track_id=np.array(names, np.int64),
        xyxy=(shares * (WIDTH_PX, HEIGHT_PX, WIDTH_PX, HEIGHT_PX)).astype(np.float32),
        confidence=np.array([seen[name][1].confidence for name in names], np.float32),
        class_id=np.array([seen[name][1].class_id for name in names], np.int32),
        first_seen_ns=np.array([firsts.get(name, now_ns) for name in names], np.int64),
        ended=ended,
        stationary=np.array([name in stationary for name in names], np.bool_),
    )


def play(
    camera: CameraRules,
    actors: Mapping[int, Actor],
    seconds: float,
    fps: float = 10.0,
    until_finish: bool = True,
    begins_s: float = 0.0,
) -> list[Draft]:
    """Every draft of a scene, frame by frame; `begins_s` is where the clock stands at first."""
    drafts: list[Draft] = []
    first: dict[int, int] = {}
    for frame in range(round(seconds * fps) + 1):
        time_s = begins_s + frame / fps
        places = {name: actor.way(time_s - begins_s) for name, actor in actors.items()}
        seen = {name: (at, actors[name]) for name, at in places.items() if at is not None}
        for name in seen:
            first.setdefault(name, START_NS + round(time_s * 1e9))
        tracks = tracks_at(time_s, frame, seen, first)
        drafts += camera.step(tracks, WIDTH_PX, HEIGHT_PX)
    return drafts + (camera.finish() if until_finish else [])


def straight(start: Place, end: Place, seconds: float) -> Callable[[float], Place]:
    """From start to end within some seconds, and there it stays."""

    def way(time_s: float) -> Place:
        share = min(time_s / seconds, 1.0)
        return (
            start[0] + share * (end[0] - start[0]),
            start[1] + share * (end[1] - start[1]),
        )

    return way


def through(*stops: Place, seconds_each: float = 1.0) -> Callable[[float], Place]:
    """From stop to stop."""

    def way(time_s: float) -> Place:
        place = min(time_s / seconds_each, len(stops) - 1.000001)
        stop = int(place)
        return straight(stops[stop], stops[stop + 1], 1.0)(place - stop)

    return way


def kinds(drafts: Sequence[Draft]) -> list[str]:
    """Their kinds, as on the wire."""
    return [EventBatch.Kind.Name(draft.event.kind) for draft in drafts]


def of_kind(drafts: Sequence[Draft], *names: str) -> list[Event]:
    """The events of some kinds."""
    wanted = {EventBatch.Kind.Value(name) for name in names}
    return [draft.event for draft in drafts if draft.event.kind in wanted]


def time_s(event: Event) -> float:
    """Captured time since the scene's start."""
    return (event.captured_ns - START_NS) / 1e9
