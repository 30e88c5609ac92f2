"""What a device says of an update, checked before it is kept. No I/O."""

import re

from pydantic import TypeAdapter, ValidationError

from models.manifest import Version
from protos.codec import decode
from protos.errors import InvalidIdError, InvalidPayloadError
from protos.ids import check_id
from protos.v1.update_report_pb2 import UpdateReport

MAX_DETAIL_CHARS = 1000
MAX_NUMBER = 2**63 - 1
"""Databases take no higher one."""

ENDS = frozenset({
    UpdateReport.COMMITTED, UpdateReport.REJECTED, UpdateReport.FAILED_NO_CHANGE,
    UpdateReport.ROLLED_BACK, UpdateReport.FAILED_UNABLE_TO_ROLL_BACK, UpdateReport.TIMED_OUT,
    UpdateReport.CANCELLED, UpdateReport.SUPERSEDED,
})  # fmt: skip
"""States after which nothing more comes of an update."""

_CODE = re.compile(r"[a-z0-9-]{0,63}")
_VERSION = TypeAdapter(Version)


def checked_report(data: bytes) -> UpdateReport:
    """The report that a device sent; what is for people in it is printable, and cut.

    Raises:
        InvalidPayloadError: it is none, or says what no device may.
    """
    report = decode(UpdateReport, data)
    if problem := _problem(report):
        raise InvalidPayloadError(f"UpdateReport of {report.device}: {problem}")
    printable = "".join(char if char.isprintable() else " " for char in report.detail)
    report.detail = printable[:MAX_DETAIL_CHARS]
    return report


def state_slug(number: int) -> str:
    """`rolled-back` for ROLLED_BACK, `state-99` for one that a newer peer sent."""
    if number in UpdateReport.State.values():
        return UpdateReport.State.Name(number).lower().replace("_", "-")
    return f"state-{number}"


def _problem(report: UpdateReport) -> str:
    try:
        check_id(report.deployment, "deployment")
        check_id(report.target, "target")
        for version in filter(None, (report.from_version, report.to_version)):
            _VERSION.validate_python(version)
    except InvalidIdError as error:
        return str(error)
    except ValidationError:
        return "a version is none"
    if report.boot == 0 or report.state == UpdateReport.STATE_UNSPECIFIED:
        return "boot or state is missing"
    if not _CODE.fullmatch(report.code):
        return f"code {report.code[:80]!r} is none: lower-case letters, digits and -, at most 63"
    numbers = (
        report.downloaded_bytes, report.total_bytes, report.reported_ns, report.revision,
    )  # fmt: skip
    return "a number is too large" if max(numbers) > MAX_NUMBER else ""
