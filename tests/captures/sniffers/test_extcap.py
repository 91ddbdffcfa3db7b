"""The external capture interface, driven by tshark itself."""

import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from captures import open_capture
from captures.sniffers import extcap
from tests.captures.sniffers.stand_ins import DATA
from tests.captures.sniffers.test_sniffers import zep

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark on this machine")


def test_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert extcap.main(["--extcap-interfaces", "--extcap-version=4.0"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[0].startswith("extcap {version=")
    for name in extcap.INTERFACES:
        assert any(f"{{value={name}}}" in line for line in listed)
        assert extcap.main(["--extcap-dlts", "--extcap-interface", name, "--unknown-word"]) == 0
        assert extcap.main(["--extcap-config", "--extcap-interface", name]) == 0
        assert "dlt {number=283}" in capsys.readouterr().out
    assert extcap.main(["--extcap-config", "--extcap-interface", "nothing"]) == 2


@pytest.fixture
def wireshark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which tshark finds our extcap, and nothing else of the person's."""
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")}
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    extcap.install()
    return environment


@needs_tshark
def test_tshark_lists_the_interfaces(wireshark: dict[str, str]) -> None:
    listed = subprocess.run(
        ["tshark", "-D"], env=wireshark, capture_output=True, text=True, check=False
    ).stdout
    for name in extcap.INTERFACES:
        assert name in listed


@needs_tshark
def test_tshark_captures_through_it(wireshark: dict[str, str], tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    target = tmp_path / "through-tshark.pcapng"
    words = ["tshark", "-i", "hanscope-zep", "-o", f"extcap.hanscope_zep.port:127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*words, "-c", "20", "-a", "duration:40", "-w", str(target)], env=wireshark, stderr=subprocess.PIPE
    )

    def send() -> None:
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for sequence in range(2_000):
            if process.poll() is not None:
                return
            sender.sendto(zep(2, DATA + b"\x12\x34", sequence), ("127.0.0.1", port))
            time.sleep(0.02)

    thread = threading.Thread(target=send)
    thread.start()
    _, talk = process.communicate(timeout=60)
    thread.join()
    with open_capture(target) as capture:
        frames = [f.octets for block in capture for f in block.frames()]
    assert len(frames) == 20, talk.decode()
    assert set(frames) == {DATA + b"\x12\x34"}


@needs_tshark
def test_tshark_captures_the_simulated_home(wireshark: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "simulated.pcapng"
    words = ["tshark", "-i", "hanscope-simulated", "-o", "extcap.hanscope_simulated.speed:0"]
    words += ["-o", "extcap.hanscope_simulated.scenario:ordinary-day+replay"]
    talk = subprocess.run(
        [*words, "-c", "200", "-a", "duration:40", "-w", str(target)],
        env=wireshark, capture_output=True, text=True, check=False, timeout=60,
    ).stderr  # fmt: skip
    with open_capture(target) as capture:
        channels = [int(channel) for block in capture for channel in block.channel]
    assert len(channels) == 200, talk
    assert set(channels) == {20}
