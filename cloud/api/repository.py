"""/v1/repository: how the signatures that devices believe stand, and what somebody has to do."""

from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cloud.api.access import requires
from cloud.api.problems import RESPONSES
from cloud.fleet.api_key import Role
from cloud.repository.lookout import View
from cloud.repository.roles import role_text

ReadView = Callable[[], View | None]


class RoleAnswer(BaseModel):
    """A role of the repository."""

    role: str = Field(examples=["root", "family:yard-people"])
    version: int = Field(description="in force")
    expires: str = Field(description="no device believes it afterwards")
    signed_by_server: bool


class AlarmAnswer(BaseModel):
    """What somebody has to do."""

    role: str
    is_over: bool = Field(description="true: devices refuse it now")
    message: str = Field(description="what it is, and the command that mends it")


class RepositoryAnswer(BaseModel):
    """What was seen of the repository."""

    looked_at: str | None = Field(description="null: it could not be looked at yet")
    roles: list[RoleAnswer] = Field(description="empty where there is no repository")
    alarms: list[AlarmAnswer] = Field(description="the most urgent first")

    @classmethod
    def of(cls, view: View | None) -> "RepositoryAnswer":
        """The answer for what was seen."""
        if view is None:
            return cls(looked_at=None, roles=[], alarms=[])
        roles = [
            RoleAnswer(
                role=role_text(row.role), version=row.version, expires=f"{row.expires:%FT%TZ}",
                signed_by_server=row.is_online,
            )
            for row in view.rows
        ]  # fmt: skip
        alarms = [
            AlarmAnswer(role=role_text(one.role), is_over=one.is_over, message=one.message)
            for one in view.alarms
        ]
        return cls(looked_at=f"{view.at:%FT%TZ}", roles=roles, alarms=alarms)


def repository_router(view: ReadView) -> APIRouter:
    """The route that asks for it."""
    router = APIRouter(prefix="/v1", tags=["models"], responses=RESPONSES)

    @router.get("/repository", summary="The signed repository, and what will end soon")
    @requires(Role.VIEWER)
    def show() -> RepositoryAnswer:
        """As it was seen within the last hour."""
        return RepositoryAnswer.of(view())

    return router
