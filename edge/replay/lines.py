"""Events as JSON Lines, named without a boot.

A boot is 64 random bits, so a replay has none: its events are called `device/replay/lane/seq`,
which nothing takes for the name of an event that a device has sent.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator

from edge.rules.port import Draft
from protos.ids import Lane
from protos.readable import readable
from wayside.times import format_ns

BOOT = "replay"
"""In the place of a boot's 16 hexadecimal digits, of which it is none."""


def lines(device: str, drafts: Iterable[Draft]) -> Iterator[str]:
    """A line of JSON for each event, without the line's end; seq counts in each lane from 1."""
    seqs: Counter[Lane] = Counter()
    for draft in drafts:
        seqs[draft.lane] += 1
        seq, lane = seqs[draft.lane], draft.lane.slug
        named = {
            "event_id": f"{device}/{BOOT}/{lane}/{seq}", "lane": lane, "seq": seq,
            "captured_at": format_ns(draft.event.captured_ns),
        }  # fmt: skip
        yield json.dumps({**named, **readable(draft.event)}, ensure_ascii=False)
