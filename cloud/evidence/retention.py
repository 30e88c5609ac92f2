"""Old pictures away."""

from cloud.evidence.snapshots import Snapshots

NS_PER_DAY = 86_400_000_000_000


def apply_retention(snapshots: Snapshots, keep_days: int, now_ns: int) -> int:
    """Delete the pictures that came more than `keep_days` ago; returns how many.

    A picture's name tells its event and not its time, and its event may be gone already, by the
    store's own retention. So it goes by when the blob store got it, which no wrong clock of a
    device can move. Broken off, it is simply begun again.

    Args:
        snapshots: the pictures.
        keep_days: how long each is kept, at least 1.
        now_ns: Unix time.

    Raises:
        BlobsAwayError: try again.
    """
    # All at once, as what is deleted meanwhile would be missed in the pages to come.
    old = list(snapshots.kept_before(now_ns - keep_days * NS_PER_DAY))
    snapshots.delete(old)
    return len(old)
