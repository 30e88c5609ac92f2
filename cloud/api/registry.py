"""/v1/models: which models there are, how far they came, and what people do to them."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from cloud.api.access import Caller, requires
from cloud.api.filters import IdCursor
from cloud.api.problems import RESPONSES
from cloud.api.registry_models import (
    AliasAnswer,
    AliasRequest,
    ChangedAnswer,
    FamiliesAnswer,
    FamilyAnswer,
    ModelAnswer,
    ModelsAnswer,
    StateRequest,
    StateSlug,
    WholeModelAnswer,
)
from cloud.errors import UnknownModelError
from cloud.fleet.api_key import Role
from cloud.registry.model import MAX_RELEASE, VERSION_PATTERN
from cloud.registry.registry import Registry
from cloud.registry.states import ModelState
from cloud.store.port import MAX_LIMIT
from protos.ids import ID_PATTERN

_Name = Annotated[str, Path(pattern=f"^{ID_PATTERN}$")]
_Version = Annotated[str, Path(pattern=f"^{VERSION_PATTERN}$")]
_VersionCursor = Annotated[
    str, Query(pattern=f"^({VERSION_PATTERN})?$", description="of the page before")
]


def registry_router(registry: Registry) -> APIRouter:
    """The routes that ask for models."""
    router = APIRouter(prefix="/v1", tags=["models"], responses=RESPONSES)

    @router.get("/models", summary="Names of models, page by page")
    @requires(Role.VIEWER)
    def page(
        cursor: IdCursor = "", limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100
    ) -> FamiliesAnswer:
        """Each with its aliases, and how many versions there are."""
        found = registry.models.families(cursor, limit + 1)
        shown = [FamilyAnswer.of(family) for family in found[:limit]]
        end = shown[-1].name if shown else cursor
        return FamiliesAnswer(models=shown, cursor=end, more=len(found) > limit)

    @router.get("/models/{name}", summary="The versions of a name, page by page")
    @requires(Role.VIEWER)
    def versions(
        name: _Name,
        cursor: _VersionCursor = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
        state: Annotated[StateSlug | None, Query(description="only those")] = None,
    ) -> ModelsAnswer:
        """In the order of the versions as texts; `added_at` tells which is the newest."""
        wanted = ModelState(state) if state is not None else None
        if not registry.models.page(name, limit=1):
            raise UnknownModelError(f"there is no model {name!r}")
        found = registry.models.page(name, (name, cursor), limit + 1, wanted)
        aliases = registry.aliases.of(name)
        shown = [ModelAnswer.of(model, aliases) for model in found[:limit]]
        return ModelsAnswer(
            name=name,
            aliases=[AliasAnswer.of(one) for one in aliases],
            models=shown,
            cursor=shown[-1].version if shown else cursor,
            more=len(found) > limit,
        )

    @router.get("/models/{name}/{version}", summary="One version, with its record")
    @requires(Role.VIEWER)
    def show(name: _Name, version: _Version) -> WholeModelAnswer:
        """What it is, how it was measured, how far it came, what stands for it."""
        model = registry.get(name, version)
        record = json.loads(registry.record(name, version))
        aliases, engines = registry.aliases.of(name), registry.engines.of(name, version)
        return WholeModelAnswer.whole(model, aliases, engines, record)

    return router


def registry_changes_router(registry: Registry) -> APIRouter:
    """The routes that change models: never what they are, only what they are for."""
    router = APIRouter(prefix="/v1", tags=["models"], responses=RESPONSES)

    @router.post("/models/{name}/{version}/state", summary="Deprecate, restore or revoke a version")
    @requires(Role.FLEET_MANAGER)
    def change(
        name: _Name, version: _Version, wanted: StateRequest, request: Request
    ) -> ChangedAnswer:
        """Revoked is for good, and takes the aliases along.

        Devices hear of it by the signed repository alone: `left_to_do` says what is to be signed.
        """
        caller: Caller = request.state.caller
        after = ModelState(wanted.state)
        model = registry.models.change(name, version, after, caller.actor, wanted.revision)
        return ChangedAnswer.changed(model, registry.aliases.of(name))

    @router.put("/models/{name}/aliases/{alias}", summary="Have an alias stand for a version")
    @requires(Role.FLEET_MANAGER)
    def point(name: _Name, alias: _Name, wanted: AliasRequest, request: Request) -> AliasAnswer:
        """Of a version that is validated or released."""
        caller: Caller = request.state.caller
        made = registry.aliases.set(name, alias, wanted.version, caller.actor, wanted.revision)
        return AliasAnswer.of(made)

    @router.delete(
        "/models/{name}/aliases/{alias}", summary="Have no alias of this name", status_code=204
    )
    @requires(Role.FLEET_MANAGER)
    def remove(
        name: _Name,
        alias: _Name,
        revision: Annotated[int, Query(ge=1, le=MAX_RELEASE, description="as it was last seen")],
        request: Request,
    ) -> Response:
        """The version that it stood for stays as it is."""
        caller: Caller = request.state.caller
        registry.aliases.remove(name, alias, caller.actor, revision)
        return Response(status_code=204)

    return router
