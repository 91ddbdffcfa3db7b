"""Findings told to others: a command, a web address, a broker; nothing that is told there holds up who listens."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from analysis.live.alerting import Alerts, Undelivered, alerting
from analysis.live.screen import event_line
from analysis.live.ways import Command, Mqtt, Webhook, ways_of
from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import keys_of_sample

FINDING = {
    "event": "finding",
    "state": "raised",
    "rule": "r",
    "title": "$(touch bad) `x`",
    "device": "\x1b[2J",
}


def wait_for(what: Callable[[], Any], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


class Slow:
    """A way that takes nothing until it may."""

    name = "slow"

    def __init__(self) -> None:
        self.may, self.taken = threading.Event(), 0

    def send(self, octets: bytes) -> None:
        self.may.wait(60)
        self.taken += 1

    def close(self) -> None:
        self.may.set()


class Broken(Slow):
    name = "broken"

    def send(self, octets: bytes) -> None:
        self.taken += 1
        raise Undelivered("it is gone", again=self.taken > 1)


def test_a_way_that_hangs_holds_nobody_up_and_what_is_left_out_is_counted() -> None:
    slow, told = Slow(), []
    alerts = Alerts([slow, Command(f"cat >> {os.devnull}")])
    tell = alerting(told.append, alerts)
    for _ in range(300):
        tell(FINDING)  # returns, or this test does not
    tell({**FINDING, "state": "changed"})
    last = {one.name: one for one in alerts.finish(0.0)}
    assert last["slow"].left_out >= 300 - 2 and last["slow"].trouble
    assert sum(one["event"] == "finding" for one in told) == 301
    slow.may.set()


def test_failures_are_told_and_counted() -> None:
    told: list[dict[str, Any]] = []
    broken = Broken()
    alerts = Alerts([broken], pauses=(0.0,))
    tell = alerting(told.append, alerts)
    tell(FINDING)
    tell(FINDING)
    wait_for(lambda: broken.taken >= 3)
    tell({"event": "end", "frames": 2, "dropped": 0})
    troubled = [one for one in told if one["event"] == "alert"]
    assert troubled and troubled[0]["trouble"] == "it is gone"
    assert "it is gone" in event_line(troubled[0], {})
    assert told[-1]["alerts"] == [
        {"to": "broken", "sent": 0, "failed": 2, "left_out": 0, "trouble": "it is gone"}
    ]
    assert broken.taken == 3  # the first is not offered again


def test_a_command_gets_json_and_no_text_of_a_capture_becomes_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANSCOPE_KEYS", "/secret/place")
    monkeypatch.chdir(tmp_path)
    Command("cat > got; env > variables").send(json.dumps(FINDING).encode())
    assert json.loads((tmp_path / "got").read_text("utf-8")) == FINDING
    assert "HANSCOPE" not in (tmp_path / "variables").read_text("utf-8")
    assert not (tmp_path / "bad").exists()
    with pytest.raises(Undelivered, match="ended with 3: what went wrong"):
        Command("echo what went wrong >&2; exit 3").send(b"{}")
    with pytest.raises(Undelivered, match="longer than"):
        Command("sleep 60", seconds=0.2).send(b"{}")


class Heard(BaseHTTPRequestHandler):
    """Keeps what is sent; answers what the path says."""

    got: list[tuple[str, dict[str, str], bytes]] = []

    def do_POST(self) -> None:
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, dict(self.headers), octets))
        status = int(self.path.rpartition("/")[2].partition("?")[0] or 204)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere/204")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def listening() -> Iterator[str]:
    Heard.got = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Heard)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_web_address_gets_each_finding(listening: str) -> None:
    hook = Webhook(f"http://me:pass%20word@{listening}/a/201?token=hidden")
    assert "pass" not in hook.name and "hidden" not in hook.name and "me" not in hook.name
    hook.send(json.dumps(FINDING).encode())
    path, headers, octets = Heard.got[0]
    assert path == "/a/201?token=hidden" and json.loads(octets) == FINDING
    assert headers["Authorization"].startswith("Basic ") and headers["Content-Type"] == "application/json"
    for status, again in ((404, False), (503, True), (302, False)):
        with pytest.raises(Undelivered, match=str(status)) as told:
            Webhook(f"http://{listening}/{status}").send(b"{}")
        assert told.value.again is again
    assert all("elsewhere" not in one[0] for one in Heard.got)
    with pytest.raises(Undelivered) as gone:
        Webhook("http://me:secret@127.0.0.1:1/x", seconds=5).send(b"{}")
    assert gone.value.again and "secret" not in str(gone.value)


@pytest.mark.parametrize(
    "wrong", ["", "x", "ftp://a/b", "http://", "http://[::1", "http://a:99999/", "file:///etc/passwd"]
)
def test_what_is_no_address_is_refused_without_telling_it(wrong: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        ways_of(None, wrong, None)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


BROKER = """
import asyncio, sys
from amqtt.broker import Broker
from tests.key_files import keys_of_sample
async def run():
    broker = Broker({
        "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:" + sys.argv[1]}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    })
    await broker.start()
    await asyncio.Event().wait()
