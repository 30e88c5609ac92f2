"""Who may be called what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import IdentityError
from cloud.identity.identities import Identity, Role, identify
from protos.errors import InvalidIdError
from protos.ids import ID_PATTERN, check_id


@given(st.from_regex(ID_PATTERN, fullmatch=True).filter(lambda name: len(name) <= 56))
def test_no_service_is_called_like_a_device(name: str) -> None:
    assert identify(Role.DEVICE, name) == Identity(Role.DEVICE, name)
    service = identify(Role.SERVICE, name)
    assert len(service.common_name) <= 64
    with pytest.raises(InvalidIdError):
        check_id(service.common_name)


@pytest.mark.parametrize("name", ["", "Gate", "a/b", "gate+", "gate#", "service.x", "a\nb", "ab"])
@pytest.mark.parametrize("role", list(Role))
def test_only_ids_are_names(role: Role, name: str) -> None:
    with pytest.raises(IdentityError, match=f"{role.value} .* is not allowed"):
        identify(role, name, ["localhost"] if role is Role.SERVER else ())


def test_common_names_fit_x509() -> None:
    assert len(identify(Role.SERVICE, "s" * 56).common_name) == 64
    with pytest.raises(IdentityError, match="too long: 56 characters at most"):
        identify(Role.SERVICE, "s" * 57)


def test_servers_have_hosts_and_nobody_else() -> None:
    with pytest.raises(IdentityError, match="has no host: .*--host broker.example.org"):
        identify(Role.SERVER, "broker")
    with pytest.raises(IdentityError, match="a device has no hosts"):
        identify(Role.DEVICE, "gate-cam-01", ["localhost"])


@pytest.mark.parametrize("host", ["localhost", "a.b-c.example.org", "192.0.2.1", "::1"])
def test_hosts_are_names_and_addresses(host: str) -> None:
    assert identify(Role.SERVER, "broker", [host]).hosts == (host,)


@pytest.mark.parametrize(
    "host", ["", "a b", "-a", "a..b", "https://a", "a:8883", "*", "ä.example", "a\n", "a" * 64]
)
def test_anything_else_is_no_host(host: str) -> None:
    with pytest.raises(IdentityError, match="neither a DNS name nor an IP address"):
        identify(Role.SERVER, "broker", [host])
