"""Sentences as receivers send them, and what is none."""

import string
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SensorError
from edge.sensors.nmea import KNOT_MPS, MAX_SENTENCE_BYTES, Gga, Rmc, Vtg, checksum, parse
from tests.support.nmea import rmc, sentence

AT_NINE = datetime(2024, 2, 29, 9, 27, 51, tzinfo=timezone.utc)


def unix_ns(*parts: int) -> int:
    year, month, day, hour, minute, second = parts
    when = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    return int(when.timestamp()) * 1_000_000_000


def test_rmc_of_dublin() -> None:
    said = parse(b"$GPRMC,092751.000,A,5321.6802,N,00630.3371,W,0.06,31.66,280511,,,A*45\r\n")
    assert isinstance(said, Rmc)
    assert said.position == pytest.approx((53.361337, -6.505618), abs=1e-6)
    assert said.speed_mps == pytest.approx(0.06 * KNOT_MPS)
    assert said.course_deg == 31.66
    assert said.utc_ns == unix_ns(2011, 5, 28, 9, 27, 51)
    assert said.time == "092751.000"


def test_gga_of_dublin() -> None:
    said = parse(b"$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76")
    assert isinstance(said, Gga)
    assert said.position == pytest.approx((53.361337, -6.505620), abs=1e-6)


def test_vtg_in_knots_and_where_these_are_missing_in_kilometres_an_hour() -> None:
    assert parse(sentence("GPVTG,054.7,T,034.4,M,005.5,N,010.2,K")) == Vtg(5.5 * KNOT_MPS, 54.7)
    said = parse(sentence("GNVTG,,T,,M,,N,36.0,K,A"))
    assert isinstance(said, Vtg)
    assert said.speed_mps == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("sides", "signs"), [("N,E", (1, 1)), ("N,W", (1, -1)), ("S,E", (-1, 1)), ("S,W", (-1, -1))]
)
def test_south_and_west_are_negative(sides: str, signs: tuple[int, int]) -> None:
    north, east = sides.split(",")
    said = parse(sentence(f"GPRMC,000000,A,3351.0,{north},15112.6,{east},,,010124,,,A"))
    assert isinstance(said, Rmc)
    assert said.position == pytest.approx((33.85 * signs[0], 151.21 * signs[1]))


@pytest.mark.parametrize("talker", ["GN", "GP", "GL", "GA", "GB", "BD", "GQ"])
def test_every_satellite_system_is_heard(talker: str) -> None:
    assert isinstance(parse(rmc(48, 11, talker=talker)), Rmc)


@pytest.mark.parametrize(
    "text", ["GPGSV,3,1,11,03,03,111,00", "GPTXT,01,01,02,ANTSTATUS=OK", "IIRMC,,V,,,,,,,,,",
             "HCHDG,101.1,,,7.1,W", "GPGSA,A,1,,,,"],
)  # fmt: skip
def test_other_types_and_other_talkers_say_nothing_here(text: str) -> None:
    assert parse(sentence(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        "GPRMC,,V,,,,,,,,,,N",
        "GPRMC,,V,,,,,,,,,",
        "GPRMC,092751,V,5321.6802,N,00630.3371,W,,,280511,,,N",
        "GPRMC,092751,A,,,,,,,280511,,,A",
        "GPRMC,092751,A,5321.6802,N,00630.3371,W,,,280511,,,N",
        "GPRMC,092751,A,5321.6802,N,00630.3371,W,,,280511,,,S",
        "GPRMC,092751,A,5321.6802,N,00630.3371,W,,,280511,,,M",
        "GPGGA,,,,,,0,,,,M,,M,,",
        "GPGGA,092750,5321.6802,N,00630.3372,W,0,8,1.03,61.7,M,55.2,M,,",
        "GPGGA,092750,5321.6802,N,00630.3372,W,8,8,1.03,61.7,M,55.2,M,,",
    ],
)
def test_without_a_measured_fix_there_is_no_position(text: str) -> None:
    said = parse(sentence(text))
    assert isinstance(said, Rmc | Gga)
    assert said.position is None


def test_vtg_without_a_fix_says_nothing() -> None:
    assert parse(sentence("GPVTG,,T,,M,,N,,K,N")) == Vtg(None, None)
    assert parse(sentence("GPVTG,10,T,,M,5,N,,K,N")) == Vtg(None, None)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"$",
        b"$GPRMC",
        b"751.000,A,5321.6802,N,00630.3371,W,0.06,31.66,280511,,,A*45",
        b"$GPRMC,092751.000,A,5321.6802,N,00630.3371,W,0.06,31.66,280511,,,A",
        b"$GPRMC,092751.000,A,5321.6802,N,00630.3371,W,0.06,31.66,280511,,,A*",
        b"$GPRMC,092751.000,A,5321.6802,N,00630.3371,W,0.06,31.66,280511,,,A*46",
        b"$GPRMC,092751.000,A,5321.6802,N,$GPRMC,092751.000,A,5321.6802,N,00630.3371*45",
        b"\xff\xfe\x00\x80" * 10,
        sentence("GPRMC," + "9" * MAX_SENTENCE_BYTES),
    ],
)
def test_what_is_no_sentence_is_refused(line: bytes) -> None:
    with pytest.raises(SensorError):
        parse(line)


