"""What the cloud signs is within what a device takes: the two ends do not import each other."""

from cloud.repository import family, trust
from edge.ota import documents, releases, time_floor
from edge.ota.verify import DEFAULT_LIMITS
from models.record.reading import MAX_BYTES


def test_nothing_is_signed_that_is_too_large_for_a_device() -> None:
    assert DEFAULT_LIMITS.root_bytes >= trust.MAX_ROOT_BYTES
    assert DEFAULT_LIMITS.targets_bytes >= trust.MAX_TARGETS_BYTES
    assert trust.MAX_KEYS <= documents.MAX_KEYS
    assert trust.MAX_FAMILIES + 1 <= documents.MAX_ROLES, "a snapshot names targets as well"
    assert family.MAX_RELEASE <= releases.MAX_RELEASE
    assert MAX_BYTES <= releases.MAX_RECORD_BYTES


def test_both_ends_read_the_same_field() -> None:
    assert family.CUSTOM == time_floor.FIELD
