"""Which pictures become a clip: seconds before and after, prolonged, bounded."""

from hypothesis import given
from hypothesis import strategies as st

from edge.evidence.cutter import LAG_S, Clip, Cutter
from edge.evidence.settings import MIB, ClipSettings
from tests.support.stills import S, at, cause, still

SHORT = ClipSettings(enabled=True, before_s=2, after_s=3, max_s=10)


def run(cutter: Cutter, begin: int, end: int) -> list[Clip]:
    """A picture a second; the clips that come of it."""
    done = [cutter.see(still(second)) for second in range(begin, end)]
    return [clip for clip in done if clip is not None]


def seconds(clip: Clip) -> list[int]:
    return [(one.captured_ns - at(0)) // S for one in clip.stills]


def test_a_clip_shows_what_was_before_and_what_came_after() -> None:
    cutter = Cutter(SHORT, lag_s=0)
    assert run(cutter, 0, 11) == []
    told = cause(10)
    assert cutter.tell(told) is None
    assert cutter.is_open
    (clip,) = run(cutter, 11, 20)
    assert seconds(clip) == [8, 9, 10, 11, 12, 13]
    assert (clip.causes, clip.cut) == ([told], "")
    assert not cutter.is_open


def test_an_event_that_comes_late_still_has_its_seconds_before() -> None:
    cutter = Cutter(SHORT)
    run(cutter, 0, 11)
    cutter.tell(cause(10 - LAG_S))
    (clip,) = run(cutter, 11, 17)
    assert seconds(clip) == [5, 6, 7, 8, 9, 10]


def test_events_whose_seconds_touch_share_a_clip() -> None:
    """The last one comes when the clip would be over, and its seconds before are part of it."""
    cutter = Cutter(SHORT.model_copy(update={"max_s": 20}), lag_s=0)
    run(cutter, 0, 11)
    told = [cause(10), cause(12), cause(17)]
    for one, until in zip(told, (13, 18, 40), strict=True):
        assert cutter.tell(one) is None
        clips = run(cutter, (one.captured_ns - at(0)) // S + 1, until)
    (clip,) = clips
    assert seconds(clip) == list(range(8, 21))
    assert (clip.causes, clip.cut) == (told, "")


def test_an_event_beyond_the_longest_begins_a_clip_of_its_own() -> None:
    cutter = Cutter(SHORT, lag_s=0)
    run(cutter, 0, 11)
    cutter.tell(cause(10))
    run(cutter, 11, 13)
    cutter.tell(cause(13))
    run(cutter, 13, 16)
    done = cutter.tell(cause(16))
    assert done is not None
    assert (done.cut, seconds(done)) == ("max_s", list(range(8, 16)))
    (clip,) = run(cutter, 16, 30)
    assert seconds(clip) == [14, 15, 16, 17, 18, 19]


def test_a_source_that_ends_ends_the_clip() -> None:
    cutter = Cutter(SHORT, lag_s=0)
    run(cutter, 0, 11)
    cutter.tell(cause(10))
    clip = cutter.end("source")
    assert clip is not None
    assert (seconds(clip), clip.cut) == ([8, 9, 10], "source")
    assert cutter.end("source") is None


def test_an_event_without_any_picture_makes_no_clip() -> None:
    cutter = Cutter(SHORT, lag_s=0)
    cutter.tell(cause(10))
    assert cutter.end("source") is None


def test_a_clip_has_pictures_of_one_size() -> None:
    cutter = Cutter(SHORT, lag_s=0)
    run(cutter, 0, 11)
    cutter.tell(cause(10))
    clip = cutter.see(still(11, size=(32, 24)))
    assert clip is not None
    assert (seconds(clip), clip.cut) == ([8, 9, 10], "size")
    cutter.tell(cause(11))
    clip = cutter.end()
    assert clip is not None
    assert [one.width_px for one in clip.stills] == [32]


def test_a_clip_that_fills_the_memory_ends() -> None:
    size = len(still(0).jpeg)
    settings = SHORT.model_copy(update={"memory_max_bytes": 2 * (5 * size + 1)})
    cutter = Cutter(settings, lag_s=0)
    run(cutter, 0, 11)
    cutter.tell(cause(10))
    clips = run(cutter, 11, 20)
    assert [clip.cut for clip in clips] == ["memory"]
    assert [len(clip.stills) for clip in clips] == [6]


@given(
    steps=st.lists(st.floats(0.0, 4.0), min_size=1, max_size=60),
    told=st.sets(st.integers(0, 59), max_size=20),
)
def test_no_clip_is_longer_or_larger_than_allowed_and_every_event_is_in_one(
    steps: list[float], told: set[int]
) -> None:
    """Whatever the times of pictures and events are."""
    cutter, clips, now, made = Cutter(SHORT, lag_s=0), [], 0.0, []
    for number, step in enumerate(steps):
        now += step
        clips.append(cutter.see(still(now)))
        if number in told:
            made.append(cause(now))
            clips.append(cutter.tell(made[-1]))
    clips.append(cutter.end("source"))
    done = [clip for clip in clips if clip is not None]
    for clip in done:
        times = [one.captured_ns for one in clip.stills]
        assert times == sorted(times)
        assert times[-1] - clip.since_ns <= SHORT.max_s * S
        for one in clip.causes:
            assert any(time_ns == one.captured_ns for time_ns in times)
    assert [one for clip in done for one in clip.causes] == made


def test_what_waits_is_bounded_in_bytes_and_seconds() -> None:
    settings = ClipSettings(before_s=60, after_s=60, max_s=600, memory_max_bytes=MIB)
    cutter = Cutter(settings, lag_s=0)
    for number in range(3000):
        cutter.see(still(number * 0.2))
        assert cutter.ring_bytes <= MIB // 2