@pytest.mark.parametrize(
    "text",
    [
        "GPRMC,092751,A,9100.0,N,00630.3371,W,,,280511,,,A",
        "GPRMC,092751,A,5360.0,N,00630.3371,W,,,280511,,,A",
        "GPRMC,092751,A,5321.6802,N,18100.0,W,,,280511,,,A",
        "GPRMC,092751,A,5321.6802,X,00630.3371,W,,,280511,,,A",
        "GPRMC,092751,A,5321.6802,,00630.3371,W,,,280511,,,A",
        "GPRMC,092751,A,-5321.6802,N,00630.3371,W,,,280511,,,A",
        "GPRMC,092751,A,5321.6802,N,00630.3371,W,-1,,280511,,,A",
        "GPRMC,092751,A,5321.6802,N,00630.3371,W,nan,,280511,,,A",
        "GPRMC,092751,A,5321.6802,N,00630.3371,W,1e9,,280511,,,A",
        "GPRMC,092751,A,5321.6802,N,00630.3371,W,,361,280511,,,A",
        "GPRMC,092751,A,5321.6802,N,00630.3371,W,,,290223,,,A",
        "GPRMC,092751,A,5321.6802,N,00630.3371,W,,,311124,,,A",
        "GPRMC,240000,A,5321.6802,N,00630.3371,W,,,280511,,,A",
        "GPRMC,092761,A,5321.6802,N,00630.3371,W,,,280511,,,A",
        "GPRMC,9275,A,5321.6802,N,00630.3371,W,,,280511,,,A",
        "GPRMC,092751,A",
        "GPGGA,092750",
        "GPVTG,054.7,034.4,005.5,010.2",
    ],
)
def test_a_field_that_cannot_be_is_refused_though_the_checksum_is_right(text: str) -> None:
    with pytest.raises(SensorError, match="GP"):
        parse(sentence(text))


@pytest.mark.parametrize(
    ("time", "date", "parts"),
    [
        ("235959", "311299", (1999, 12, 31, 23, 59, 59)),
        ("000000", "010100", (2000, 1, 1, 0, 0, 0)),
        ("120000", "290224", (2024, 2, 29, 12, 0, 0)),
        ("120000", "060180", (1980, 1, 6, 12, 0, 0)),
        ("120000", "311279", (2079, 12, 31, 12, 0, 0)),
        ("235960", "311216", (2017, 1, 1, 0, 0, 0)),
    ],
)
def test_dates_with_two_digits_leap_days_and_leap_seconds(
    time: str, date: str, parts: tuple[int, ...]
) -> None:
    said = parse(sentence(f"GPRMC,{time},A,5321.6802,N,00630.3371,W,,,{date},,,A"))
    assert isinstance(said, Rmc)
    assert said.utc_ns == unix_ns(*parts)


@given(
    latitude_deg=st.floats(-90, 90),
    longitude_deg=st.floats(-180, 180),
    speed_mps=st.floats(0, 300),
    course_deg=st.floats(0, 359.99),
)
def test_what_a_receiver_writes_is_read(
    latitude_deg: float, longitude_deg: float, speed_mps: float, course_deg: float
) -> None:
    line = rmc(
        latitude_deg, longitude_deg, speed_mps=speed_mps, course_deg=course_deg, when=AT_NINE
    )
    said = parse(line)
    assert isinstance(said, Rmc)
    assert said.position == pytest.approx((latitude_deg, longitude_deg), abs=1e-7)
    assert said.speed_mps == pytest.approx(speed_mps, abs=1e-3)
    assert said.course_deg == pytest.approx(course_deg, abs=0.01)
    assert said.utc_ns == int(AT_NINE.timestamp()) * 1_000_000_000


GOOD = b"$GPRMC,092751.000,A,5321.6802,N,00630.3371,W,0.06,31.66,280511,,,A*45"


@given(place=st.integers(1, GOOD.index(b"*") - 1), byte=st.integers(0x20, 0x7E))
def test_one_wrong_byte_is_found(place: int, byte: int) -> None:
    line = bytearray(GOOD)
    line[place] = byte
    if bytes(line) == GOOD:
        assert parse(GOOD) is not None
        return
    with pytest.raises(SensorError):
        parse(bytes(line))


@given(st.binary(max_size=200) | st.text(string.printable, max_size=90).map(str.encode))
def test_any_bytes_are_a_sentence_or_an_error(line: bytes) -> None:
    try:
        said: object = parse(line)
    except SensorError as error:
        said = str(error)
    assert said is None or (isinstance(said, str) and said.isprintable())


@given(
    kind=st.sampled_from(["RMC", "GGA", "VTG"]),
    fields=st.lists(st.text("0123456789.,NSEWATKMV-+e", max_size=12), max_size=14),
)
def test_any_fields_are_understood_or_refused(kind: str, fields: list[str]) -> None:
    try:
        said = parse(sentence(",".join([f"GP{kind}", *fields])))
    except SensorError:
        return
    if isinstance(said, Rmc | Gga) and said.position is not None:
        assert -90 <= said.position[0] <= 90
        assert -180 <= said.position[1] <= 180


def test_the_checksum_of_the_standards_example() -> None:
    assert checksum("GPGLL,5057.970,N,00146.110,E,142451,A") == 0x27
