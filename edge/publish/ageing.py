"""What is too old to be kept, reckoned so that a wrong clock throws nothing away.

A device without a battery for its clock starts in 1970 and steps by 50 years once it hears of
the time. So nothing ages while the wall clock is not kept by a time service, and an event is
taken to be no older than the first moment at which such a clock was seen after its start
began: captured times of a start that never knew the time count from the next start that did.
An event may stay too long by that, and never goes too early.
"""

from edge.publish.eviction import Evicted, give_up, in_order
from edge.publish.ledger import Ledger
from edge.publish.ranges import Ranges

REASON_AGE = "too old"

_HEAD_ROWS = 1000
"""Rows of a stream that are looked at: it is in order of time but for a few."""


def expire(ledger: Ledger, dates: dict[int, int], before_ns: int) -> list[Evicted]:
    """Delete rows that are older than `before_ns`, and record each as lost.

    Belongs to a transaction of the caller. It takes some rows of each stream at a time; call it
    again until nothing goes.

    Args:
        ledger: where.
        dates: by the number of a start: none of its events was captured later with a clock
            that was wrong.
        before_ns: Unix time.

    Returns:
        what went, least urgent lanes and oldest starts first.
    """
    gone: list[Evicted] = []
    for stream in in_order(ledger.last_seqs()):
        if dates.get(stream.age, before_ns) < before_ns:
            found = Ranges()
            for seq in ledger.captured_before(stream, before_ns, _HEAD_ROWS):
                found.add(seq, seq)
            gone += give_up(ledger, stream, found, REASON_AGE)
    return gone
