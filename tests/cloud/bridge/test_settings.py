"""Limits that belong together."""

import pytest

from cloud.bridge.settings import BridgeSettings


def test_one_lost_word_is_no_reason_to_take_over() -> None:
    assert BridgeSettings(presence_interval_s=2.0, presence_timeout_s=4.0).presence_timeout_s == 4
    with pytest.raises(ValueError, match="presence_timeout_s 3.9 is less than two times"):
        BridgeSettings(presence_interval_s=2.0, presence_timeout_s=3.9)
