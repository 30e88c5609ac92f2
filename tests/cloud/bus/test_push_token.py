"""Who may push: Google's signature, issuer, audience, times and e-mail, and nothing less."""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.bus.push_token import GoogleCertificates, PushToken
from cloud.errors import BusError, PushDeniedError
from tests.support.push_tokens import AUDIENCE, PUSHER, TokenKey

KEY = TokenKey.new()
OTHER = TokenKey.new()
NOW_S = int(time.time())


def guard(certificates: Callable[[], Mapping[str, str]] = KEY.certificates) -> PushToken:
    return PushToken(AUDIENCE, frozenset({PUSHER}), certificates)


def denied(authorization: str) -> PushDeniedError:
    with pytest.raises(PushDeniedError) as error:
        guard().verify(authorization)
    return error.value


@pytest.mark.parametrize("issuer", ["accounts.google.com", "https://accounts.google.com"])
def test_googles_token_for_our_service_account_is_let_in(issuer: str) -> None:
    assert guard().verify(f"Bearer {KEY.token({'iss': issuer})}") == PUSHER
    assert guard().verify(f"bearer  {KEY.token({'iss': issuer})} ") == PUSHER


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("", "no bearer token"),
        ("Bearer", "no bearer token"),
        (f"Basic {KEY.token()}", "no bearer token"),
        ("Bearer " + "a" * 20_000, "no bearer token"),
        ("Bearer a.b.c", "not valid"),
        (f"Bearer {OTHER.token()}", "not valid"),
        (f"Bearer {KEY.token({'aud': 'https://another.example/push'})}", "not valid"),
        (f"Bearer {KEY.token({'aud': [AUDIENCE]})}", "not valid"),
        (f"Bearer {KEY.token({'exp': NOW_S - 3600})}", "not valid"),
        (f"Bearer {KEY.token({'iat': NOW_S + 3600})}", "not valid"),
        (f"Bearer {KEY.token({'exp': 'tomorrow'})}", "not valid"),
        (f"Bearer {KEY.token(drop='exp')}", "not valid"),
        (f"Bearer {KEY.token({'iss': 'https://accounts.example'})}", "issuer"),
        (f"Bearer {KEY.token(drop='iss')}", "issuer"),
        (f"Bearer {KEY.token({'email_verified': False})}", "verified e-mail"),
        (f"Bearer {KEY.token({'email_verified': 'true'})}", "verified e-mail"),
        (f"Bearer {KEY.token(drop='email')}", "verified e-mail"),
        (f"Bearer {KEY.token({'email': [PUSHER]})}", "verified e-mail"),
    ],
)
def test_anybody_else_is_denied_with_the_reason(authorization: str, reason: str) -> None:
    error = denied(authorization)
    assert reason in str(error)
    assert not error.known


def test_another_service_account_is_known_and_not_let_in() -> None:
    error = denied(f"Bearer {KEY.token({'email': 'other@wayside.iam.gserviceaccount.com'})}")
    assert error.known
    assert "other@" not in str(error)


def test_a_token_without_signature_is_denied() -> None:
    _, claims, _ = KEY.token().split(".")
    for algorithm in ("none", "None", "HS256"):
        header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode()
        assert "not valid" in str(denied(f"Bearer {header}.{claims}."))


def test_a_changed_token_is_denied() -> None:
    header, claims, signature = KEY.token().split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    said["email"] = "evil@example.com"
    changed = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
    error = denied(f"Bearer {header}.{changed}.{signature}")
    assert "not valid" in str(error)
    assert not error.known


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)
_SEGMENT = st.one_of(
    st.binary(max_size=30),
    _JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["alg", "kid", "iss", "exp", "iat", "aud"]), _JSON).map(
        lambda value: json.dumps(value).encode()
    ),
    st.fixed_dictionaries({"alg": st.sampled_from(["RS256", "ES256"]), "kid": _JSON}).map(
        lambda value: json.dumps(value).encode()
    ),
)


@given(
    st.one_of(
        st.text(max_size=60).map("Bearer ".__add__),
        st.lists(_SEGMENT, min_size=1, max_size=4).map(
            lambda parts: (
                "Bearer " + ".".join(base64.urlsafe_b64encode(part).decode() for part in parts)
            )
        ),
    )
)
def test_whatever_it_is_it_is_denied_and_nothing_breaks(authorization: str) -> None:
    assert not denied(authorization).known


@given(_JSON, st.sampled_from(["iss", "aud", "email"]))
@settings(max_examples=30, deadline=None)
def test_a_signed_claim_of_any_type_breaks_nothing(value: object, claim: str) -> None:
    token = KEY.token({claim: value})
    assert token not in str(denied(f"Bearer {token}"))


@given(_JSON.filter(lambda value: not isinstance(value, int)), st.sampled_from(["iat", "exp"]))
@settings(max_examples=30, deadline=None)
def test_a_signed_time_of_any_type_breaks_nothing(value: object, claim: str) -> None:
    assert not denied(f"Bearer {KEY.token({claim: value})}").known


class CertificateServer:
    """Google's certificates on loopback."""

    def __init__(self) -> None:
        self.status = 200
        self.body = json.dumps(KEY.certificates()).encode()
        self.cache_control = "public, max-age=1000"
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                self.send_response(outer.status)
                self.send_header("Cache-Control", outer.cache_control)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/certs"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[CertificateServer]:
    made = CertificateServer()
    yield made
    made.close()


def test_certificates_are_kept_for_as_long_as_google_says(server: CertificateServer) -> None:
    now_s = [0.0]
    certificates = GoogleCertificates(server.url, clock_s=lambda: now_s[0])
    assert guard(certificates).verify(f"Bearer {KEY.token()}") == PUSHER
    now_s[0] = 999.0
    certificates()
    assert server.requests == 1
    now_s[0] = 1001.0
    server.body = json.dumps(OTHER.certificates()).encode()
    with pytest.raises(PushDeniedError):
        guard(certificates).verify(f"Bearer {KEY.token()}")
    assert server.requests == 2


def test_a_header_that_forbids_keeping_does_not_make_us_ask_each_time(
    server: CertificateServer,
) -> None:
    server.cache_control = "no-store"
    certificates = GoogleCertificates(server.url)
    certificates()
    certificates()
    assert server.requests == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"key": 3}', b"\xff"])
def test_what_are_no_certificates_lets_nobody_in_for_now(
    server: CertificateServer, body: bytes
) -> None:
    server.body = body
    with pytest.raises(BusError, match="are none"):
        guard(GoogleCertificates(server.url)).verify(f"Bearer {KEY.token()}")


def test_certificates_that_do_not_come_are_the_servers_trouble(server: CertificateServer) -> None:
    server.status = 500
    certificates = GoogleCertificates(server.url)
    with pytest.raises(BusError, match="HTTP 500"):
        certificates()
    server.status = 200
    assert certificates() == KEY.certificates()
    away = CertificateServer()
    away.close()
    with pytest.raises(BusError, match="do not come"):
        GoogleCertificates(away.url)()
