"""The API of `hanscope web`: pages of tables, filters, trees, findings, keys without keys, files; and who is refused."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
pytest.importorskip("openapi_spec_validator")
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.sinks import Sink
from analysis.web.captures_held import CapturesHeld, Limits, captures_in
from analysis.web.filtered_places import FilteredPlaces
from analysis.web.gate import POLICY
from analysis.web.interface import ENDPOINTS
from analysis.web.judging import Judge
from analysis.web.server import Settings, application
from analysis.web.store import CaptureStore
from captures import open_capture
from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import keys_of_sample

CAPTURE, KEYS = FOLDER / "gbcs-messages.pcapng", FOLDER / "gbcs-messages.keys.toml"
TOKEN = "a-token-for-tests"
BASE = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keys_of_sample("gbcs-messages", tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def held(keys: Path) -> Iterator[CapturesHeld]:
    limits = Limits(uploads=2, upload_octets=400_000)
    found = CapturesHeld([CAPTURE], read_keys(keys), Judge(partial(read_keys, keys)), limits)
    assert found.opened(None).wait(60)
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(held: CapturesHeld) -> TestClient:
    app = application(held, Settings(TOKEN, 8765, queue=4))
    return TestClient(app, base_url=BASE, headers={"Authorization": f"Bearer {TOKEN}"})


def given(client: TestClient, path: str, status: int = 200, **parameters: Any) -> Any:
    answer = client.get(f"/api/{path}", params=parameters)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_tables_come_by_pages(client: TestClient) -> None:
    first = given(client, "packets", limit=3)
    assert first["complete"] and first["total"] > 100 and [row["frame"] for row in first["rows"]] == [1, 2, 3]
    last = given(client, "packets", offset=first["total"] - 1, columns="frame,protocol")
    assert set(last["rows"][0]) == {"frame", "protocol"}
    assert given(client, "packets", offset=10**9)["rows"] == []
    message = given(client, "messages", where="use_case == ECS17b", limit=1)["rows"][0]
    assert message["originator"] == f"{int(message['originator'], 16):016x}"


def test_the_packet_list(client: TestClient) -> None:
    told = given(client, "list", where="protocol == GBCS", limit=5, frame=10**6)
    place = {name: at for at, name in enumerate(told["columns"])}
    assert told["row"] == told["total"] and not told["exact"]
    assert {row[place["protocol"]] for row in told["rows"]} == {"GBCS"}
    assert told["rows"][0][place["source"]] and not told["rows"][0][place["source"]].startswith("90b3")
    joined = given(client, "list", where="message.use_case == ECS17b")
    assert 0 < joined["total"] < given(client, "list")["total"]


def test_a_filter_has_its_twin_in_wireshark(client: TestClient) -> None:
    found = given(client, "filter", where="nwk_src == 1a2b")
    assert found["wireshark"] == {"filter": "zbee_nwk.src == 0x1a2b", "copy": False}
    found = given(client, "filter", where="exchange.outcome == ok")
    assert found["wireshark"]["filter"] is None and "outcome" in found["wireshark"]["reason"]
    assert (
        "wireshark"
        not in client.get("/api/filter", params={"where": "kind == gbcs", "table": "messages"}).json()
    )


def test_a_mistake_in_a_filter_has_its_place(client: TestClient) -> None:
    wrong = given(client, "list", 400, where="frame > 3 and protocl == ZCL")["error"]
    assert wrong["position"] == 14 and "protocol" in wrong["text"]
    assert given(client, "filter", where="protocl == ZCL") == {
        "schema": 1, "valid": False, "error": {"text": wrong["text"], "position": 0}
    }  # fmt: skip
    assert given(client, "filter", where="message.mac == valid")["tables"] == ["messages"]


def test_what_may_come_next(client: TestClient) -> None:
    def suggested(text: str) -> list[str]:
        return [one["text"] for one in given(client, "complete", where=text)["suggestions"]]

    assert suggested("frame > 3 and proto")[0] == "protocol"
    assert "==" in suggested("protocol ")
    assert "ZCL" in suggested("protocol == ") and suggested("protocol == GB")[0] == "GBCS"
    assert '"ZigBee APS"' in suggested('protocol == "ZigBee A')
    assert "message.use_case" in suggested("message.use") and suggested("protocl") == ["protocol"]


def test_a_frame_and_its_message_down_to_the_last_value(client: TestClient) -> None:
    row = given(client, "messages", where="use_case == ECS17b and cra == response", limit=1)["rows"][0]
    told = given(client, f"frames/{row['frames'][-1]}")
    assert told["columns"]["exchange"] and told["buffers"]["record"]
    message = next(one for one in told["messages"] if one["message"] == row["message"])
    assert message["buffers"]["message"] and message["fields"][0]["text"]
    alone = given(client, f"messages/{row['message']}")
    assert alone["items"] == message["items"]
    assert "no frame" in given(client, "frames/999999", 404)["error"]["text"]
    given(client, "messages/999999", 404)


def test_a_ladder_is_followed(client: TestClient) -> None:
    row = given(client, "messages", where="use_case == ECS17b and cra == response", limit=1)["rows"][0]
    told = given(client, "follow", message=row["message"])
    steps = [one for one in told["entries"] if one["type"] == "step"]
    assert {frame for one in steps for frame in one["frames"]} >= set(row["frames"])
    assert {"Electricity meter", "Communications hub"} <= {one["name"] for one in told["parties"]}
    joined = given(client, "follow", where="exchange.kind == gbcs", most=20)
    assert joined["entries"] and joined["left_out"] > 0
    given(client, "follow", 404, exchange=10**9)


def test_findings_come_from_a_process_of_their_own(client: TestClient) -> None:
    until = time.monotonic() + 120
    while (told := given(client, "findings"))["state"] == "running" and time.monotonic() < until:
        time.sleep(0.2)
    assert (
        told["state"] == "ready"
        and told["findings"]
        and {"rule", "frames", "advice"} <= told["findings"][0].keys()
    )
    rule = told["findings"][0]["rule"]
    assert given(client, "list", where=f"finding.rule == '{rule}'")["total"] >= 0


def test_no_answer_holds_a_key(client: TestClient, held: CapturesHeld) -> None:
    told = given(client, "keys")
    assert told["state"] == "ready" and told["keys"] and all("key" not in one for one in told["keys"])
    opened = held.opened(None)
    assert opened.last is not None
    secrets = {key.value.hex() for key in opened.last.session.context.keyring.keys}
    texts = [
        client.get(f"/api/{name}", params={"limit": 1000}).text
        for name in ("packets", "commands", "items", "keys")
    ]
    texts += [client.get(f"/api/frames/{number}").text for number in range(1, 60)]
    assert secrets and not [key for key in secrets for text in texts if key in text.replace(" ", "").lower()]


def test_messages_are_pasted_as_text_and_never_as_file_names(client: TestClient) -> None:
    told = client.post("/api/message", content=b"c001c100080000010000ff0200").json()["messages"][0]
    assert told["kind"] == "dlms" and told["buffers"]["message"] == "c001c100080000010000ff0200"
    path = client.post("/api/message", content=str(CAPTURE).encode()).json()["messages"]
    assert all(one["error"] for one in path)
    assert client.post("/api/message", content=b" ").status_code == 400
    assert client.post("/api/message", content=b"0" * 1_100_000).status_code == 413


def test_exports(client: TestClient, tmp_path: Path) -> None:
    total = given(client, "list", where="protocol == GBCS")["total"]
    answer = client.get("/api/export", params={"where": "protocol == GBCS"})
    assert answer.headers["content-disposition"].endswith('filename="gbcs-messages-filtered.pcapng"')
    (tmp_path / "x.pcapng").write_bytes(answer.content)
    with open_capture(tmp_path / "x.pcapng") as capture:
        assert sum(len(block) for block in capture) == total
    lines = client.get("/api/export", params={"where": "protocol == GBCS", "format": "csv"}).text.splitlines()
    assert len(lines) == total + 1
    assert given(client, "export", 400, format="pcapng", table="items")


def test_a_file_that_is_dropped(client: TestClient, held: CapturesHeld) -> None:
    octets = (FOLDER / "tampered-message.pcapng").read_bytes()
    told = client.post("/api/captures", params={"name": "<b>\x1b[1m.pcapng"}, content=octets)
    assert told.status_code == 201
    number = told.json()["id"]
    assert "\x1b" not in told.json()["name"]
    opened = held.called(number)
    assert opened.opened is not None and opened.opened.wait(60) and opened.path.exists()
    assert given(client, "list", capture=number)["total"] > 0
    assert client.post("/api/captures", content=b"x" * 400_001).status_code == 413
    assert client.post("/api/captures", content=b"").status_code == 400
    broken = client.post("/api/captures", content=b"no capture at all").json()["id"]
    failed = held.opened(broken)
    failed.wait(60)
    assert given(client, "list", 409, capture=broken)["error"]["text"]
    assert client.post("/api/captures", content=octets).status_code == 409  # two are there already
    for one in (number, broken):
        assert client.delete(f"/api/captures/{one}").status_code == 200
    assert not opened.path.exists()
    given(client, "list", 404, capture=number)


def test_who_is_refused(held: CapturesHeld) -> None:
    app = application(held, Settings(TOKEN, 8765))
    stranger = TestClient(app, base_url=BASE)
    assert stranger.get("/").status_code == 401
    assert stranger.get("/api/captures", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert stranger.get(f"/?token={TOKEN}x").status_code == 401
    known = {"Authorization": f"Bearer {TOKEN}"}
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[", "169.254.0.1"):
        assert stranger.get("/api/captures", headers={**known, "Host": host}).status_code == 403
    assert stranger.get("/api/captures", headers={**known, "Sec-Fetch-Site": "cross-site"}).status_code == 403
    foreign = {**known, "Origin": "http://evil.example"}
    assert stranger.post("/api/message", content=b"00", headers=foreign).status_code == 403


def test_a_browser_gets_a_session(held: CapturesHeld) -> None:
    browser = TestClient(application(held, Settings(TOKEN, 8765)), base_url=BASE, follow_redirects=False)
    first = browser.get(f"/?token={TOKEN}")
    assert first.status_code == 303 and first.headers["location"] == "/"
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and TOKEN not in cookie
    page = browser.get("/")
    assert page.status_code == 200 and page.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY and "http" not in POLICY
    for name in ("app.js", "style.css", "icon.svg"):
        assert browser.get(f"/static/{name}").headers["x-content-type-options"] == "nosniff"
    assert browser.get("/static/..%2fserver.py").status_code == 404


def test_the_openapi_document_is_valid_and_whole(client: TestClient) -> None:
    told = given(client, "openapi.json")
    validate(told)
    assert {one.path for one in ENDPOINTS} < set(told["paths"])


WORDS = [
    "",
    "0",
    "-1",
    "1e9",
    "9" * 30,
    "\x00",
    "'",
    "(" * 80,
    "frame ==",
    "nwk_src == zz",
    "true",
    "é" * 50,
    "%",
    "1",
    "a,b",
]


def test_nothing_that_is_asked_breaks_the_server(held: CapturesHeld) -> None:
    app = application(held, Settings(TOKEN, 8765))
    client = TestClient(
        app, base_url=BASE, headers={"Authorization": f"Bearer {TOKEN}"}, raise_server_exceptions=False
    )
    chosen = random.Random(23)
    for _ in range(400):
        one = chosen.choice([one for one in ENDPOINTS if one.method != "DELETE"])
        names = [given.name for given in one.parameters if given.place == "query"] + ["nonsense"]
        asked = {
            name: chosen.choice(WORDS) for name in chosen.sample(names, chosen.randint(0, min(2, len(names))))
        }
        path = one.path.replace("{number}", chosen.choice(["1", "0", "x", "9" * 30]))
        body = {"content": chosen.randbytes(chosen.randint(0, 60))} if one.body else {}
        answer = client.request(one.method, path, params=asked, **body)
        assert answer.status_code < 500, (path, asked, answer.text)
        assert answer.status_code == 200 or answer.json()["error"]["text"]


def test_one_client_leaves_room_for_others(client: TestClient) -> None:
    import anyio

    from analysis.web.server import Turns

    async def run() -> list[int]:
        turns, refused = Turns(Settings(TOKEN, threads=2, per_client=1, queue=3)), []

        async def ask(client: str) -> None:
            from analysis.web.endpoints import BadRequest

            try:
                await turns.take(client, True, partial(time.sleep, 0.05))
            except BadRequest as error:
                refused.append(error.status)

        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(ask, "greedy")
            group.start_soon(ask, "modest")
        assert not turns.waiting and not turns.limiters
        return refused

    assert anyio.run(run) == [429, 429, 429]


def test_a_folder_is_opened_one_by_one(keys: Path) -> None:
    paths = captures_in(FOLDER)
    found = CapturesHeld(paths, read_keys(keys), Judge(), Limits(opened=1), FOLDER)
    assert [one["state"] for one in found.listed()] == ["closed"] * len(paths) and len(paths) > 1
    first = found.opened("1")
    first.wait(60)
    found.opened("2").wait(60)
    assert [one["state"] for one in found.listed()][:2] == ["closed", "ready"]
    found.close()


def test_a_live_source_grows(keys: Path) -> None:
    from analysis.live.kept_frames import KeptFrames
    from analysis.web.opened_live import OpenedLive

    ring = read_keys(keys)
    found = CapturesHeld([], ring, Judge())
    with subprocess.Popen(["cat", str(CAPTURE)], stdout=subprocess.PIPE) as pipe:
        opened = found.add_live(OpenedLive(KeptFrames(pipe.stdout, frames=64), ring)).opened
        assert opened is not None and opened.wait(120)
    app = application(found, Settings(TOKEN, 8765))
    client = TestClient(app, base_url=BASE, headers={"Authorization": f"Bearer {TOKEN}"})
    whole = len(decode(CAPTURE, ring).packets)
    assert given(client, "list")["total"] == whole
    assert given(client, "findings")["findings"] and given(client, "devices")["total"] > 0
    told = given(client, "keys")
    assert told["keys"] and all("key" not in one for one in told["keys"])
    assert given(client, "frames/5")["columns"]["frame"] == 5
    with_gbcs = given(client, "list", where="message.use_case == ECS17b")["total"]
    assert 0 < with_gbcs < whole
    assert client.get("/api/export", params={"where": "frame < 4"}).status_code == 200
    found.close()


def test_a_live_list_has_few_batches_and_filters_keep_up(keys: Path) -> None:
    """A quiet network gives a batch for every frame; each of them cost 50 kB for as long as it was kept."""
    store, seen = CaptureStore(most=10_000), FilteredPlaces("frame > 5", "packets")
    counts: list[int] = []

    class Looking(Sink):
        def restart(self, decode_pass: DecodePass) -> None:
            counts.clear()

        def take(self, block: DecodedBlock) -> None:
            counts.append(len(seen.places(store)))

    last = run_passes(CAPTURE, read_keys(keys), store, Looking(), block_frames=1)
    frames = last.session.frames
    assert counts == sorted(counts) and len(set(counts)) > 20
    assert seen.places(store).tolist() == list(range(5, frames))
    assert len(store.content("packets").batches) < 20 < frames
    assert store.content("packets").numbers("frame").tolist() == list(range(1, frames + 1))


def test_a_live_list_is_bounded(keys: Path) -> None:
    store = CaptureStore(most=100)
    run_passes(CAPTURE, read_keys(keys), store, block_frames=16)
    content, saved = store.content("packets"), store.snapshot()
    assert 50 <= len(content) <= 116 and content.generation > 1
    assert content.rows([0], ("frame",))[0]["frame"] > 50
    store.rewind(None, saved)  # type: ignore[arg-type]
    assert len(store.content("packets")) == len(content)
