"""A plan that cannot be carried out is refused."""

import pytest

from cloud.simulate.plan import Plan
from protos.errors import InvalidIdError


def test_devices_are_numbered() -> None:
    assert Plan().device_id(1) == "sim-00001"
    assert Plan(prefix="load-a").device_id(2000) == "load-a-02000"


@pytest.mark.parametrize("prefix", ["Sim", "", "a/b", "x" * 60])
def test_prefix_must_make_device_ids(prefix: str) -> None:
    with pytest.raises(InvalidIdError):
        Plan(prefix=prefix)


@pytest.mark.parametrize(
    ("name", "value"),
    [("devices", 0), ("devices", 100_000), ("rate", 0.0), ("events_per_batch", 101),
     ("heartbeat_s", 0.5), ("duration_s", 0.0), ("drain_s", -1.0), ("receipt_timeout_s", 0.0),
     ("storm_s", -1.0), ("storm_share", 1.1), ("duplicates", 2.0), ("reorder", -0.1)],
)  # fmt: skip
def test_value_out_of_its_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} {value} is out of its range"):
        Plan(**{name: value})  # type: ignore[arg-type]
