"""/v1/devices."""

from typing import Annotated

from fastapi import APIRouter, Query

from cloud.api.access import requires
from cloud.api.models import DeviceAnswer, DevicesAnswer
from cloud.api.problems import RESPONSES
from cloud.fleet.api_key import Role
from cloud.fleet.devices import Devices
from cloud.store.port import MAX_LIMIT


def devices_router(devices: Devices) -> APIRouter:
    """The route over the table of devices."""
    router = APIRouter(prefix="/v1", tags=["devices"], responses=RESPONSES)

    @router.get("/devices", summary="Devices, page by page")
    @requires(Role.VIEWER)
    def page(
        cursor: Annotated[str, Query(max_length=64, description="of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    ) -> DevicesAnswer:
        """Devices that ever reported their state, with the last one each reported."""
        found = devices.page(after=cursor, limit=limit + 1)
        shown = [DeviceAnswer.of(device) for device in found[:limit]]
        end = shown[-1].device if shown else cursor
        return DevicesAnswer(devices=shown, cursor=end, more=len(found) > limit)

    return router
