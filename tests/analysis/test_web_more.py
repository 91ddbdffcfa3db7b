"""More that the API of `hanscope web` answers: what happened when, the network at a moment, why, two captures compared,
notes, redacted copies, reports; and a server that ends when it is told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
from starlette.testclient import TestClient

from analysis.diagnosis import diagnose
from analysis.keys.keyfile import read_keys
from analysis.web import judging
from analysis.web.captures_held import CapturesHeld
from analysis.web.judging import Judge
from analysis.web.server import Settings, application
from captures import captured_frames, open_capture
from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import keys_of_sample

GOOD, FAULTY = FOLDER / "gbcs-messages.pcapng", FOLDER / "tampered-message.pcapng"
TOKEN = "a-token-for-tests"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keys_of_sample("gbcs-messages", tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def held(keys: Path) -> Iterator[CapturesHeld]:
    found = CapturesHeld([GOOD, FAULTY], read_keys(keys), Judge(partial(read_keys, keys)))
    for number in "12":
        assert found.opened(number).wait(60)
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(held: CapturesHeld) -> TestClient:
    app = application(held, Settings(TOKEN, 8765))
    known = {"Authorization": f"Bearer {TOKEN}"}
    return TestClient(app, base_url="http://127.0.0.1:8765", headers=known)


def given(client: TestClient, path: str, status: int = 200, **parameters: Any) -> Any:
    answer = client.get(f"/api/{path}", params=parameters)
    assert answer.status_code == status, answer.text
    return answer.json()


def until_ready(client: TestClient, path: str, **parameters: Any) -> Any:
    until = time.monotonic() + 240
    while (told := given(client, path, **parameters))["state"] == "running" and time.monotonic() < until:
        time.sleep(0.2)
    assert told["state"] == "ready"
    return told


def test_every_frame_is_on_the_timeline_once(client: TestClient) -> None:
    total = given(client, "list")["total"]
    told = given(client, "timeline", bins=50)
    assert sum(told["all"]) == total and told["chosen"] is None and len(told["trouble"]) == 50
    where = "protocol == GBCS"
    chosen = given(client, "timeline", bins=50, where=where)
    assert sum(chosen["chosen"]) == given(client, "list", where=where)["total"]
    assert all(few <= all_ for few, all_ in zip(chosen["chosen"], told["all"], strict=True))
    half = told["milliseconds"] // 2
    parts = [given(client, "timeline", begin=a, end=b, bins=7) for a, b in ((0, half), (half, half * 2 + 2))]
    assert sum(sum(one["all"]) for one in parts) == total
    assert told["start"] < told["end"]
    tampered = given(client, "timeline", capture="2")
    assert sum(tampered["all"]) == given(client, "list", capture="2")["total"]


def test_a_span_of_the_timeline_is_a_filter(client: TestClient) -> None:
    told = given(client, "timeline", bins=10)
    at = max(range(10), key=lambda one: told["all"][one])
    ends = [told["start_ns"] + round(one * told["step"] * 1e6) for one in (at, at + 1)]
    words = [
        f"'{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(e // 10**9))}.{e % 10**9:09d}Z'" for e in ends
    ]
    where = f"time >= {words[0]} and time < {words[1]}"
    assert given(client, "list", where=where)["total"] == told["all"][at]


def test_the_network_moves_with_time(client: TestClient) -> None:
    told = given(client, "network", span=10**9)
    names = {one["name"] for one in told["nodes"]}
    assert {"Communications hub", "Electricity meter"} <= names and told["links"]
    assert sum(one["frames"] for one in told["nodes"]) == sum(one["frames"] for one in told["links"])
    assert all(one["from"] < len(told["nodes"]) for one in told["links"])
    early = given(client, "network", at=1)
    assert len(early["nodes"]) <= len(told["nodes"]) and early["frames"] <= told["frames"]
    part = given(client, "network", span=10**9, where="protocol == GBCS")
    assert 0 < part["frames"] < told["frames"]
    moments = [
        given(client, "network", at=at, span=5_000)["frames"]
        for at in range(5_000, told["milliseconds"], 5_000)
    ]
    assert sum(moments) <= told["frames"] and len(set(moments)) > 1


def test_a_node_was_heard_as_strongly_as_its_frames(client: TestClient) -> None:
    rows = given(client, "packets", columns="mac_src,rssi", limit=1000)["rows"]
    nodes = given(client, "network", span=10**9)["nodes"]
    strengths = {
        node[name]: node["rssi"] for node in nodes if "rssi" in node for name in ("address", "short")
    }
    for short in {row["mac_src"] for row in rows if "mac_src" in row}:
        known = [row["rssi"] for row in rows if row.get("mac_src") == short and "rssi" in row]
        assert strengths[short] == pytest.approx(sum(known) / len(known), abs=0.06)


def test_why_is_that_of_the_verb(client: TestClient, keys: Path) -> None:
    told = until_ready(client, "why", capture="2")
    whole = diagnose(FAULTY, read_keys(keys)).to_json()
    assert told["verdict"] == whole["verdict"] and told["devices"] == whole["devices"]


def test_two_captures_are_compared(client: TestClient) -> None:
    told = until_ready(client, "diff", **{"with": "2"})
    assert told["good"] == GOOD.name and told["faulty"] == FAULTY.name
    assert told["matched"] and told["divergences"]
    same = until_ready(client, "diff", capture="1", **{"with": "1"})
    assert not same["divergences"] and same["same"] > 0
    assert "missing" in given(client, "diff", 400)["error"]["text"]
    given(client, "diff", 404, **{"with": "77"})


def test_notes_are_kept_in_the_comments_of_a_copy(client: TestClient, tmp_path: Path) -> None:
    texts = {3: "who is this?\n<b>second line</b>", 5: "é", 7: ""}
    for number, text in texts.items():
        answer = client.post(f"/api/notes/{number}", content=text.encode())
        assert answer.status_code == 200, answer.text
    told = given(client, "notes")
    own = {one["frame"]: one["text"] for one in told["notes"] if one["own"]}
    assert own == {3: texts[3], 5: "é"}
    for where, wanted in (("", {3: texts[3], 5: "é"}), ("frame < 5", {3: texts[3]})):
        copy = tmp_path / "copy.pcapng"
        copy.write_bytes(client.get("/api/export", params={"where": where}).content)
        with open_capture(copy) as capture:
            comments = [frame.comment for block in capture for frame in captured_frames(block)]
        assert {at: text for at, text in enumerate(comments, 1) if text} == wanted
    again = client.post("/api/captures", params={"name": "copy"}, content=copy.read_bytes()).json()["id"]
    assert given(client, "notes", capture=again)["notes"] == [{"frame": 3, "text": texts[3], "own": False}]
    client.delete(f"/api/captures/{again}")
    for number in (3, 5):
        assert client.post(f"/api/notes/{number}", content=b"").status_code == 200
    assert not given(client, "notes")["notes"]
    for number, octets, status in ((999_999, b"x", 404), (1, b"\xff", 400), (1, b"x" * 4001, 413)):
        assert client.post(f"/api/notes/{number}", content=octets).status_code == status


def test_a_redacted_copy_names_nobody(client: TestClient, tmp_path: Path) -> None:
    client.post("/api/notes/2", content=b"of Mr Smith")
    plain, hidden = (
        client.get("/api/export", params={"where": "frame < 60", "redacted": one})
        for one in ("false", "true")
    )
    assert hidden.status_code == 200, hidden.text
    addresses = {row["eui64"] for row in given(client, "devices")["rows"] if row.get("eui64")}
    raw = [bytes.fromhex(one) for one in addresses]
    forms = [*raw, *(one[::-1] for one in raw)]
    assert any(one in plain.content for one in forms) and b"Smith" in plain.content
    assert not any(one in hidden.content for one in forms) and b"Smith" not in hidden.content
    (tmp_path / "hidden.pcapng").write_bytes(hidden.content)
    with open_capture(tmp_path / "hidden.pcapng") as capture:
        assert sum(len(block) for block in capture) == 59
    given(client, "export", 400, format="csv", redacted="true")
    client.post("/api/notes/2", content=b"")


def test_the_report_is_the_verbs(client: TestClient) -> None:
    until = time.monotonic() + 240
    while (answer := client.get("/api/report")).status_code == 202 and time.monotonic() < until:
        time.sleep(0.2)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    assert GOOD.name in answer.text and "Communications hub" in answer.text
    assert answer.headers["content-disposition"] == "attachment"


def test_a_process_that_died_is_begun_again(tmp_path: Path) -> None:
    judge = Judge()
    judge.ask(judging.compared, FAULTY, FAULTY).result(120)
    assert judge._pool is not None
    for pid in list(judge._pool._processes):
        os.kill(pid, signal.SIGKILL)
    found = CapturesHeld([FAULTY], judge.keys(), judge)
    found.opened(None).wait(60)
    for _ in range(100):
        future = found.judged(None, judging.compared, FAULTY)
        try:
            future.result(120)
            break
        except BrokenPipeError:
            raise
        except Exception:
            time.sleep(0.1)
    assert future.exception() is None
    processes = [*judge._pool._processes.values()]
    found.close()
    until = time.monotonic() + 30
    for one in processes:  # also in the midst of its work: it must not outlive the server
        while is_there(one.pid) and time.monotonic() < until:
            time.sleep(0.01)
        assert not is_there(one.pid)


def is_there(pid: int) -> bool:
    """Whether a process is. It may be another thread that waits for it, which then alone knows how it ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_server_ends_when_it_is_told_to(tmp_path: Path, keys: Path) -> None:
    """While a file is still being dropped, rules run, and clients hold connections."""
    pytest.importorskip("uvicorn")
    command = [sys.executable, "-m", "analysis.cli", "web", str(GOOD), "--keys", str(keys), "-q"]
    environment = {name: value for name, value in os.environ.items() if name != "HANSCOPE_KEYS"}
    environment["TMPDIR"] = str(tmp_path)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        address, token = url.split("//")[1].split("/?token=")
        host, port = address.split(":")
        head = f"Host: {address}\r\nAuthorization: Bearer {token}\r\n"
        held_open = [socket.create_connection((host, int(port)), 30) for _ in range(4)]
        held_open[0].sendall(
            f"POST /api/captures HTTP/1.1\r\n{head}Content-Length: 999999\r\n\r\nhalf".encode()
        )
        held_open[1].sendall(f"GET /api/findings HTTP/1.1\r\n{head}\r\n".encode())
        held_open[2].sendall(f"GET /api/report HTTP/1.1\r\n{head}\r\n".encode())
        assert held_open[1].recv(12) == b"HTTP/1.1 200"
        until = time.monotonic() + 30
        while not list(tmp_path.glob("hanscope-web-*/upload-*")):
            assert time.monotonic() < until
            time.sleep(0.05)
        server.terminate()
        server.wait(60)  # for ever, when it waits for those
        for one in held_open:
            one.close()
    assert not list(tmp_path.glob("hanscope-*"))
