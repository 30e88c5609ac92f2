"""Who asks, and what that lets them do.

Every route says which role it needs, by `requires`, or that it is open, by `open_to_all`. What
says neither is refused to everybody, so that a forgotten line is noticed by the first who asks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, TypeVar

import structlog
from fastapi import Request
from starlette.exceptions import HTTPException

from cloud.errors import KeyRefusedError
from cloud.fleet.api_key import Role
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.keys import Keys

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
_DECLARED = "wayside_role"
_OPEN = "open"
# FastAPI's own pages tell how to ask, and no more.
_DOCUMENTATION = frozenset({"/docs", "/redoc"})
_MAX_HEADER_CHARS = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes:
        actor: for the audit.
        role: what they may do.
    """

    actor: Actor
    role: Role


@dataclass(frozen=True, slots=True)
class Access:
    """What decides about a request.

    Attributes:
        keys: who has one.
        audit: where writes and refusals go.
        requires_key: False: whoever comes without a key is a fleet manager, which is for
            loopback only. Keys and the audit stay closed to them: a key made so would go on
            opening things once keys are required.
    """

    keys: Keys
    audit: Audit
    requires_key: bool

    def caller(self, authorization: Sequence[str], origin: str) -> Caller:
        """Who sent a request with these Authorization headers.

        Raises:
            KeyRefusedError: nobody who is let in.
            StoreAwayError: the database does not answer.
        """
        if not authorization and not self.requires_key:
            return Caller(Actor("nobody", origin), Role.FLEET_MANAGER)
        if not authorization:
            raise KeyRefusedError("a key is needed: `Authorization: Bearer KEY`")
        key = self.keys.verify(_bearer(authorization))
        return Caller(Actor(f"key:{key.key_id}", origin), key.role)


def requires(role: Role) -> Callable[[_Endpoint], _Endpoint]:
    """Let callers of a role, and of those above it, use a route; its description says so."""

    def declare(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _DECLARED, role)
        endpoint.__doc__ = f"{cleandoc(endpoint.__doc__ or '')}\n\nNeeds the role {role.slug}."
        return endpoint

    return declare


def open_to_all(endpoint: _Endpoint) -> _Endpoint:
    """Let everybody use a route, also without a key; its path must stand in `OPEN_PATHS` too."""
    setattr(endpoint, _DECLARED, _OPEN)
    return endpoint


def check_role(request: Request) -> None:
    """A dependency of the whole application: may this caller use this route?

    Raises:
        HTTPException: 403.
    """
    declared = getattr(request.scope["endpoint"], _DECLARED, None)
    if declared == _OPEN or request.scope["path"] in _DOCUMENTATION:
        return
    caller: Caller = request.state.caller
    if declared is not None and caller.role >= declared:
        return
    needed = declared.slug if declared is not None else "nobody"
    _log.warning("not allowed", path=request.url.path, actor=caller.actor.name, needed=needed)
    raise HTTPException(
        HTTPStatus.FORBIDDEN,
        f"this needs the role {needed}, and yours is {caller.role.slug}",
        {"WWW-Authenticate": f'Bearer realm="wayside", error="insufficient_scope", '
         f'scope="{needed}"'},
    )  # fmt: skip


def _bearer(headers: Sequence[str]) -> str:
    if len(headers) > 1:
        raise KeyRefusedError("more than one Authorization header")
    scheme, _, key = headers[0][:_MAX_HEADER_CHARS].partition(" ")
    if scheme.lower() != "bearer":
        raise KeyRefusedError("a key is needed: `Authorization: Bearer KEY`")
    return key.strip()
