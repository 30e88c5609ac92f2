"""Enrolment and renewal over HTTP, without a key of the API."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.api.enrolment import ENROLMENT_PATHS
from cloud.enrolment.settings import AttemptsSettings, EnrolmentSettings
from cloud.fleet.api_key import Role
from cloud.identity.proof import Proof
from protos.enrolment import ENROLMENTS_PATH, NONCE_PATH, RENEWALS_PATH
from tests.support.api_server import ApiServer, api_server
from tests.support.enrolment import BY, DEVICE, OTHER, Board, Desk, enrolment_desk

SETTINGS = EnrolmentSettings(
    broker_host="mqtt.example.org", repository_url="https://models.example.org/"
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with enrolment_desk(tmp_path, settings=SETTINGS) as made:
        yield made


@pytest.fixture
def server(desk: Desk) -> Iterator[ApiServer]:
    with api_server(desk.folder, enrolment=desk.enrolment) as made:
        yield made


def enrol(server: ApiServer, token: str, board: Board, **changes: Any) -> httpx.Response:
    body = {"token": token, "serial": "SN-1", "request": board.request, **changes}
    return server.ask("post", ENROLMENTS_PATH, json=body)


def renew(server: ApiServer, proof: Proof, **changes: Any) -> httpx.Response:
    body = {
        "device": proof.device, "certificate": proof.certificate, "nonce": proof.nonce,
        "request": proof.request, "signature": base64.b64encode(proof.signature).decode(),
        **changes,
    }  # fmt: skip
    return server.ask("post", RENEWALS_PATH, json=body)


def told(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


def test_a_board_enrols_and_renews(server: ApiServer, desk: Desk) -> None:
    board = Board()
    answer = enrol(server, desk.token(DEVICE, "SN-1"), board)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    granted = answer.json()
    assert granted["ca"] == (desk.folder / "ca/ca.pem").read_text()
    assert granted["device"] == DEVICE
    assert granted["broker"] == {"host": "mqtt.example.org", "port": 8883}
    assert granted["repository_url"] == "https://models.example.org/"
    [entry] = desk.authority.entries()
    assert granted["valid_until"] == f"{entry.validity.end:%Y-%m-%dT%H:%M:%S}.000000000Z"

    board.certificate = granted["certificate"]
    nonce = server.ask("get", NONCE_PATH)
    assert (nonce.status_code, nonce.headers["cache-control"]) == (200, "no-store")
    assert nonce.json()["time_s"] == int(desk.world().timestamp())
    renewed = renew(server, board.proof(nonce.json()["nonce"], Board()))
    assert renewed.status_code == 201
    assert renewed.json()["certificate"] != board.certificate
    assert len(desk.authority.entries()) == 2


def test_each_refusal_says_why(server: ApiServer, desk: Desk) -> None:
    token = desk.token(DEVICE, "SN-1")
    board = Board()
    assert told(enrol(server, "guess", board), 403) == "the token is not valid"
    assert "not for serial number 'SN-9'" in told(enrol(server, token, board, serial="SN-9"), 403)
    assert "no PKCS #10" in told(enrol(server, token, board, request="x"), 400)
    board.certificate = enrol(server, token, board).json()["certificate"]
    assert "with another key" in told(enrol(server, token, Board()), 403)
    nonce = server.ask("get", NONCE_PATH).json()["nonce"]
    stranger = renew(server, board.proof(nonce, Board(), OTHER))
    assert told(stranger, 403) == f"the certificate is of {DEVICE!r}, not of {OTHER!r}"
    for _ in range(2):
        renew(server, board.proof(nonce, Board()))
    assert "holds 3 valid certificates" in told(renew(server, board.proof(nonce, Board())), 409)
    origins = {entry.origin for entry in desk.audit.page(limit=1000) if entry.actor != "user:root"}
    assert origins == {"127.0.0.1"}


def test_too_many_attempts_are_told_when_to_come_again(tmp_path: Path) -> None:
    limits = AttemptsSettings(per_address=2)
    with (
        enrolment_desk(tmp_path, attempts=limits) as desk,
        api_server(tmp_path, enrolment=desk.enrolment) as server,
    ):
        for _ in range(2):
            told(enrol(server, "guess", Board()), 403)
        answer = enrol(server, "guess", Board())
        assert "too many attempts from this address" in told(answer, 429)
        assert int(answer.headers["retry-after"]) == 60


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ENROLMENTS_PATH, {"token": "t"}),
        (ENROLMENTS_PATH, {"token": "t" * 201, "request": "r"}),
        (ENROLMENTS_PATH, {"token": "t", "request": "r" * 8193}),
        (ENROLMENTS_PATH, {"token": "t", "request": "r", "serial": "a b"}),
        (ENROLMENTS_PATH, {"token": "t", "request": "r", "device": DEVICE}),
        (ENROLMENTS_PATH, []),
        (RENEWALS_PATH, {"device": DEVICE}),
        (RENEWALS_PATH, {"device": "A", "certificate": "", "nonce": "n", "request": "",
                         "signature": "MEUCIQ=="}),
        (RENEWALS_PATH, {"device": DEVICE, "certificate": "", "nonce": "n\n", "request": "",
                         "signature": "MEUCIQ=="}),
        (RENEWALS_PATH, {"device": DEVICE, "certificate": "", "nonce": "n", "request": "",
                         "signature": "MEUCIQM"}),
    ],
)  # fmt: skip
def test_odd_bodies_are_told(server: ApiServer, path: str, body: Any) -> None:
    assert told(server.ask("post", path, json=body), 400)


def test_no_answer_repeats_a_secret(server: ApiServer, desk: Desk) -> None:
    token = desk.token()
    answers = [
        enrol(server, token, Board(), serial="a b"), enrol(server, token + "x", Board()),
        enrol(server, token, Board()), enrol(server, token, Board()),
    ]  # fmt: skip
    assert [one.status_code for one in answers] == [400, 403, 201, 403]
    assert all(token not in one.text for one in answers)
    assert token not in str(desk.audit.page(limit=1000))


def test_a_body_without_end_is_not_read(server: ApiServer) -> None:
    answer = server.client.post(ENROLMENTS_PATH, content=b"x" * 70_000)
    assert told(answer, 413)


def test_a_ca_that_cannot_be_read_is_for_the_log_alone(server: ApiServer, desk: Desk) -> None:
    (desk.folder / "ca/registry.db").write_bytes(b"no database " * 100)
    answer = enrol(server, desk.token(), Board())
    assert told(answer, 503) == "the CA cannot be used now; try again"


def test_a_server_without_enrolment_says_so(tmp_path: Path) -> None:
    with api_server(tmp_path) as server:
        for path in ENROLMENT_PATHS - {NONCE_PATH}:
            body = (
                {"token": "t", "request": "r"} if path == ENROLMENTS_PATH else
                {"device": DEVICE, "certificate": "", "nonce": "n", "request": "",
                 "signature": "MEUCIQCA"}
            )  # fmt: skip
            assert "set enrolment.enabled" in told(server.ask("post", path, json=body), 404)
        assert "set enrolment.enabled" in told(server.ask("get", NONCE_PATH), 404)


def test_new_hardware_ends_the_certificates_of_the_old(server: ApiServer, desk: Desk) -> None:
    desk.enrolled()
    answer = server.ask("post", f"/v1/devices/{DEVICE}/replace", server.key(Role.FLEET_MANAGER))
    assert answer.status_code == 200
    [entry] = desk.authority.entries()
    assert entry.state(desk.world()) == "revoked"
    assert desk.audit.page(limit=1000)[-1].action == "certificate.revoke"
    desk.lifecycle.register("bare-cam", BY)
    bare = server.ask("post", "/v1/devices/bare-cam/replace", server.key(Role.FLEET_MANAGER))
    assert bare.status_code == 200
