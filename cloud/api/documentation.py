"""The API described: `/docs` for people, `/openapi.json` for programs, open to everybody.

A browser sends no key with a page that it opens, and the description says no more than the source
does. What it describes stays closed: the button `Authorize` takes a key for the requests that the
page tries.
"""

from typing import Any

from fastapi import FastAPI

from cloud.api.enrolment import ENROLMENT_PATHS
from cloud.api.health import OPEN_PATHS

_FILES = "/static-offline-docs"
DOCUMENTATION_PATHS = frozenset({
    "/docs", "/redoc", "/openapi.json",
    f"{_FILES}/swagger-ui-bundle.js", f"{_FILES}/swagger-ui.css",
    f"{_FILES}/redoc.standalone.js", f"{_FILES}/favicon.png",
})  # fmt: skip
"""The pages, the description, and the files that the pages load."""

_KEY = "key"
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "wayside_ID_SECRET",
    "description": "a key, as `wayside-cloud keys create` prints it once",
}


def describe(app: FastAPI, requires_key: bool) -> None:
    """Have the description tell which routes take a key.

    Args:
        app: with all its routes.
        requires_key: False: most of them answer without one, too.
    """
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            description = made()
            description.setdefault("components", {})["securitySchemes"] = {_KEY: _SCHEME}
            needs: list[dict[str, list[str]]] = [{_KEY: []}]
            description["security"] = needs if requires_key else [*needs, {}]
            for path in OPEN_PATHS | ENROLMENT_PATHS:
                for operation in description["paths"][path].values():
                    operation["security"] = []
            app.openapi_schema = description
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
