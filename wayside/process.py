"""How a process of Wayside ends: asked to by a signal, or because it must not live on."""

import faulthandler
import gc
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import NoReturn

import structlog

EXIT_BAD_SETTINGS = 2
"""The settings or the command line were refused; starting again would not help."""

EXIT_CRASH_ONLY = 70
"""EX_SOFTWARE of sysexits.h: a part is stuck or broken, start me again."""

_UNLESS_ORPHANED = '[ "$PPID" -eq "$0" ] && exec "$@"'
"""Shell that becomes the command where its parent is the process of that number."""

_log = structlog.get_logger(__name__)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = threading.Event()
    was_asked = False
    call = _from_handlers()

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal was_asked
        if was_asked:
            os._exit(128 + number)
        was_asked = True
        call(stop.set)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop


def exit_on_sigterm() -> None:
    """Have SIGTERM end the process as SIGINT does: by an exception, so that all is tidied up."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def on_hangup(act: Callable[[], None]) -> None:
    """Have something done, in a thread, whenever SIGHUP comes: daemons read their settings then."""
    call = _from_handlers()
    signal.signal(signal.SIGHUP, lambda number, frame: call(act))


def _from_handlers() -> Callable[[Callable[[], None]], None]:
    """What a signal's handler may call to have something done.

    A handler runs in the middle of whatever the main thread does, which may hold the very lock
    that the handler would wait for; `SimpleQueue.put` alone may be called there.
    """
    calls: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def work() -> None:
        while True:
            calls.get()()

    threading.Thread(target=work, name="signals", daemon=True).start()
    return calls.put


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Leave what stands now out of every garbage collection until the end.

    For a process that is whole: its modules and what it is composed of live as long as it works,
    and looking at all of them again and again took a tenth of the time of ingest. What is no
    longer used of them is freed all the same, but for cycles.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def crash(reason: str, **keys: object) -> NoReturn:
    """End this process with exit code 70 and every thread's stack on stderr (decision 1)."""
    _log.critical("crash", reason=reason, **keys)
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    sys.stderr.flush()
    os._exit(EXIT_CRASH_ONLY)


def crash_on_thread_errors() -> None:
    """Make an uncaught error in any thread end the process: no half-alive agents."""

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit:
            return
        name = args.thread.name if args.thread else "?"
        _log.critical(
            "thread died", thread=name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
        )
        crash("a thread died", thread=name)

    threading.excepthook = hook


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """The command, run so that the kernel ends it (SIGTERM) when this process is gone.

    By setpriv(1) of util-linux, which sets PR_SET_PDEATHSIG and becomes the command: the same
    in a `preexec_fn` would run Python between fork and exec, which crashes now and then in
    a process with threads. A parent that was gone before the signal was asked for would never
    be noticed, so a shell looks at it once more and ends where it is another one. Without
    setpriv, as in some containers, the command itself.

    The process that calls this must be the one that runs the command.
    """
    setpriv = shutil.which("setpriv")
    if not setpriv:
        return list(command)
    watched = ["/bin/sh", "-c", _UNLESS_ORPHANED, str(os.getpid()), *command]
    return [setpriv, "--pdeathsig", "TERM", "--", *watched]
