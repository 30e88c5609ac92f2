"""/v1/events/{device}/{boot}/{lane}/{seq}/snapshot: the picture of an event."""

from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import Response

from cloud.api.access import requires
from cloud.api.problems import RESPONSES
from cloud.errors import BlobNotFoundError, BlobsAwayError
from cloud.evidence.snapshots import MEDIA_TYPE, Snapshots
from cloud.fleet.api_key import Role
from protos.errors import InvalidIdError
from protos.ids import EventId

_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture", "content": {MEDIA_TYPE: {}}}
}
_HEADERS = {
    # A picture never changes, but it may be erased: an hour bounds what a browser still shows.
    "Cache-Control": "private, max-age=3600",
    "X-Content-Type-Options": "nosniff",
}
_log = structlog.get_logger(__name__)

Part = Annotated[str, Path(max_length=63)]


def snapshots_router(snapshots: Snapshots) -> APIRouter:
    """Pictures of events; the route blocks, so FastAPI runs it in its thread pool."""
    router = APIRouter(prefix="/v1", tags=["events"], responses=RESPONSES)

    @router.get(
        "/events/{device}/{boot}/{lane}/{seq}/snapshot",
        summary="The picture of an event",
        response_class=Response,
        responses=_PICTURE,
    )
    @requires(Role.VIEWER)
    def snapshot(device: Part, boot: Part, lane: Part, seq: Part) -> Response:
        """The JPEG that the device sent for an event; the path is the event's id."""
        try:
            event_id = EventId.parse(f"{device}/{boot}/{lane}/{seq}")
        except InvalidIdError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error
        try:
            picture = snapshots.picture(event_id)
        except BlobNotFoundError as error:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"{event_id} has no picture") from error
        except BlobsAwayError as error:
            _log.warning("blobs away", event_id=str(event_id), reason=str(error))
            detail = "the pictures cannot be had now; try again"
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"}
            ) from error
        return Response(picture, media_type=MEDIA_TYPE, headers=_HEADERS)

    return router
