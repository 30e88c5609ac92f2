"""What a client is told when something is wrong: problem details (RFC 9457)."""

import math
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from cloud.errors import (
    AccessError,
    BlobsAwayError,
    CertificateRefusedError,
    ClaimRefusedError,
    DamagedModelError,
    DeviceError,
    ErasureError,
    IdentityError,
    QueryError,
    RegistryError,
    RepositoryError,
    RequestRefusedError,
    StoreAwayError,
    TooManyAttemptsError,
    TooManyCredentialsError,
    UnknownDeviceError,
    UnknownErasureError,
    UnknownKeyError,
    UnknownModelError,
)

MEDIA_TYPE = "application/problem+json"
_FAULT = "a fault of the server; its log says more"
_log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """Why there is no answer."""

    type: str = "about:blank"
    title: str = Field(examples=["Bad Request"])
    status: int = Field(examples=[400])
    detail: str = Field(examples=["limit: Input should be less than or equal to 1000"])


_CONTENT: dict[str, Any] = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}

RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The question is wrong", "content": _CONTENT},
    503: {"description": "The store is away", "content": _CONTENT},
}
"""For OpenAPI: what every route may answer instead."""


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer that says what is wrong."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


def unauthorized(detail: str) -> JSONResponse:
    """The answer to who is not let in (RFC 6750)."""
    header = {"WWW-Authenticate": 'Bearer realm="wayside"'}
    return problem(HTTPStatus.UNAUTHORIZED, detail, header)


def away(path: str, error: StoreAwayError) -> JSONResponse:
    """The answer while a database does not answer; the log says which and why."""
    _log.warning("store away", path=path, reason=str(error))
    detail = "the store does not answer now; try again"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(QueryError, _refused)
    app.add_exception_handler(AccessError, _refused)
    app.add_exception_handler(UnknownKeyError, _unknown)
    app.add_exception_handler(DeviceError, _conflict)
    app.add_exception_handler(UnknownDeviceError, _unknown)
    app.add_exception_handler(ErasureError, _conflict)
    app.add_exception_handler(UnknownErasureError, _unknown)
    app.add_exception_handler(RegistryError, _conflict)
    app.add_exception_handler(UnknownModelError, _unknown)
    app.add_exception_handler(ClaimRefusedError, _forbidden)
    app.add_exception_handler(CertificateRefusedError, _forbidden)
    app.add_exception_handler(RequestRefusedError, _refused)
    app.add_exception_handler(TooManyCredentialsError, _conflict)
    app.add_exception_handler(TooManyAttemptsError, _too_often)
    app.add_exception_handler(IdentityError, _without_the_ca)
    app.add_exception_handler(DamagedModelError, _damaged)
    app.add_exception_handler(RepositoryError, _without_the_repository)
    app.add_exception_handler(StoreAwayError, _away)
    app.add_exception_handler(BlobsAwayError, _blobs_away)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details = [
        f"{one['loc'][-1]}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()
    ]
    return problem(HTTPStatus.BAD_REQUEST, "; ".join(details))


def _refused(request: Request, error: Exception) -> JSONResponse:
    return problem(HTTPStatus.BAD_REQUEST, str(error))


def _unknown(request: Request, error: Exception) -> JSONResponse:
    return problem(HTTPStatus.NOT_FOUND, str(error))


def _conflict(request: Request, error: Exception) -> JSONResponse:
    return problem(HTTPStatus.CONFLICT, str(error))


def _forbidden(request: Request, error: Exception) -> JSONResponse:
    return problem(HTTPStatus.FORBIDDEN, str(error))


def _too_often(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TooManyAttemptsError)
    after_s = str(max(1, math.ceil(error.retry_after_s)))
    return problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), {"Retry-After": after_s})


def _without_the_ca(request: Request, error: Exception) -> JSONResponse:
    """What is wrong with the CA's folder is for the log alone."""
    _log.error("the CA cannot be used", path=request.url.path, reason=str(error))
    detail = "the CA cannot be used now; try again"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "10"})


def _without_the_repository(request: Request, error: Exception) -> JSONResponse:
    _log.error("the signed repository cannot be used", path=request.url.path, reason=str(error))
    detail = "the signed repository cannot be looked into now; the server's log says why"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "10"})


def _away(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StoreAwayError)
    return away(request.url.path, error)


def _blobs_away(request: Request, error: Exception) -> JSONResponse:
    _log.warning("blobs away", path=request.url.path, reason=str(error))
    detail = "the blobs do not answer now; try again"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, str(error.detail), headers)


def _damaged(request: Request, error: Exception) -> JSONResponse:
    _log.error("model damaged", path=request.url.path, reason=str(error))
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, _FAULT)


def _broken(request: Request, error: Exception) -> JSONResponse:
    _log.error("request failed", path=request.url.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, _FAULT)
