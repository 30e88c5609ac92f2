"""Requests about topics and subscriptions: tried until Pub/Sub answers, or the time is over."""

import time
from collections.abc import Callable
from typing import TypeVar

from google.api_core import exceptions

from cloud.bus.client import TRANSIENT
from cloud.bus.settings import BusSettings
from cloud.errors import BusError, BusRefusedError

T = TypeVar("T")
_PAUSE_S = 0.2


class Deadline:
    """`start_timeout_s` from now, for all requests together."""

    def __init__(self, settings: BusSettings) -> None:
        self._settings = settings
        self._end_s = time.monotonic() + settings.start_timeout_s

    def call(self, request: Callable[[float], T], what: str) -> T:
        """The answer to `request(timeout_s)`.

        Raises:
            google.api_core.exceptions.NotFound, AlreadyExists: as Pub/Sub answered.
            BusRefusedError: Pub/Sub will never do this.
            BusError: any other answer, or none.
        """
        while True:
            left_s = max(0.1, self._end_s - time.monotonic())
            try:
                return request(min(left_s, self._settings.attempt_timeout_s))
            except (exceptions.NotFound, exceptions.AlreadyExists):
                raise
            except TRANSIENT as error:
                if time.monotonic() + _PAUSE_S > self._end_s:
                    raise BusError(self._nobody(error)) from error
                time.sleep(_PAUSE_S)
            except exceptions.PermissionDenied as error:
                raise BusError(
                    f"Pub/Sub does not let this account near {what}: {error.message}; looking "
                    "takes roles/pubsub.viewer, changing roles/pubsub.editor"
                ) from error
            except exceptions.GoogleAPIError as error:
                raise BusRefusedError(f"Pub/Sub refuses {what}: {error}") from error

    def _nobody(self, error: Exception) -> str:
        endpoint = self._settings.endpoint
        where = f"at {endpoint}" if endpoint else "of Google"
        remedy = "start `wayside-cloud up`" if endpoint else "look at the network"
        return (f"Pub/Sub {where} did not answer within {self._settings.start_timeout_s:g} s "
                f"({error}): {remedy}, or name another server in `bus.endpoint`")  # fmt: skip
