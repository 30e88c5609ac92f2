"""Bodies of requests: no larger than they may be, and not waited for without end."""

import asyncio
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api import problems

_CLOSE = {"Connection": "close"}
"""What is left of the body is not read, so the connection can serve no other request."""


class BodyLimit:
    """ASGI middleware. A body is judged by what it announces, and counted while it comes.

    Args:
        app: behind it.
        max_bytes: of a body; larger ones are answered with 413.
        timeout_s: from the first look at a body to its last byte; slower ones get 408.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced_bytes(scope) > self._max_bytes:
            refused = self._too_large()
            answer = problems.problem(refused.status_code, refused.detail, _CLOSE)
            await answer(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        """Gives what comes until it is too much; the error is the application's to answer."""
        taken, is_whole = 0, False
        deadline_s = 0.0

        async def counted() -> Message:
            nonlocal taken, is_whole, deadline_s
            if is_whole:
                return await receive()  # it tells when the client has gone, whenever that is
            now_s = asyncio.get_running_loop().time()
            deadline_s = deadline_s or now_s + self._timeout_s
            try:
                message = await asyncio.wait_for(receive(), deadline_s - now_s)
            except TimeoutError as error:
                raise self._too_slow() from error
            taken += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if taken > self._max_bytes:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> HTTPException:
        detail = f"the body is larger than {self._max_bytes} bytes (api.limits.max_body_bytes)"
        return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, _CLOSE)

    def _too_slow(self) -> HTTPException:
        detail = f"the body did not come within {self._timeout_s:g} s"
        return HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, _CLOSE)


def _announced_bytes(scope: Scope) -> int:
    """What the header tells; 0 where it tells nothing, as with a chunked body."""
    announced = Headers(scope=scope).get("content-length", "")
    # The server has refused what is no number; nobody needs twenty digits.
    return int(announced[:20]) if announced.isdecimal() else 0
