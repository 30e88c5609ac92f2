"""/v1/keys: API keys, for admins."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cloud.api.access import Caller, requires
from cloud.api.filters import IdCursor
from cloud.api.problems import RESPONSES
from cloud.fleet.api_key import KEY_ID_PATTERN, LABEL_PATTERN, Role
from cloud.fleet.keys import DEFAULT_DAYS, MAX_DAYS, ApiKey, Keys
from cloud.store.port import MAX_LIMIT
from wayside.times import format_ns

RoleSlug = Literal["viewer", "operator", "fleet-manager", "admin"]


class KeyAnswer(BaseModel):
    """What is known of a key; the key itself is not."""

    key_id: str = Field(examples=["mfrggzdfmztw"])
    label: str
    role: RoleSlug
    created_by: str = Field(examples=["key:mfrggzdfmztw", "user:root"])
    created_at: str
    expires_at: str
    revoked_at: str | None
    last_used_at: str | None = Field(description="to the minute")

    @classmethod
    def of(cls, key: ApiKey) -> "KeyAnswer":
        """The answer for a key."""
        return cls.model_validate(
            {
                "key_id": key.key_id,
                "label": key.label,
                "role": key.role.slug,
                "created_by": key.created_by,
                "created_at": format_ns(key.created_ns),
                "expires_at": format_ns(key.expires_ns),
                "revoked_at": _at(key.revoked_ns),
                "last_used_at": _at(key.last_used_ns),
            }
        )


class KeysAnswer(BaseModel):
    """A page of keys, in the order of their ids."""

    keys: list[KeyAnswer]
    cursor: str = Field(description="of the next page")
    more: bool


class KeyRequest(BaseModel):
    """The key that is wanted."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(pattern=f"^{LABEL_PATTERN}$", examples=["grafana"])
    role: RoleSlug
    days: int = Field(DEFAULT_DAYS, ge=1, le=MAX_DAYS, description="until it expires")


class NewKeyAnswer(KeyAnswer):
    """A key just made."""

    key: str = Field(description="the key itself: shown this once, and kept nowhere")


def keys_router(keys: Keys) -> APIRouter:
    """The routes over the table of keys."""
    router = APIRouter(prefix="/v1", tags=["access"], responses=RESPONSES)

    @router.get("/keys", summary="API keys, page by page")
    @requires(Role.ADMIN)
    def page(
        cursor: IdCursor = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    ) -> KeysAnswer:
        """All keys that there ever were, also those that open nothing any more."""
        found = keys.page(after=cursor, limit=limit + 1)
        shown = [KeyAnswer.of(key) for key in found[:limit]]
        end = shown[-1].key_id if shown else cursor
        return KeysAnswer(keys=shown, cursor=end, more=len(found) > limit)

    @router.post("/keys", summary="Create an API key", status_code=201)
    @requires(Role.ADMIN)
    def create(wanted: KeyRequest, request: Request, response: Response) -> NewKeyAnswer:
        """The answer is the only place where the key itself ever stands."""
        caller: Caller = request.state.caller
        role = Role.from_slug(wanted.role)
        new, key = keys.create(wanted.label, role, caller.actor, wanted.days)
        response.headers["Cache-Control"] = "no-store"
        return NewKeyAnswer(key=new.text, **KeyAnswer.of(key).model_dump())

    @router.delete("/keys/{key_id}", summary="Revoke an API key")
    @requires(Role.ADMIN)
    def revoke(
        key_id: Annotated[str, Path(pattern=f"^{KEY_ID_PATTERN}$")], request: Request
    ) -> KeyAnswer:
        """It opens nothing from now on, and stays in the list."""
        caller: Caller = request.state.caller
        return KeyAnswer.of(keys.revoke(key_id, caller.actor))

    return router


def _at(time_ns: int | None) -> str | None:
    return format_ns(time_ns) if time_ns is not None else None
