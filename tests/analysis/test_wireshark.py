"""What hanscope knows, inside Wireshark: asked of tshark with the script that is installed."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

import hanscope as hs
from analysis.cli import main
from analysis.wireshark.installing import Folders, install, key_lines
from analysis.wireshark.script import FIELDS, MARK, script
from captures import captured_frames, open_capture, write_capture

SAMPLE = "captures/samples/gbcs-messages"
KEYS = f"{SAMPLE}.keys.toml"
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wireshark")
    assert (
        main(["wireshark", f"{SAMPLE}.pcapng", "--keys", KEYS, "-o", str(folder / "copy.pcapng"), "-q"]) == 0
    )
    (folder / "hanscope.lua").write_text(script(), "utf-8")
    return folder / "copy.pcapng"


def asked(capture: Path, filter_: str, *fields: str, lua: Path | None = None) -> list[list[str]]:
    """What tshark prints of the frames that pass a filter; its complaints are failures."""
    script_ = lua or capture.parent / "hanscope.lua"
    words = [part for field in fields for part in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-r", str(capture), "-X", f"lua_script:{script_}", "-Y", filter_, "-T", "fields", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if line and "Running as user" not in line]
    assert not complaints, complaints
    assert done.returncode == 0
    return [line.split("\t") for line in done.stdout.splitlines()]


@needs_tshark
def test_each_frame_of_a_message_names_its_use_case(copy: Path) -> None:
    found = asked(
        copy, "hanscope.gbcs.use_case", "frame.number", "hanscope.gbcs.use_case", "hanscope.message"
    )
    packets, messages = (
        hs.open(f"{SAMPLE}.pcapng", keys=KEYS).table(name) for name in ("packets", "messages")
    )
    use_cases = dict(zip(messages.message, messages.use_case, strict=True))
    carrying = packets[packets.message.notna()]
    assert found == [
        [str(frame), use_cases[message], str(message)]
        for frame, message in zip(carrying.frame, carrying.message, strict=True)
    ]
    assert len(asked(copy, 'hanscope.gbcs.use_case == "ECS17b"', "frame.number")) == 6
    assert {row[0] for row in asked(copy, "hanscope.finding.severity", "hanscope.finding.severity")} <= {
        "info", "info,info", "warning",
    }  # fmt: skip
    assert asked(copy, "hanscope.gbcs.originator_counter == 7591660518826311681", "frame.number")


@needs_tshark
def test_values_and_opened_octets_are_shown(copy: Path) -> None:
    [[values]] = asked(copy, "frame.number == 66", "hanscope.item.number")
    assert "4506935" in values.replace(".0", "")
    shown = subprocess.run(
        ["tshark", "-r", str(copy), "-X", f"lua_script:{copy.parent / 'hanscope.lua'}", "-Y", "frame.number == 66", "-V", "-x"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "double-long-unsigned: 4506935 Wh" in shown
    assert "message-2-decrypted-0 (26 bytes)" in shown


@needs_tshark
def test_hostile_comments_and_frames_make_no_error_of_lua(copy: Path, tmp_path: Path) -> None:
    draw = random.Random(1)
    with open_capture(copy) as capture:
        frames = [frame for block in capture for frame in captured_frames(block)]
    lines = [
        "+99999999999999\tframe\t1\t1\tx", "+1\tframe\t999999\t99999\tx", "+5\tnothing\t0\t1\tx", "+0\tframe\t0\t0\t",
        "=hanscope.message\tffffffffffffffffffff", "=hanscope.message\tzz", "=hanscope.gbcs.use_case\t" + "x" * 9000,
        "=nothing\t1", "=hanscope.item.number\tnan", "#a\t0", "#a\t00ff", "#frame\t00", "@99999999", "@-1", "@1", "+", "=", "#", "*", "*\x00",
        "+0\tframe\t18446744073709551616\t1\tx", "\x01\x02", "=hanscope.item.number\t1e999", "+0\tframe\t1e5\t1\t%s%n",
    ]  # fmt: skip
    from dataclasses import replace

    hostile = []
    for frame in frames:
        some = draw.sample(lines, 6)
        whole = frame.comment.encode("utf-8", "replace")
        cut = whole[: draw.randrange(len(whole) + 1)].decode("utf-8", "replace")
        comment = draw.choice([f"{MARK}\n" + "\n".join(some), cut, f"a\n{MARK}\n" + cut, MARK])
        hostile.append(
            replace(frame, comment=comment, octets=frame.octets[: draw.randrange(len(frame.octets) + 1)])
        )
    write_capture(tmp_path / "hostile.pcapng", hostile)
    asked(tmp_path / "hostile.pcapng", "frame", "hanscope.summary", lua=copy.parent / "hanscope.lua")


def test_no_key_is_in_the_copy_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = hs.open(f"{SAMPLE}.pcapng", keys=KEYS).given.ring
    secrets = [key.value for key in ring.keys]
    assert (
        main(["wireshark", f"{SAMPLE}.pcapng", "--keys", KEYS, "-o", str(tmp_path / "a.pcapng"), "-q"]) == 0
    )
    octets = (tmp_path / "a.pcapng").read_bytes()
    assert not any(one in octets or one.hex().encode() in octets for one in secrets)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    arguments = [
        "wireshark",
        f"{SAMPLE}.pcapng",
        "--keys",
        KEYS,
        "--reveal",
        "-q",
        "-o",
        str(tmp_path / "b.pcapng"),
    ]
    assert main(arguments) == 0
    assert any(one in (tmp_path / "b.pcapng").read_bytes() for one in secrets)
    if shutil.which("tshark"):
        [path] = tmp_path.rglob("zigbee_pc_keys")
        assert path.stat().st_mode & 0o777 == 0o600


def test_script_and_profile_are_written(tmp_path: Path) -> None:
    written = install(Folders(tmp_path / "plugins", tmp_path))
    assert {path.name for path in written} == {
        "hanscope.lua",
        "colorfilters",
        "dfilter_buttons",
        "preferences",
    }
    text = (tmp_path / "plugins" / "hanscope.lua").read_text("utf-8")
    assert all(f'"{one.name}"' in text for one in FIELDS)
    assert not [
        word
        for word in ("ECS", "GCS17", "0x0704", "originator counter is")
        if word in text.split("local proto")[1]
    ]
    assert key_lines([bytes(16), bytes(16)]).count("Normal") == 1


def test_mistakes_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.pcapng"
    source.write_bytes(Path(f"{SAMPLE}.pcapng").read_bytes())
    assert main(["wireshark", str(source), "-o", str(source)]) == 2
    assert main(["wireshark", str(tmp_path / "none.pcapng"), "-o", str(tmp_path / "c.pcapng")]) == 3
    assert "error: " in capsys.readouterr().err