asyncio.run(run())
"""


@pytest.fixture
def broker() -> Iterator[int]:
    """A broker: mosquitto where it is, else amqtt."""
    pytest.importorskip("paho.mqtt", reason="hanscope[mqtt] is not installed")
    port = free_port()
    found = shutil.which("mosquitto")
    if found is not None:
        command = [found, "-p", str(port)]
    else:
        pytest.importorskip("amqtt", reason="there is no broker: neither mosquitto nor amqtt")
        command = [sys.executable, "-W", "ignore", "-c", BROKER, str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:

        def answers() -> bool:
            assert running.poll() is None, "the broker ended"
            with socket.socket() as tried:
                return tried.connect_ex(("127.0.0.1", port)) == 0

        wait_for(answers)
        yield port
        running.terminate()


def test_a_broker_gets_each_finding(broker: int) -> None:
    from paho.mqtt import client as paho

    got: list[tuple[str, bytes]] = []
    there = threading.Event()
    listener = paho.Client(paho.CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _c, _u, message: got.append((message.topic, message.payload))
    listener.on_subscribe = lambda *_: there.set()
    listener.connect("127.0.0.1", broker)
    listener.subscribe("#", qos=1)
    listener.loop_start()
    assert there.wait(30)
    alerts = Alerts([Mqtt(f"mqtt://127.0.0.1:{broker}/home/found"), Mqtt(f"mqtt://127.0.0.1:{broker}")])
    alerts.offer(FINDING)
    assert [(one.sent, one.failed) for one in alerts.finish(30)] == [(1, 0), (1, 0)]
    wait_for(lambda: len(got) >= 2)
    listener.loop_stop()
    assert {topic for topic, _ in got} == {"home/found", "hanscope/findings"}
    assert all(json.loads(octets) == FINDING for _, octets in got)


def test_a_broker_that_is_not_there_is_told() -> None:
    pytest.importorskip("paho.mqtt", reason="hanscope[mqtt] is not installed")
    way = Mqtt(f"mqtt://me:secret@127.0.0.1:{free_port()}/x", seconds=5)
    assert "secret" not in way.name and "me" not in way.name
    with pytest.raises(Undelivered) as told:
        way.send(b"{}")
    assert told.value.again and "secret" not in str(told.value)
    with pytest.raises(ValueError, match="topic"):
        Mqtt("mqtt://127.0.0.1/a/+")


def test_the_verb_tells_a_command_and_an_address(tmp_path: Path, listening: str) -> None:
    place = tmp_path / "found.jsonl"
    capture = FOLDER / "tampered-message.pcapng"
    keys = keys_of_sample("tampered-message", tmp_path)
    words = [
        *("-", "--jsonl", "--keys", str(keys)),
        "--on-finding",
        f"cat >> {place}; echo >> {place}",
        "--webhook",
        f"http://{listening}/200",
    ]
    with capture.open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "analysis.cli", "watch", *words],
            stdin=file, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    raised = [one for one in events if one["event"] == "finding" and one["state"] != "changed"]
    sent = [json.loads(line) for line in place.read_text("utf-8").splitlines() if line]
    assert raised and sent == raised == [json.loads(octets) for _, _, octets in Heard.got]
    assert [(one["sent"], one["failed"]) for one in events[-1]["alerts"]] == [(len(raised), 0)] * 2
    wrong = [sys.executable, "-m", "analysis.cli", "watch", "simulate:", "--webhook", "no address: secret"]
    refused = subprocess.run(wrong, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "error" in refused.stderr and "secret" not in refused.stderr
