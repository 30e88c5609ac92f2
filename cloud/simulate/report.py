"""What a fleet did, for people and for programs."""

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cloud.simulate.device import SimulatedDevice
from cloud.simulate.plan import Plan
from cloud.simulate.tally import Tally
from protos.ids import boot_text

_BYTES_PER_KIB = 1024


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a run.

    Attributes:
        plan: what was to be done.
        tally: what was.
        rows_left: events without a receipt.
        streams: last seq by device, boot and lane, as (device, boot, lane, last_seq).
        counted: sum of the counts of all COUNTS events.
        cpu_s: seconds of processor time of this process.
        peak_bytes: its largest resident set.
    """

    plan: Plan
    tally: Tally
    rows_left: int
    streams: Sequence[tuple[str, str, str, int]]
    counted: int
    cpu_s: float
    peak_bytes: int

    @classmethod
    def of(cls, plan: Plan, tally: Tally, devices: Sequence[SimulatedDevice]) -> "Report":
        """The report of a fleet as it stands."""
        return cls(
            plan=plan,
            tally=tally,
            rows_left=sum(device.outbox.rows for device in devices),
            streams=[
                (device.device, boot_text(device.boot), lane.slug, last)
                for device in devices
                for lane, last in sorted(device.outbox.last_seqs.items())
            ],
            counted=sum(device.scene.counted for device in devices),
            cpu_s=time.process_time(),
            peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES_PER_KIB,
        )

    def lines(self) -> list[str]:
        """The summary, a line for each thing worth knowing."""
        tally = self.tally
        p50_s, p95_s = tally.percentile_s(0.5), tally.percentile_s(0.95)
        trip = "none came"
        if p50_s is not None and p95_s is not None:
            trip = (
                f"p50 {p50_s * 1000:.0f} ms, p95 {p95_s * 1000:.0f} ms, "
                f"longest {tally.longest_s * 1000:.0f} ms"
            )
        return [
            f"made        {tally.made} batches, {tally.made * self.plan.events_per_batch} events",
            f"sent        {tally.sent}: {tally.resent} sent again, {tally.duplicates} duplicates, "
            f"{tally.held_back} held back",
            f"pubacked    {tally.pubacked}, {tally.nobody} with nobody there, "
            f"{tally.refused} refused",
            f"receipted   {tally.receipted} batches",
            f"left        {self.rows_left} events without a receipt",
            f"round trip  {trip}",
            f"connected   {tally.connections} times, {tally.failures} in vain; "
            f"{tally.heartbeats} heartbeats",
            f"used        {self.cpu_s:.1f} s CPU, {self.peak_bytes / 1e6:.0f} MB at most",
        ]

    def document(self) -> dict[str, Any]:
        """Everything, for JSON."""
        tally = self.tally
        return {
            "seed": self.plan.seed,
            "made": tally.made,
            "sent": tally.sent,
            "resent": tally.resent,
            "duplicates": tally.duplicates,
            "held_back": tally.held_back,
            "pubacked": tally.pubacked,
            "nobody": tally.nobody,
            "refused": tally.refused,
            "receipted": tally.receipted,
            "heartbeats": tally.heartbeats,
            "connections": tally.connections,
            "failures": tally.failures,
            "round_trip_p50_s": tally.percentile_s(0.5),
            "round_trip_p95_s": tally.percentile_s(0.95),
            "round_trip_longest_s": tally.longest_s,
            "rows_left": self.rows_left,
            "counted": self.counted,
            "cpu_s": self.cpu_s,
            "peak_bytes": self.peak_bytes,
            "streams": [
                {"device": device, "boot": boot, "lane": lane, "last_seq": last}
                for device, boot, lane, last in self.streams
            ],
        }
