"""The server under those who wish it ill, or are many: the API asked at random by its own document (schemathesis), hostile
captures, twenty programs and three browsers at once, strangers without the token."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
pytest.importorskip("uvicorn")
pytest.importorskip("schemathesis")
import httpx
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from analysis.keys.keyfile import read_keys
from analysis.web.captures_held import CapturesHeld, Limits
from analysis.web.judging import Judge
from analysis.web.server import Settings, application
from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import keys_of_sample

CAPTURE, TOKEN = FOLDER / "tampered-message.pcapng", "a-token-for-tests"
KNOWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CapturesHeld]:
    keys = keys_of_sample("tampered-message", tmp_path_factory.mktemp("keys"))
    limits = Limits(uploads=3, upload_octets=2_000_000)
    found = CapturesHeld([CAPTURE], read_keys(keys), Judge(partial(read_keys, keys)), limits)
    assert found.opened(None).wait(60)
    yield found
    found.close()


@pytest.fixture(scope="module")
def base(held: CapturesHeld) -> Iterator[str]:
    """A server that listens; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application(held, Settings(TOKEN, port)), log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(60)


@pytest.fixture(scope="module")
def client(base: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base, headers=KNOWN, timeout=120) as found:
        yield found


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_what_the_document_allows_and_what_it_does_not(client: httpx.Client, base: str, mode: str) -> None:
    document = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    asked = 0
    for operation in (found.ok() for found in document.get_all_operations()):

        @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
        @settings(
            max_examples=5,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        )
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            if case.method == "DELETE":
                case.path_parameters = {
                    "number": f"{(case.path_parameters or {}).get('number')}x"
                }  # it is to stay
            case.headers, case.cookies = dict(KNOWN), {}
            answer = case.call(base_url=base, timeout=120)
            checks = [not_a_server_error, status_code_conformance, content_type_conformance]
            case.validate_response(answer, checks=checks)
            if answer.status_code == 201:
                client.delete(f"/api/captures/{answer.json()['id']}")

        try:
            ask()
        except Unsatisfiable:  # it takes nothing: nothing can be asked wrongly
            assert mode == "negative"
    assert asked > 50


def hostile(octets: bytes, chosen: random.Random) -> Iterator[bytes]:
    """A capture that was cut, whose octets were changed, or that claims more than it has."""
    for _ in range(6):
        yield octets[: chosen.randrange(1, len(octets))]
        changed = bytearray(octets)
        for _ in range(chosen.randint(1, 400)):
            changed[chosen.randrange(len(changed))] = chosen.randrange(256)
        yield bytes(changed)
        at = chosen.randrange(0, len(octets) - 8) & ~3
        yield octets[:at] + b"\xff\xff\xff\x7f" + octets[at + 4 :]
    yield chosen.randbytes(5000)


def test_hostile_captures_are_answered_and_hurt_no_other(client: httpx.Client, held: CapturesHeld) -> None:
    whole = client.get("/api/list", params={"limit": 1}).json()["total"]
    paths = [
        "list",
        "packets",
        "messages",
        "exchanges",
        "devices",
        "keys",
        "timeline",
        "network",
        "notes",
        "follow",
        "frames/3",
    ]
    for octets in hostile(CAPTURE.read_bytes(), random.Random(5)):
        told = client.post("/api/captures", params={"name": "hostile"}, content=octets)
        assert told.status_code == 201
        number = told.json()["id"]
        held.opened(number).wait(60)
        for path in paths:
            answer = client.get(f"/api/{path}", params={"capture": number})
            assert answer.status_code < 500, (path, answer.text)
        assert client.get("/api/export", params={"capture": number}).status_code < 500
        assert client.delete(f"/api/captures/{number}").status_code == 200
    assert client.get("/api/list", params={"limit": 1}).json()["total"] == whole


def test_a_stranger_gets_nothing_of_an_open_capture(base: str, client: httpx.Client) -> None:
    stranger = httpx.Client(base_url=base, timeout=120)
    document = client.get("/api/openapi.json").json()
    for token in (None, "wrong", TOKEN[:-1], TOKEN + "x"):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        for path, methods in document["paths"].items():
            for method in methods:
                answer = stranger.request(
                    method, path.replace("{number}", "1"), headers=headers, params={"capture": "1"}
                )
                assert answer.status_code == 401, (method, path)
                assert set(answer.json()) == {"schema", "error"} and CAPTURE.name not in answer.text
    for path in ("/", "/static/app.js", "/static/../server.py"):
        assert stranger.get(path).status_code == 401


def test_twenty_programs_and_three_browsers_get_the_same_answers(base: str, client: httpx.Client) -> None:
    paths = [
        "list?where=protocol == ZCL&limit=50",
        "messages",
        "devices",
        "frames/5",
        "timeline",
        "network",
        "follow?most=50",
        "keys",
    ]
    known = {path: client.get(f"/api/{path}").json() for path in paths}

    def ask(number: int) -> list[int]:
        browser = number < 3
        own = httpx.Client(base_url=base, headers={} if browser else KNOWN, timeout=300)
        if browser:
            own.get(f"/?token={TOKEN}")
        out = []
        for at in range(len(paths) * 2):
            path = paths[(at + number) % len(paths)]
            answer = own.get(f"/api/{path}")
            out.append(answer.status_code)
            assert answer.json() == known[path], path
        return out

    with ThreadPoolExecutor(23) as pool:
        told = [status for statuses in pool.map(ask, range(23)) for status in statuses]
    assert set(told) == {200} and len(told) == 23 * 16
