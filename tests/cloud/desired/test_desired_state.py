"""What a device shall be, and the message that says it."""

from dataclasses import replace

import pytest

from cloud.desired.rules import MAX_RULES_BYTES, checked_rules
from cloud.desired.standing import Standing, standing_of
from cloud.desired.state import MAX_TARGETS, Desired, Target, check_order
from cloud.errors import DeviceError
from protos.codec import MAX_PAYLOAD_BYTES, decode
from protos.v1.desired_state_pb2 import DesiredState
from protos.v1.device_state_pb2 import DeviceState
from wayside.errors import SettingsError

T0 = 1_790_000_000_123_456_789
DETECTOR = Target("detector", "1.1.0", "order-1", bytes(range(32)), T0, "user:root", 5)
RULES = b"cameras:\n- id: gate\n  zones: []\n"


def test_the_message_says_all_of_it_and_is_the_same_each_time() -> None:
    desired = Desired("cam-box", 6, T0, "user:root", RULES, 6, (DETECTOR,))
    state = decode(DesiredState, desired.message)
    assert (state.device, state.revision, state.issued_ns) == ("cam-box", 6, T0)
    assert state.config_yaml == RULES
    [target] = state.targets
    assert (target.name, target.version) == ("detector", "1.1.0")
    assert (target.deployment, target.sha256) == ("order-1", bytes(range(32)))
    assert desired.message == replace(desired).message


def test_a_desired_state_is_small() -> None:
    """It is retained for every device, and comes down at every connection."""
    ordered = Desired("d" * 63, 2**40, T0, "user:root", b"", 0, (DETECTOR,))
    assert len(ordered.message) <= 160
    longest = Target("f" * 63, "v" * 63, "o" * 63, bytes(range(32)), T0, "user:root", 5)
    largest = Desired("d" * 63, 2**62, T0, "user:root", b"#" * MAX_RULES_BYTES, 0,
                      (longest,) * MAX_TARGETS)  # fmt: skip
    assert len(largest.message) < MAX_PAYLOAD_BYTES / 3
    decode(DesiredState, largest.message)


@pytest.mark.parametrize(
    ("family", "version", "sha256", "says"),
    [
        ("Detector", "1.0.0", b"", "model 'Detector' is not allowed"),
        ("detector", "1 0", b"", "version: "),
        ("detector", "", b"", "version: "),
        ("detector", "1.0.0", b"short", "32 bytes, and not 5"),
    ],
)
def test_orders_that_nobody_can_carry_out_are_refused(
    family: str, version: str, sha256: bytes, says: str
) -> None:
    with pytest.raises(DeviceError, match=says):
        check_order(family, version, sha256)


def test_rules_go_down_as_they_were_written() -> None:
    assert checked_rules(RULES, "x.yaml") == RULES
    assert checked_rules(b"cameras: []\n", "x.yaml") == b""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"x.yaml: says nothing; `cameras: \[\]` gives the rules back"),
        (b"# all in comments\n", "says nothing"),
        (b"cameras:\n- id: Gate\n", "x.yaml: cameras: camera 'Gate' is not allowed"),
        (b"#" * (MAX_RULES_BYTES + 1), "larger than"),
        (b"cameras:\n- id: gate\n  source: 0\n", "x.yaml:3: .*source: only the device's own"),
    ],
)
def test_a_file_that_no_device_would_take_is_refused_here(content: bytes, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        checked_rules(content, "x.yaml")


@pytest.mark.parametrize(
    ("revision", "reported", "refused", "standing"),
    [
        (0, 0, 0, Standing.NOTHING_SAID),
        (6, 6, 0, Standing.IN_FORCE),
        (6, 5, 0, Standing.WAITING),
        (6, 5, 5, Standing.WAITING),
        (6, 5, 6, Standing.REFUSED),
        (6, 7, 0, Standing.UNKNOWN_REVISION),
        (0, 7, 0, Standing.UNKNOWN_REVISION),
    ],
)
def test_where_a_device_stands(
    revision: int, reported: int, refused: int, standing: Standing
) -> None:
    state = DeviceState(config_revision=reported, refused_revision=refused)
    assert standing_of(revision, state) is standing


def test_a_device_that_said_nothing_waits() -> None:
    assert standing_of(6, None) is Standing.WAITING
    assert standing_of(0, None) is Standing.NOTHING_SAID
