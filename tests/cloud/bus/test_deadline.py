"""Requests about topics and subscriptions, until there is an answer."""

from typing import Any

import pytest
from google.api_core import exceptions

from cloud.bus.deadline import Deadline
from cloud.bus.settings import BusSettings
from cloud.errors import BusError, BusRefusedError

errors: Any = exceptions  # their constructors are not typed


def deadline(start_timeout_s: float = 5.0) -> Deadline:
    return Deadline(BusSettings(start_timeout_s=start_timeout_s, attempt_timeout_s=2.0))


def test_a_request_is_tried_until_it_is_answered() -> None:
    timeouts: list[float] = []

    def answers_the_second_time(timeout_s: float) -> str:
        timeouts.append(timeout_s)
        if len(timeouts) == 1:
            raise errors.ServiceUnavailable("not yet")
        return "answer"

    assert deadline().call(answers_the_second_time, "it") == "answer"
    assert timeouts == [2.0, 2.0]


def test_missing_rights_are_told_with_the_roles_that_give_them() -> None:
    def denied(timeout_s: float) -> None:
        raise errors.PermissionDenied("no pubsub.topics.list")

    with pytest.raises(BusError, match="near projects/p: no pubsub.topics.list") as error:
        deadline().call(denied, "projects/p")
    assert "roles/pubsub.viewer" in str(error.value)
    assert not isinstance(error.value, BusRefusedError)


def test_a_refusal_is_not_tried_again() -> None:
    calls: list[float] = []

    def refuses(timeout_s: float) -> None:
        calls.append(timeout_s)
        raise errors.InvalidArgument("bad")

    with pytest.raises(BusRefusedError, match="refuses topic x"):
        deadline().call(refuses, "topic x")
    assert len(calls) == 1


def test_an_answer_that_the_caller_understands_is_left_to_him() -> None:
    def missing(timeout_s: float) -> None:
        raise errors.NotFound("nothing")

    with pytest.raises(exceptions.NotFound):
        deadline().call(missing, "it")


def test_silence_ends_with_the_time() -> None:
    def silent(timeout_s: float) -> None:
        raise errors.DeadlineExceeded("silence")

    with pytest.raises(BusError, match=r"did not answer within 0\.1 s"):
        deadline(0.1).call(silent, "it")
