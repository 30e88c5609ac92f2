"""What a device says of an update, checked before it is kept."""

from typing import Any

import pytest

from cloud.desired.report import MAX_DETAIL_CHARS, checked_report, state_slug
from protos.codec import encode
from protos.errors import InvalidPayloadError
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.update_reports import update_report


def test_a_report_is_taken_as_it_is() -> None:
    report = update_report(3, UpdateReport.DOWNLOADING, downloaded_bytes=5)
    assert checked_report(encode(report)) == report


def test_words_for_people_are_printable_and_cut() -> None:
    report = update_report(3, detail="a\0b\x1b[31m" + "x" * 5000)
    detail = checked_report(encode(report)).detail
    assert detail.startswith("a b [31mxxx")
    assert len(detail) == MAX_DETAIL_CHARS


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"boot": 0}, "boot or state is missing"),
        ({"state": UpdateReport.STATE_UNSPECIFIED}, "boot or state is missing"),
        ({"deployment": ""}, "deployment '' is not allowed"),
        ({"target": "../x"}, "target '../x' is not allowed"),
        ({"to_version": "1\0"}, "a version is none"),
        ({"from_version": "v" * 64}, "a version is none"),
        ({"code": "No Such"}, "code 'No Such' is none"),
        ({"code": "x" * 64}, "at most 63"),
        ({"total_bytes": 2**63}, "a number is too large"),
        ({"reported_ns": 2**64 - 1}, "a number is too large"),
        ({"revision": 2**64 - 1}, "a number is too large"),
        ({"device": "Cam"}, "device 'Cam' is not allowed"),
    ],
)
def test_what_no_device_may_say_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidPayloadError, match=says):
        checked_report(encode(update_report(3, **changes)))


def test_states_have_names_also_those_of_newer_peers() -> None:
    assert state_slug(UpdateReport.ROLLED_BACK) == "rolled-back"
    assert state_slug(99) == "state-99"
    report = update_report(3, 99)
    assert checked_report(encode(report)).state == 99
