"""/v1/enrolments, /v1/renewals: certificates for devices, which have no API key.

Open to everybody as far as the gate goes: a claim token, or the key of a certificate, is what lets
in here. Over plain HTTP only where the API listens on loopback, as all of it does.
"""

import base64
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cloud.api.access import open_to_all
from cloud.api.problems import RESPONSES
from cloud.enrolment.enrolment import Enrolment, Grant
from cloud.enrolment.settings import EnrolmentSettings
from cloud.identity.proof import Proof
from protos.enrolment import (
    ENROLMENTS_PATH,
    MAX_PEM_CHARS,
    NONCE_PATH,
    NONCE_PATTERN,
    RENEWALS_PATH,
    SERIAL_PATTERN,
)
from protos.ids import ID_PATTERN
from wayside.times import format_ns

ENROLMENT_PATHS = frozenset({ENROLMENTS_PATH, NONCE_PATH, RENEWALS_PATH})
"""No key opens these, and none is asked for."""

_Pem = Annotated[str, Field(max_length=MAX_PEM_CHARS)]
_NS = 10**9


class EnrolmentRequest(BaseModel):
    """A board that wants to be a device."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=200, description="the claim token")
    serial: str = Field("", pattern=f"^({SERIAL_PATTERN})?$", description="of the board")
    request: _Pem = Field(description="PKCS #10, PEM; only its key counts, EC P-256")


class RenewalRequest(BaseModel):
    """A device that wants a certificate for another key."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(pattern=f"^{ID_PATTERN}$")
    certificate: _Pem = Field(description="of now, PEM")
    nonce: str = Field(pattern=f"^{NONCE_PATTERN}$", description="of /v1/renewals/nonce")
    request: _Pem = Field(description="PKCS #10 of the new key, PEM")
    signature: str = Field(
        pattern=r"^[A-Za-z0-9+/]{8,200}={0,2}$",
        description="ECDSA with SHA-256 by the key of now, DER in base 64; over the lines "
        "`wayside certificate renewal 1`, device, nonce and request",
    )

    @property
    def proof(self) -> Proof:
        """What it shows.

        Raises:
            HTTPException: 400, the signature is no base 64.
        """
        try:
            signature = base64.b64decode(self.signature, validate=True)
        except ValueError as error:
            detail = "signature: is no base 64"
            raise HTTPException(HTTPStatus.BAD_REQUEST, detail) from error
        return Proof(self.device, self.certificate, self.nonce, self.request, signature)


class NonceAnswer(BaseModel):
    """A word that a renewal must carry within a few minutes."""

    nonce: str
    time_s: int = Field(
        description="Unix seconds, by the clock that certificates are given by: a device whose own "
        "is ahead would renew over and over"
    )


class BrokerAnswer(BaseModel):
    """Where devices find the broker."""

    host: str
    port: int


class GrantAnswer(BaseModel):
    """What a device is given."""

    device: str
    certificate: str = Field(description="PEM, with those between it and the CA")
    ca: str = Field(description="the CA's certificate, PEM")
    valid_until: str
    broker: BrokerAnswer | None = Field(description="null: not told by the settings")
    repository_url: str | None = Field(description="of signed models; null: not told")

    @classmethod
    def of(cls, grant: Grant, settings: EnrolmentSettings) -> "GrantAnswer":
        """The answer for a grant."""
        host, port = settings.broker_host, settings.broker_port
        return cls(
            device=grant.device,
            certificate=grant.certificate,
            ca=grant.ca,
            valid_until=format_ns(int(grant.valid_until.timestamp()) * _NS),
            broker=BrokerAnswer(host=host, port=port) if host is not None else None,
            repository_url=settings.repository_url,
        )


def enrolment_router(enrolment: Enrolment | None) -> APIRouter:
    """The routes over the CA; None: each says that it is closed."""
    router = APIRouter(tags=["enrolment"], responses=RESPONSES)

    @router.post(ENROLMENTS_PATH, summary="Enrol a device", status_code=201)
    @open_to_all
    def enrol(wanted: EnrolmentRequest, request: Request, response: Response) -> GrantAnswer:
        """Uses the token up; the same key may ask again while the token lives."""
        desk = _opened(enrolment)
        grant = desk.enrol(wanted.token, wanted.serial, wanted.request, _origin(request))
        return _answer(grant, desk, response)

    @router.get(NONCE_PATH, summary="A nonce for a renewal")
    @open_to_all
    def nonce(response: Response) -> NonceAnswer:
        """It keeps a recorded renewal from being used again later."""
        response.headers["Cache-Control"] = "no-store"
        desk = _opened(enrolment)
        return NonceAnswer(nonce=desk.nonce(), time_s=desk.time_s)

    @router.post(RENEWALS_PATH, summary="Renew a certificate", status_code=201)
    @open_to_all
    def renew(wanted: RenewalRequest, request: Request, response: Response) -> GrantAnswer:
        """The certificate of now goes on counting until it ends."""
        desk = _opened(enrolment)
        return _answer(desk.renew(wanted.proof, _origin(request)), desk, response)

    return router


def _opened(enrolment: Enrolment | None) -> Enrolment:
    if enrolment is None:
        detail = "this server enrols no devices: set enrolment.enabled where it holds the CA"
        raise HTTPException(HTTPStatus.NOT_FOUND, detail)
    return enrolment


def _answer(grant: Grant, enrolment: Enrolment, response: Response) -> GrantAnswer:
    response.headers["Cache-Control"] = "no-store"
    return GrantAnswer.of(grant, enrolment.settings)


def _origin(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"
