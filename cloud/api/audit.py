"""/v1/audit: who did what, for admins."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cloud.api.access import requires
from cloud.api.problems import RESPONSES
from cloud.fleet.api_key import Role
from cloud.fleet.audit import Audit, Entry
from cloud.store.port import MAX_LIMIT
from wayside.times import format_ns


class EntryAnswer(BaseModel):
    """One thing that somebody did, or tried."""

    number: int
    at: str
    at_ns: str
    actor: str = Field(examples=["key:mfrggzdfmztw", "user:root", "nobody"])
    origin: str = Field(description="address of the client, or name of the machine")
    action: str = Field(examples=["key.create", "POST /v1/keys"])
    target: str
    outcome: str = Field(
        examples=["done", "201"], description="begun: not ended, or the process ended with it"
    )

    @classmethod
    def of(cls, entry: Entry) -> "EntryAnswer":
        """The answer for an entry."""
        return cls(
            number=entry.number,
            at=format_ns(entry.at_ns),
            at_ns=str(entry.at_ns),
            actor=entry.actor,
            origin=entry.origin,
            action=entry.action,
            target=entry.target,
            outcome=entry.outcome,
        )


class AuditAnswer(BaseModel):
    """A page of the audit, the oldest entry first."""

    entries: list[EntryAnswer]
    cursor: str = Field(description="of the next page, and for polling once `more` is false")
    more: bool


def audit_router(audit: Audit) -> APIRouter:
    """The route over the audit."""
    router = APIRouter(prefix="/v1", tags=["access"], responses=RESPONSES)

    @router.get("/audit", summary="Who did what, page by page")
    @requires(Role.ADMIN)
    def page(
        cursor: Annotated[
            str, Query(pattern=r"^[0-9]{0,18}$", description="of the page before")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    ) -> AuditAnswer:
        """Every write, and every try to administer keys, also those that were refused.

        Entries are never removed, and new ones only come at the end.
        """
        found = audit.page(after=int(cursor or 0), limit=limit + 1)
        shown = [EntryAnswer.of(entry) for entry in found[:limit]]
        end = str(shown[-1].number) if shown else cursor
        return AuditAnswer(entries=shown, cursor=end, more=len(found) > limit)

    return router
