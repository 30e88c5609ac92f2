"""The gate before every route: nobody passes whom no key lets in, and writes leave a trace."""

import threading
import time
from collections.abc import Callable
from urllib.parse import quote

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api import problems
from cloud.api.access import Access, Caller
from cloud.errors import KeyRefusedError, StoreAwayError
from cloud.fleet.audit import Actor

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_KEYS_PATH = "/v1/keys"
_MAX_STRANGERS = 60
_WINDOW_S = 60.0
_log = structlog.get_logger(__name__)


class Gate:
    """ASGI middleware. What it has let through finds its `Caller` in `request.state.caller`.

    Args:
        app: behind the gate.
        access: decides.
        open_paths: exactly these pass without a key.
        clock_s: monotonic.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        open_paths: frozenset[str],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._access = access
        self._open_paths = open_paths
        self._strangers = _Allowance(_MAX_STRANGERS, _WINDOW_S, clock_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
        else:
            await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            caller = await run_in_threadpool(self._caller, scope)
            number = await run_in_threadpool(self._begin, scope, caller.actor)
        except KeyRefusedError as error:
            await problems.unauthorized(str(error))(scope, receive, send)
            return
        except StoreAwayError as error:
            await problems.away(scope["path"], error)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        if number is None:
            await self._app(scope, receive, send)
        else:
            await self._watch(number, scope, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        """Who sent it; a refusal is logged, and kept where it was about a write or a key."""
        authorization = Headers(scope=scope).getlist("authorization")
        try:
            return self._access.caller(authorization, _origin(scope))
        except KeyRefusedError as error:
            actor = Actor(f"key:{error.key_id}" if error.key_id else "nobody", _origin(scope))
            _log.warning(
                "key refused", path=scope["path"], actor=actor.name, origin=actor.origin,
                reason=str(error),
            )  # fmt: skip
            # Who has no key must not be able to fill the disk by being refused.
            if _is_audited(scope) and (error.key_id or self._strangers.take()):
                number = self._access.audit.begin(actor, _action(scope))
                self._access.audit.end(number, f"401 {error}")
            raise

    def _begin(self, scope: Scope, actor: Actor) -> int | None:
        """The number of the audit's entry; None where none is needed."""
        return self._access.audit.begin(actor, _action(scope)) if _is_audited(scope) else None

    async def _watch(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and note how it ended before the caller hears of it."""
        is_noted = False

        async def noting(message: Message) -> None:
            nonlocal is_noted
            if message["type"] == "http.response.start":
                is_noted = True
                await run_in_threadpool(self._access.audit.close, number, str(message["status"]))
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if not is_noted:
                await run_in_threadpool(self._access.audit.close, number, "500")


class _Allowance:
    """So many in a window of time. Any thread may use it."""

    def __init__(self, most: int, window_s: float, clock_s: Callable[[], float]) -> None:
        self._most = most
        self._window_s = window_s
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._begun_s = clock_s()
        self._taken = 0

    def take(self) -> bool:
        """True while there is one left."""
        with self._lock:
            now_s = self._clock_s()
            if now_s - self._begun_s >= self._window_s:
                self._begun_s, self._taken = now_s, 0
            self._taken += 1
            return self._taken <= self._most


def _is_audited(scope: Scope) -> bool:
    path: str = scope["path"]
    is_about_keys = path == _KEYS_PATH or path.startswith(f"{_KEYS_PATH}/")
    return is_about_keys or scope["method"] not in _READS


def _action(scope: Scope) -> str:
    # Quoted, for a path may hold any character, also some that PostgreSQL keeps nowhere.
    return f"{scope['method']} {quote(scope['path'])}"


def _origin(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
