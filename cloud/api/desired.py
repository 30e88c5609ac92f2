"""/v1/devices/{device}/desired and /updates: what a device shall be, and how its updates went."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request

from cloud.api.access import Caller, requires
from cloud.api.desired_models import (
    DesiredAnswer,
    ModelRequest,
    RulesRequest,
    UpdateAnswer,
    UpdatesAnswer,
)
from cloud.api.problems import RESPONSES
from cloud.desired.rules import checked_rules
from cloud.desired.way_down import WayDown
from cloud.fleet.api_key import Role
from cloud.fleet.devices import Devices
from protos.ids import ID_PATTERN
from wayside.errors import SettingsError

_DeviceId = Annotated[str, Path(pattern=f"^{ID_PATTERN}$")]
_Model = Annotated[str, Path(pattern=f"^{ID_PATTERN}$", description="the model's name")]


def desired_router(devices: Devices, down: WayDown) -> APIRouter:
    """The routes that ask what devices shall be, and how their updates went."""
    router = APIRouter(prefix="/v1/devices", tags=["desired"], responses=RESPONSES)

    @router.get("/{device}/desired", summary="What a device shall be")
    @requires(Role.VIEWER)
    def show(device: _DeviceId) -> DesiredAnswer:
        """Rules and models, who ordered them, and whether the device says they are in force."""
        return _answer(devices, down, device)

    @router.get("/{device}/updates", summary="How a device's updates went")
    @requires(Role.VIEWER)
    def updates(device: _DeviceId) -> UpdatesAnswer:
        """The last state of each, and the steps that led there, by the device's own word."""
        devices.get(device)
        found = down.updates.with_steps(device)
        return UpdatesAnswer(device=device, updates=[UpdateAnswer.of_update(one) for one in found])

    return router


def changes_router(devices: Devices, down: WayDown) -> APIRouter:
    """The routes that change what devices shall be."""
    router = APIRouter(prefix="/v1/devices", tags=["desired"], responses=RESPONSES)

    @router.put("/{device}/desired/rules", summary="Send rules to a device's cameras")
    @requires(Role.FLEET_MANAGER)
    def set_rules(device: _DeviceId, wanted: RulesRequest, request: Request) -> DesiredAnswer:
        """They replace what was sent before, under the next revision.

        The device takes them whole or refuses them whole, and says so: ask again.
        """
        caller: Caller = request.state.caller
        down.desired.set_rules(device, _rules(wanted), caller.actor)
        down.wake()
        return _answer(devices, down, device)

    @router.put("/{device}/desired/models/{model}", summary="Order a device to run a model")
    @requires(Role.FLEET_MANAGER)
    def order(
        device: _DeviceId, model: _Model, wanted: ModelRequest, request: Request
    ) -> DesiredAnswer:
        """Of a version that is released, or of what an alias stands for.

        An order is no authority: the device takes what the signed repository vouches for.
        """
        caller: Caller = request.state.caller
        digest = bytes.fromhex(wanted.sha256 or "")
        down.orders.give(device, model, wanted.version, digest, caller.actor)
        down.wake()
        return _answer(devices, down, device)

    @router.delete("/{device}/desired/models/{model}", summary="Take an order back")
    @requires(Role.FLEET_MANAGER)
    def withdraw(device: _DeviceId, model: _Model, request: Request) -> DesiredAnswer:
        """What the device runs, it goes on running."""
        caller: Caller = request.state.caller
        down.desired.withdraw(device, model, caller.actor)
        down.wake()
        return _answer(devices, down, device)

    return router


def _answer(devices: Devices, down: WayDown, device: str) -> DesiredAnswer:
    found = devices.get(device)
    desired, updates = down.desired.of([device]), down.updates.of([device])
    return DesiredAnswer.of(found, desired[device], updates[device])


def _rules(wanted: RulesRequest) -> bytes:
    """The rules of a question.

    Raises:
        HTTPException: no device would take them.
    """
    try:
        return checked_rules(wanted.yaml.encode(errors="surrogatepass"), "yaml")
    except SettingsError as error:
        detail = "; ".join(str(problem) for problem in error.problems)
        raise HTTPException(HTTPStatus.BAD_REQUEST, detail) from error
