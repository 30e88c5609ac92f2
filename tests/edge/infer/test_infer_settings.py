from typing import Any

import pytest
from pydantic import ValidationError

from edge.infer.settings import InferSettings


@pytest.mark.parametrize("workers", ["auto", 1, 8])
def test_what_workers_may_be(workers: Any) -> None:
    assert InferSettings(workers=workers).workers == workers


@pytest.mark.parametrize("workers", ["many", 0, 65, -1])
def test_what_they_may_not_be(workers: Any) -> None:
    with pytest.raises(ValidationError):
        InferSettings(workers=workers)
