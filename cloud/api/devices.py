"""/v1/devices: what devices there are, whether they are there, and what people do to them."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from cloud.api.access import Caller, requires
from cloud.api.device_models import (
    DeviceAnswer,
    DeviceRequest,
    DevicesAnswer,
    DevicesSummaryAnswer,
    PresenceSlug,
)
from cloud.api.filters import IdCursor
from cloud.api.problems import RESPONSES
from cloud.desired.way_down import WayDown
from cloud.fleet.api_key import Role
from cloud.fleet.audit import Actor
from cloud.fleet.device import Device
from cloud.fleet.devices import Devices
from cloud.fleet.lifecycle import Lifecycle
from cloud.fleet.presence import Presence
from cloud.store.port import MAX_LIMIT
from protos.ids import ID_PATTERN

OnReplaced = Callable[[str, Actor], None]
_DeviceId = Annotated[str, Path(pattern=f"^{ID_PATTERN}$")]


def devices_router(devices: Devices, down: WayDown) -> APIRouter:
    """The routes that ask for devices."""
    router = APIRouter(prefix="/v1", tags=["devices"], responses=RESPONSES)

    @router.get("/devices", summary="Devices, page by page")
    @requires(Role.VIEWER)
    def page(
        cursor: IdCursor = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
        presence: Annotated[PresenceSlug | None, Query(description="only those")] = None,
        decommissioned: Annotated[bool, Query(description="show these as well")] = False,
    ) -> DevicesAnswer:
        """Devices that reported their state or were registered, with the last state of each."""
        wanted = Presence(presence) if presence is not None else None
        found = devices.page(cursor, limit + 1, wanted, decommissioned=decommissioned)
        shown = _answers(found[:limit], down)
        end = shown[-1].device if shown else cursor
        return DevicesAnswer(devices=shown, cursor=end, more=len(found) > limit)

    @router.get("/devices/summary", summary="How many devices are there, late, offline")
    @requires(Role.VIEWER)
    def summary() -> DevicesSummaryAnswer:
        """Counts by presence."""
        return DevicesSummaryAnswer.of(devices.tally())

    @router.get("/devices/{device}", summary="One device")
    @requires(Role.VIEWER)
    def show(device: _DeviceId) -> DeviceAnswer:
        """A device, also one that is decommissioned."""
        return _answer(devices, down, device)

    return router


def lifecycle_router(
    devices: Devices, lifecycle: Lifecycle, down: WayDown, on_replaced: OnReplaced | None = None
) -> APIRouter:
    """The routes that change devices.

    Args:
        devices: the table.
        lifecycle: changes it.
        down: what they shall be.
        on_replaced: told whose hardware was replaced, and by whom: revokes what the old one holds.
    """
    router = APIRouter(prefix="/v1", tags=["devices"], responses=RESPONSES)

    @router.post("/devices", summary="Register a device", status_code=201)
    @requires(Role.FLEET_MANAGER)
    def register(wanted: DeviceRequest, request: Request) -> DeviceAnswer:
        """Expect a device: it is `never-seen` until its first state."""
        caller: Caller = request.state.caller
        lifecycle.register(wanted.device, caller.actor)
        return _answer(devices, down, wanted.device)

    @router.post("/devices/{device}/replace", summary="Give a device new hardware")
    @requires(Role.FLEET_MANAGER)
    def replace(device: _DeviceId, request: Request) -> DeviceAnswer:
        """It is `never-seen` until the new hardware's first state; its events stay.

        The old one's claim tokens count no more. Its certificates are revoked where this server
        has the CA, else by `wayside-cloud devices replace --revoke`.
        """
        caller: Caller = request.state.caller
        lifecycle.replace(device, caller.actor)
        if on_replaced is not None:
            on_replaced(device, caller.actor)
        return _answer(devices, down, device)

    @router.post("/devices/{device}/decommission", summary="Take a device out of service")
    @requires(Role.FLEET_MANAGER)
    def decommission(device: _DeviceId, request: Request) -> DeviceAnswer:
        """It is hidden, and its states are ignored; its events are still stored."""
        caller: Caller = request.state.caller
        lifecycle.decommission(device, caller.actor)
        return _answer(devices, down, device)

    @router.post("/devices/{device}/recommission", summary="Take a device back into service")
    @requires(Role.FLEET_MANAGER)
    def recommission(device: _DeviceId, request: Request) -> DeviceAnswer:
        """Its next state counts again."""
        caller: Caller = request.state.caller
        lifecycle.recommission(device, caller.actor)
        return _answer(devices, down, device)

    return router


def _answers(found: Sequence[Device], down: WayDown) -> list[DeviceAnswer]:
    """The answers for devices, with what they shall be."""
    ids = [device.device_id for device in found]
    desired, updates = down.desired.of(ids), down.updates.of(ids)
    return [
        DeviceAnswer.of(device, desired[device.device_id], updates[device.device_id])
        for device in found
    ]


def _answer(devices: Devices, down: WayDown, device: str) -> DeviceAnswer:
    [answer] = _answers([devices.get(device)], down)
    return answer
