"""Which sentences make a fix."""

import pytest

from edge.errors import SensorError
from edge.sensors.assembler import RMC_ALONE_NS, Assembler
from edge.sensors.nmea import KNOT_MPS
from edge.sensors.port import Fix
from tests.support.nmea import sentence

S = 1_000_000_000
HERE = "4807.0380,N,01131.0000,E"


class Desk:
    """An assembler whose clock the test sets."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * S
        self.assembler = Assembler(lambda: self.now_ns)

    def say(self, text: str, after_s: float = 0.0) -> Fix | None:
        self.now_ns += round(after_s * S)
        return self.assembler.understand(sentence(text))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_rmc_is_a_fix_with_the_time_of_our_clock(desk: Desk) -> None:
    fix = desk.say(f"GPRMC,123519,A,{HERE},022.4,084.4,230394,,,A")
    assert fix is not None
    assert fix.captured_ns == desk.now_ns
    assert (fix.latitude_deg, fix.longitude_deg) == pytest.approx((48.1173, 11.516667), abs=1e-6)
    assert (fix.speed_mps, fix.heading_deg) == pytest.approx((22.4 * KNOT_MPS, 84.4))
    assert fix.utc_ns == 764426119 * S


def test_beside_rmc_a_gga_is_no_second_fix(desk: Desk) -> None:
    assert desk.say(f"GPRMC,123519,A,{HERE},1,2,230394,,,A")
    assert desk.say(f"GPGGA,123519,{HERE},1,08,0.9,545.4,M,46.9,M,,", 0.1) is None
    assert desk.say(f"GPGGA,123520,{HERE},1,08,0.9,545.4,M,46.9,M,,", 0.8) is None
    assert desk.say(f"GPRMC,123520,A,{HERE},1,2,230394,,,A", 0.1)


def test_a_receiver_without_rmc_is_read_by_gga_and_vtg(desk: Desk) -> None:
    assert desk.say("GPVTG,90.0,T,,M,10.0,N,18.5,K") is None
    fix = desk.say(f"GPGGA,123519,{HERE},1,08,0.9,545.4,M,46.9,M,,", 0.1)
    assert fix is not None
    assert (fix.speed_mps, fix.heading_deg) == pytest.approx((10 * KNOT_MPS, 90.0))
    assert fix.utc_ns is None


def test_gga_counts_again_once_rmc_stays_away(desk: Desk) -> None:
    assert desk.say(f"GPRMC,123519,A,{HERE},1,2,230394,,,A")
    gga = f"GPGGA,123600,{HERE},1,08,0.9,545.4,M,46.9,M,,"
    assert desk.say(gga, RMC_ALONE_NS / S) is None
    assert desk.say(gga, 0.001) is not None


def test_an_old_vtg_belongs_to_another_place(desk: Desk) -> None:
    assert desk.say("GPVTG,90.0,T,,M,10.0,N,18.5,K") is None
    fix = desk.say(f"GPGGA,123519,{HERE},1,08,0.9,545.4,M,46.9,M,,", 2.1)
    assert fix is not None
    assert (fix.speed_mps, fix.heading_deg) == (None, None)


def test_vtg_fills_in_what_rmc_leaves_out(desk: Desk) -> None:
    assert desk.say("GPVTG,90.0,T,,M,10.0,N,18.5,K") is None
    fix = desk.say(f"GPRMC,123519,A,{HERE},,,230394,,,A", 0.1)
    assert fix is not None
    assert (fix.speed_mps, fix.heading_deg) == pytest.approx((10 * KNOT_MPS, 90.0))


def test_a_receiver_that_names_itself_twice_makes_one_fix(desk: Desk) -> None:
    assert desk.say(f"GPRMC,123519.00,A,{HERE},1,2,230394,,,A")
    assert desk.say(f"GNRMC,123519.00,A,{HERE},1,2,230394,,,A", 0.01) is None
    assert desk.say(f"GNRMC,123519.20,A,{HERE},1,2,230394,,,A", 0.2)


def test_without_a_view_of_the_sky_there_is_no_fix(desk: Desk) -> None:
    assert desk.say("GNRMC,,V,,,,,,,,,,N") is None
    assert desk.say("GNGGA,,,,,,0,00,99.99,,,,,,") is None


def test_garbage_is_an_error(desk: Desk) -> None:
    with pytest.raises(SensorError, match="no NMEA sentence"):
        desk.assembler.understand(b"\xff\x00garbage")
