"""What a device says of an update."""

from typing import Any

from protos.v1.update_report_pb2 import UpdateReport

BOOT = 0xA7


def update_report(
    transition: int, state: int = UpdateReport.PROBATION, **changes: Any
) -> UpdateReport:
    """A report of `cam-box` about the order `order-1` of its detector.

    Args:
        transition: its number.
        state: also one that today's wire does not know.
        changes: other fields.
    """
    report = UpdateReport(
        schema=1, device="cam-box", boot=BOOT, deployment="order-1", target="detector",
        from_version="1.0.0", to_version="1.1.0", reported_ns=5, transition=transition,
        total_bytes=1000, revision=3,
    )  # fmt: skip
    report.state = state  # type: ignore[assignment]
    for name, value in changes.items():
        setattr(report, name, value)
    return report
