"""The topology, made where it is missing."""

import pytest

from cloud.bus.apply import ensure
from cloud.bus.settings import BusSettings
from cloud.bus.topology import SUBSCRIPTIONS, TOPICS
from cloud.errors import BusError
from tests.support.processes import free_port


def test_what_is_missing_is_made_and_a_second_time_nothing(settings: BusSettings) -> None:
    assert len(ensure(settings)) == len(TOPICS) + len(SUBSCRIPTIONS)
    assert ensure(settings) == ()
    refused = settings.model_copy(update={"project": "UPPER"})
    with pytest.raises(BusError, match="refuses projects/UPPER"):
        ensure(refused)


def test_a_server_that_is_away_is_waited_for_and_then_named() -> None:
    endpoint = f"127.0.0.1:{free_port()}"
    settings = BusSettings(endpoint=endpoint, start_timeout_s=0.6, attempt_timeout_s=0.2)
    with pytest.raises(BusError, match=f"{endpoint} did not answer within 0.6 s") as error:
        ensure(settings)
    assert "start `wayside-cloud up`" in str(error.value)


def test_where_nothing_may_be_made_what_is_missing_is_named(settings: BusSettings) -> None:
    with pytest.raises(BusError, match="lacks topics/wayside-events") as error:
        ensure(settings, may_create=False)
    assert "run `wayside-cloud pubsub apply`" in str(error.value)
    ensure(settings)
    assert ensure(settings, may_create=False) == ()
