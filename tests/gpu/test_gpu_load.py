"""The load of a real graphics card, asked of its driver."""

import pytest

from edge.nvml import Nvml
from models.engines.gpu import find_gpu

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(find_gpu() is None, reason="there is no GPU"),
]


def test_a_card_tells_how_busy_and_how_warm_it_is() -> None:
    load = Nvml().read()
    assert load.percent is not None
    assert 0 <= load.percent <= 100
    assert load.temperature_c is not None
    assert 10 < load.temperature_c < 110
