"""/v1/erasures: personal data deleted for good, for admins."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cloud.api.access import Caller, requires
from cloud.api.problems import RESPONSES
from cloud.api.times import TimeNs
from cloud.erasure.ranges import ErasedRange
from cloud.fleet.api_key import Role
from cloud.fleet.erasures import Erasure, Erasures
from cloud.store.port import MAX_LIMIT
from cloud.store.questions import check_delete
from protos.ids import ID_PATTERN
from wayside.times import format_ns

StateSlug = Literal["accepted", "running", "failed", "done"]


class ErasureRequest(BaseModel):
    """What is to be erased."""

    model_config = ConfigDict(extra="forbid")

    device: str | None = Field(
        None, pattern=f"^{ID_PATTERN}$", description="null: of all devices, and both times"
    )
    since: TimeNs | None = Field(None, description="captured at or after; null: from the begin")
    until: TimeNs | None = Field(None, description="captured before; null: until now")


class ErasureAnswer(BaseModel):
    """An erasure; nothing late of its range is kept, from its begin on and for ever."""

    erasure: int = Field(description="its number")
    device: str | None = Field(description="null: all devices")
    since_at: str
    since_ns: str
    until_at: str
    until_ns: str
    state: StateSlug = Field(
        description="accepted: it waits; failed: it is tried again; done: all of it is gone"
    )
    asked_by: str | None = Field(examples=["key:mfrggzdfmztw", "user:root"])
    begun_at: str
    ended_at: str | None
    outcome: str | None = Field(
        examples=["done: 30 events, 3 files, 6 pictures"],
        description="what went, or why the last try failed",
    )

    @classmethod
    def of(cls, erasure: Erasure) -> "ErasureAnswer":
        """The answer for an erasure."""
        erased = erasure.erased
        return cls(
            erasure=erasure.number,
            device=erased.device or None,
            since_at=format_ns(erased.since_ns),
            since_ns=str(erased.since_ns),
            until_at=format_ns(erased.until_ns),
            until_ns=str(erased.until_ns),
            state=erasure.state.value,
            asked_by=erasure.asked_by or None,
            begun_at=format_ns(erasure.begun_ns),
            ended_at=format_ns(erasure.ended_ns) if erasure.ended_ns is not None else None,
            outcome=erasure.outcome or None,
        )


class ErasuresAnswer(BaseModel):
    """A page of erasures, the oldest first."""

    erasures: list[ErasureAnswer]
    cursor: str = Field(description="of the next page, and for polling once `more` is false")
    more: bool


def erasures_router(erasures: Erasures, on_asked: Callable[[], None]) -> APIRouter:
    """The routes over the record of erasures.

    Args:
        erasures: the record, out of which a worker carries them out.
        on_asked: called when there is a new one.
    """
    router = APIRouter(prefix="/v1", tags=["erasures"], responses=RESPONSES)

    @router.post("/erasures", summary="Erase a device or a time", status_code=202)
    @requires(Role.ADMIN)
    def ask(wanted: ErasureRequest, request: Request, response: Response) -> ErasureAnswer:
        """Delete events and their pictures for good, from store, archive and blobs.

        It is recorded at once and carried out in the background: ask for it by its number. There
        is no way back. Not reached: backups, exports, and dead letters for 7 days.
        """
        caller: Caller = request.state.caller
        asked_ns = time.time_ns()
        erasure = erasures.ask(_range(wanted, asked_ns), caller.actor, asked_ns)
        on_asked()
        response.headers["Location"] = f"/v1/erasures/{erasure.number}"
        return ErasureAnswer.of(erasure)

    @router.get("/erasures", summary="Erasures, page by page")
    @requires(Role.ADMIN)
    def page(
        cursor: Annotated[
            str, Query(pattern=r"^[0-9]{0,18}$", description="of the page before")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    ) -> ErasuresAnswer:
        """All that there ever were, also those of `wayside-cloud erase`."""
        found = erasures.page(after=int(cursor or 0), limit=limit + 1)
        shown = [ErasureAnswer.of(one) for one in found[:limit]]
        end = str(shown[-1].erasure) if shown else cursor
        return ErasuresAnswer(erasures=shown, cursor=end, more=len(found) > limit)

    @router.get("/erasures/{erasure}", summary="One erasure")
    @requires(Role.ADMIN)
    def show(erasure: Annotated[int, Path(ge=1, le=10**18)]) -> ErasureAnswer:
        """How far it came, and how it ended."""
        return ErasureAnswer.of(erasures.get(erasure))

    return router


def _range(wanted: ErasureRequest, now_ns: int) -> ErasedRange:
    """What is wanted, whole.

    Raises:
        HTTPException: it is not clear, or empty.
        QueryError: it is out of bounds.
    """
    if wanted.device is None and (wanted.since is None or wanted.until is None):
        detail = "name a device, or both since and until for all devices"
        raise HTTPException(HTTPStatus.BAD_REQUEST, detail)
    until_ns = now_ns if wanted.until is None else wanted.until
    try:
        erased = ErasedRange.around(wanted.device or "", wanted.since or 0, until_ns)
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"since, until: {error}") from error
    check_delete(erased.since_ns, erased.until_ns)
    return erased
