"""It is seen in time that something was revoked, whatever becomes of the network."""

import queue
from pathlib import Path

from edge.errors import OtaError
from edge.ota.lookout import Lookout
from edge.ota.revocations import Revocations
from edge.ota.slots import Slots
from edge.ota.states import Code
from tests.support.fake_ota import FakeServing, FakeTrust
from tests.support.processes import wait_until
from wayside.disk import REAL

FAMILY = "gate"
NEVER_S = 1e6


class Known(Revocations):
    """One family of which something was revoked, as is known for long."""

    def __init__(self, trust: FakeTrust, folder: Path) -> None:
        super().__init__(trust, FakeServing({FAMILY: "0"}), lambda family: Slots(folder, REAL))

    def families(self) -> list[str]:
        return [FAMILY]


class Broken(FakeTrust):
    """Whose metadata breaks whoever reads it."""

    def refresh(self) -> None:
        self.refreshes += 1
        raise RuntimeError("nobody thought of this")


def test_it_looks_soon_after_a_start_and_then_now_and_then(tmp_path: Path) -> None:
    trust, found = FakeTrust(), queue.Queue[str]()
    with Lookout(Known(trust, tmp_path), found.put, 0.0, 0.01):
        assert [found.get(timeout=20) for _ in range(3)] == [FAMILY] * 3
    assert trust.refreshes >= 3


def test_it_looks_when_it_is_told_to(tmp_path: Path) -> None:
    trust, found = FakeTrust(), queue.Queue[str]()
    with Lookout(Known(trust, tmp_path), found.put, NEVER_S, NEVER_S) as lookout:
        lookout.look_now()
        assert found.get(timeout=20) == FAMILY
    assert trust.refreshes == 1


def test_without_network_what_is_known_gives_way_all_the_same(tmp_path: Path) -> None:
    trust, found = FakeTrust(), queue.Queue[str]()
    trust.failure = OtaError(Code.UNREACHABLE, "no route", is_passing=True)
    with Lookout(Known(trust, tmp_path), found.put, 0.0, NEVER_S):
        assert found.get(timeout=20) == FAMILY


def test_whatever_breaks_a_look_ends_no_agent(tmp_path: Path) -> None:
    trust, found = Broken(), queue.Queue[str]()
    with Lookout(Known(trust, tmp_path), found.put, 0.0, 0.01):
        wait_until(lambda: trust.refreshes >= 3, "further looks")
