"""A report as a table for people."""

from collections.abc import Iterator, Sequence

from edge.bench.capacity import COMFORTABLE, CPU, PYTHON, Capacity
from edge.bench.report import CameraReport, Report
from edge.bench.stages import STAGES
from edge.bench.timing import Timing

_COLUMNS = ("camera", "stage", "median", "quartiles", "of one CPU")
_BUSY = 0.25
"""CPUs that others use, from which the figures are not those of an idle board."""

_WHAT_HELPS = {
    CPU: "a smaller network, an engine on a GPU, smaller pictures, or fewer of them a second",
    PYTHON: "fewer rules, or fewer pictures a second; tracker and rules run one at a time",
}

_FOR_A_NETWORK = "a smaller network, a faster engine, infer.workers, or fewer pictures a second"

_SLOW_COMMIT_MS = 250.0


def table(report: Report) -> Iterator[str]:
    """The lines of it."""
    yield f"{report.device}: {report.machine}, {report.cpus} CPUs"
    if report.busy > _BUSY:
        yield (
            f"note: other work was using {report.busy:.1f} CPUs before; stop it, the agent too, "
            "for the figures of an idle board"
        )
    yield ""
    yield from _aligned([_COLUMNS, *_rows(report)])
    yield ""
    for network in report.networks:
        if network.fps:
            threads = f"{network.workers} thread{'s' if network.workers != 1 else ''}"
            yield (
                f"{network.id or 'model'}: {network.name} by {network.engine}, alone "
                f"{network.fps:.1f} pictures a second on {threads}"
            )
    yield from _of_disk(report)
    yield from _of_problems(report)
    if report.capacity is not None:
        yield ""
        yield from _verdict(report, report.capacity)


def _rows(report: Report) -> Iterator[tuple[str, ...]]:
    for one in report.cameras:
        name = one.camera
        for stage in ("decode", *STAGES):
            timing = one.stages.get(stage)
            if timing is not None:
                fps = one.fps if stage == "decode" else one.wanted_fps
                yield name, stage, *_told(timing), f"{timing.median_ms * fps / 10:6.1f} %"
                name = ""
            elif stage == "decode" and not one.decoder:
                yield name, stage, "not measured", "", ""
                name = ""
    if report.commit is not None:
        yield "", "commit", *_told(report.commit), ""


def _told(timing: Timing) -> tuple[str, str]:
    return f"{timing.median_ms:9.3f} ms", f"{timing.low_ms:.3f} to {timing.high_ms:.3f}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _of_disk(report: Report) -> Iterator[str]:
    if report.commit is not None and report.commit.median_ms > _SLOW_COMMIT_MS:
        yield (
            f"disk: an alarm takes {report.commit.median_ms:.0f} ms to be on disk; set data_dir to "
            "an SSD or eMMC"
        )


def _of_problems(report: Report) -> Iterator[str]:
    for one in report.cameras:
        if one.problem:
            yield f"camera {one.camera}: {one.problem}{_stands_in(one)}"
    yield from report.problems


def _stands_in(one: CameraReport) -> str:
    if one.decoder:
        return ""
    return (
        f" (pictures of {one.width_px}x{one.height_px} at {one.fps:.0f} a second stand in for it; "
        "its decoding is not reckoned)"
    )


def _verdict(report: Report, found: Capacity) -> Iterator[str]:
    for one in report.cameras:
        yield (
            f"{one.camera}: brings {one.fps:.1f} pictures a second of "
            f"{one.width_px}x{one.height_px}, {_rate(one, found.fps[one.camera])}"
        )
    if not found.guarantees_hold:
        yield "What min_fps guarantees is together more than there is: lower it"
    loads = ", ".join(f"{name} {load:.0%}" for name, load in found.loads.items())
    yield f"load with every picture inferred: {loads}"
    helps = _WHAT_HELPS.get(found.bottleneck, _FOR_A_NETWORK)
    short = f"{found.bottleneck} at {found.load:.0%}; what helps: {helps}"
    if not found.fits:
        yield f"The cameras do not fit: {short}."
    elif found.load > COMFORTABLE:
        yield f"The cameras just fit: {short}."
    else:
        yield f"The cameras fit, {1 / found.load:.1f} times over."


def _rate(one: CameraReport, gets_fps: float) -> str:
    if gets_fps < one.wanted_fps:
        return f"{gets_fps:.1f} can be inferred"
    if one.wanted_fps < one.fps:
        return f"the {one.wanted_fps:.1f} of its max_fps can be inferred"
    return "all of them can be inferred"
