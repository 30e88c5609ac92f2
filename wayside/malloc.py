"""How the C library keeps memory that threads hand to each other.

Left alone, glibc gives threads arenas of their own and grows them apart: a frame that a camera's
thread made and another let go stays in the first one's arena, so eight cameras held 330 MB after
a minute and 20 MB more after half an hour, none of it in use. One arena takes every hole there
is. Memory that is given back to the kernel at once is paid for with page faults when the next
frame needs it: 150,000 a second and half of the frames, where each frame was mapped anew.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MB = 1 << 20

_OPTIONS = (
    # As mallopt(3) has them: number in malloc.h, value, and the variable that is stronger.
    (-8, 1, "MALLOC_ARENA_MAX"),
    (-3, 32 * MB, "MALLOC_MMAP_THRESHOLD_"),
    (-1, 64 * MB, "MALLOC_TRIM_THRESHOLD_"),
)


def keep_one_heap() -> None:
    """Have all threads of this process share one heap, which keeps up to 64 MB for the next frame.

    To be called before there are threads. Where the C library is none of GNU's, nothing is done.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is None:
        return
    for number, value, variable in _OPTIONS:
        if variable not in os.environ:
            mallopt(number, value)


@contextmanager
def giving_back(every_s: float) -> Iterator[None]:
    """While what nobody uses of the heap goes back to the kernel now and then, by a thread.

    A moment with more frames than ever before leaves holes that the heap would
    keep for good. Each time takes 1 to 2 ms, and the page faults of what is needed again. Where
    the C library is none of GNU's, nothing is done.

    Args:
        every_s: how often.
    """
    trim = _of_glibc("malloc_trim")
    if trim is None:
        yield
        return
    ends = threading.Event()

    def run() -> None:
        while not ends.wait(every_s):
            trim(0)  # the GIL is let go meanwhile

    thread = threading.Thread(target=run, name="heap", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


def _of_glibc(name: str) -> Callable[..., int] | None:
    """A function that only GNU's C library has; mallopt(3), malloc_trim(3)."""
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
