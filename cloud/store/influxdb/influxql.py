"""InfluxQL over `/query`: the one query language that InfluxDB 1.8, 2.x and 3.x share.

influxdb-client reads by Flux only, so this goes through urllib3, on which it stands itself.
"""

import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import urllib3

from cloud.errors import StoreAwayError

Parameter = str | int


class StatementError(StoreAwayError):
    """The server answers, but not this statement: not known, not allowed, or no such database."""


@dataclass(frozen=True, slots=True)
class Series:
    """Rows of one measurement and group; a row has one value a column."""

    name: str
    tags: Mapping[str, str]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def dicts(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(slots=True)
class Bindings:
    """Values bound to names: they travel beside the query and are never part of its text."""

    values: dict[str, Parameter] = field(default_factory=dict)

    def bind(self, value: Parameter) -> str:
        """The placeholder that stands for a value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"


@dataclass(frozen=True, slots=True)
class Database:
    """What a bucket is called in InfluxQL: `database` or `database/retention-policy`."""

    name: str
    policy: str

    @classmethod
    def of_bucket(cls, bucket: str) -> "Database":
        """The database that a bucket stands for."""
        name, _, policy = bucket.partition("/")
        return cls(name, policy)


class InfluxQl:
    """A server that is asked questions. Any thread may ask.

    Args:
        url: of the server.
        database: that the questions are about.
        token: sent with each question, unless empty.
        timeout_s: of one question.
        tls: for https.
    """

    def __init__(
        self, url: str, database: Database, token: str, timeout_s: float, tls: ssl.SSLContext | None
    ) -> None:
        self._url = url
        self._database = database
        self._headers = {"Authorization": f"Token {token}"} if token else {}
        self._http = urllib3.PoolManager(
            maxsize=16,
            retries=False,
            timeout=urllib3.Timeout(total=timeout_s),
            ssl_context=tls,
            headers=self._headers,
        )

    def ask(self, statements: Sequence[str], bindings: Bindings) -> list[list[Series]]:
        """The answers to some statements, in their order.

        Raises:
            StoreAwayError: no answer, or one that says that it does not work.
        """
        if not statements:
            return []
        form = {
            "db": self._database.name,
            "epoch": "ns",
            "q": "; ".join(statements),
            "params": json.dumps(bindings.values),
        }
        if self._database.policy:
            form["rp"] = self._database.policy
        results = self._post(form).get("results", [])
        return [self._series(result) for result in results]

    def close(self) -> None:
        """Close the idle connections."""
        self._http.clear()

    def _post(self, form: Mapping[str, str]) -> dict[str, Any]:
        try:
            response = self._http.request_encode_body(
                "POST", f"{self._url}/query", fields=form, encode_multipart=False
            )
            answer = json.loads(response.data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise StoreAwayError(f"InfluxDB at {self._url}: no answer: {error}") from error
        if response.status != 200 or not isinstance(answer, dict):
            kind = StatementError if response.status == 400 else StoreAwayError
            raise kind(f"InfluxDB at {self._url}: {response.status}: {str(answer)[:500]}")
        return answer

    def _series(self, result: Mapping[str, Any]) -> list[Series]:
        if "error" in result:
            raise StatementError(
                f"InfluxDB at {self._url}, database {self._database.name!r}: {result['error']}"
            )
        return [
            Series(
                one.get("name", ""), one.get("tags", {}), one["columns"], one.get("values") or []
            )
            for one in result.get("series", [])
        ]
