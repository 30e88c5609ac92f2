from typing import Any

import pytest
from pydantic import ValidationError

from edge.infer.settings import InferSettings, ShareSettings


@pytest.mark.parametrize("workers", ["auto", 1, 8])
def test_what_workers_may_be(workers: Any) -> None:
    assert InferSettings(workers=workers).workers == workers


@pytest.mark.parametrize("workers", ["many", 0, 65, -1])
def test_what_they_may_not_be(workers: Any) -> None:
    with pytest.raises(ValidationError):
        InferSettings(workers=workers)


def test_a_share_promises_no_more_than_it_allows() -> None:
    assert ShareSettings(min_fps=5, max_fps=5).max_fps == 5
    with pytest.raises(ValidationError, match="min_fps 6 is more than max_fps 5"):
        ShareSettings(min_fps=6, max_fps=5)
