"""Mistakes of a command line or an input: each is said in a line with its own exit code, and nothing is guessed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.views.filters import FilterError, parse_filter
from captures import CapturedFrame, TrailerKind, write_capture
from captures.fcs import fcs16
from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import key_file

LONG = "9" * 5000
DEEP = 100_000
GBCS_CUT = "DD00000000000062" + "00" * 6


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "two.pcapng"
    octets = [bytes.fromhex("63880159330000189004"), bytes.fromhex("020005")]
    frames = [
        CapturedFrame(one + fcs16(one), number * 10**9, trailer=TrailerKind.FCS16)
        for number, one in enumerate(octets, 1)
    ]
    write_capture(path, frames)
    return path


def told(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    assert "internal" not in err and "Traceback" not in err, err
    return err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "{capture}", "5-3"], 2, "counts backwards"),
        (["show", "{capture}", "0"], 2, "count from 1"),
        (["show", "{capture}", LONG], 2, "is no frame number"),
        (["show", "{capture}", "1-99999999999999999999"], 2, "is no frame number"),
        (["show", "{capture}", "1-999999999"], 2, "1000 frames at a time"),
        (["convert", "{capture}", "{folder}/o.pcapng", "--frames", "5-3"], 2, "counts backwards"),
        (["convert", "{capture}", "{folder}/o.pcapng", "--frames", LONG], 2, "names no frames"),
        (["convert", "{capture}", "{capture}"], 2, "written over itself"),
        (["convert", "{capture}", "{folder}/../{name}/two.pcapng"], 2, "written over itself"),
        (["convert", "{capture}", "{folder}/out.txt"], 2, "its ending names no format"),
        (["convert", "{capture}", "{folder}/out"], 2, "its ending names no format"),
        (["redact", "{capture}", "-o", "{capture}"], 2, "written over itself"),
        (
            ["redact", "{capture}", "-o", "{folder}/o.pcapng", "--keys-out", "{folder}/o.pcapng"],
            2,
            "over itself",
        ),
        (["report", "{capture}", "-o", "{capture}"], 2, "written over itself"),
        (["simulate", "-o", "{folder}/s.pcapng", "--truth", "{folder}/s.pcapng"], 2, "written over itself"),
        (["simulate", "-o", "{folder}/s.pcapng", "--seconds", "1e400"], 2, "no number of anything"),
        (["stats", "{capture}", "--no such"], 2, "not understood: --no such"),
        (["stats", "{capture}", "--=1 2"], 2, "not understood: --=1 2"),
        (["stats", ""], 2, "CAPTURE... is empty"),
        (["check", ""], 2, "CAPTURE... is empty"),
        (["message", ""], 2, "is empty"),
        (["message", " "], 2, "is empty"),
        (["stats", "https://nowhere.invalid/a.pcap"], 3, "https://nowhere.invalid/a.pcap: "),
        (["sniff", "simulated", "-o", "{folder}/s.pcapng"], 3, "needs a colon"),
        (["sniff", "{folder}/nothing", "-o", "{folder}/s.pcapng"], 3, "No such file"),
        (["check", "{capture}", "--profile", "{folder}/nothing.toml"], 2, "neither a profile"),
        (
            ["report", "{capture}", "-o", "{folder}/r.html", "--profile", "{folder}/nothing.toml"],
            2,
            "neither",
        ),
    ],
)
def test_a_mistake_is_said_and_nothing_is_written(
    arguments: list[str],
    code: int,
    said: str,
    capture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = capture.read_bytes()
    places = {"capture": capture, "folder": tmp_path, "name": tmp_path.name}
    for debug in ([], ["--debug"]):
        assert main([*debug, *(one.format(**places) for one in arguments)]) == code
        err = capsys.readouterr().err
        assert said in err and "internal" not in err and "offset 0x0" not in err, err
        assert ("Traceback" in err) == bool(debug)
    assert capture.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["two.pcapng"]


def test_a_convert_says_pcap_or_pcapng(capture: Path, tmp_path: Path) -> None:
    for name, extra, magic in (
        ("a.pcap", [], b"\x4d\x3c\xb2\xa1"),
        ("a.pcapng", [], b"\x0a\x0d\x0d\x0a"),
        ("a.txt", ["--format", "pcap"], b"\x4d\x3c\xb2\xa1"),
    ):
        assert main(["convert", str(capture), str(tmp_path / name), "-q", *extra]) == 0
        assert (tmp_path / name).read_bytes()[:4] == magic


@pytest.mark.parametrize(
    "text",
    [
        "a=" + "[" * DEEP,
        f'[[network_key]]\nkey = "{"00" * 16}"\npan = {LONG}\n',
        '[gbcs]\nscalars = """entity_id,key_usage,cell_usage,p256_scalar_hex\n90b3d5fffe0000a1,keyA\n"""\n',
        "[gbcs]\ncertificates = [1, [2]]\n",
        'device = "x"\n',
        "[[device]]\neui64 = [1]\n",
        "[[link_key]]\nkey = 7\n",
        "[dlms]\nsecret = 1979-05-27\n",
    ],
    ids=lambda text: text[:24],
)
def test_a_key_file_that_says_nonsense(
    text: str, capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = key_file(tmp_path / "keys.toml", text)
    for debug in ([], ["--debug"]):
        assert main([*debug, "keys", str(capture), "--keys", str(path)]) == 3
        err = capsys.readouterr().err
        assert "internal" not in err and "error: " in err and "keys.toml" in err, err


@pytest.mark.parametrize(
    "text",
    [
        "a=" + "[" * DEEP,
        f"a = {LONG}",
        "profile = 3",
        "[profile]\nextends = 3",
        '[profile]\nextends = "{self}"',
    ],
    ids=lambda text: text[:24],
)
def test_a_profile_that_says_nonsense(
    text: str, capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text.replace("{self}", str(path)))
    assert main(["check", str(capture), "--profile", str(path)]) == 2
    assert "error: " in told(capsys)
    assert main(["simulate", "-o", str(tmp_path / "s.pcapng"), "--profile", str(path)]) == 2
    assert "error: " in told(capsys)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits]\nx = 1\n", "no such table: limits"),
        ('[[rule]]\nid = "x"\n', "no such table: rule"),
        ('[profile]\nextend = "gbcs-4"\n', "[profile] has no extend"),
        ('[rules.device-silent]\nenabled = "no"\n', "enabled is 'no' and no true or false"),
        ('[rules.weak-signal]\ndbm = "low"\n', "dbm is 'low' and no number"),
        ("[rules.weak-signal]\ndbm = true\n", "dbm is True and no number"),
    ],
)
def test_a_profile_that_nobody_reads_like_that(
    text: str, said: str, capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    assert main(["check", str(capture), "--profile", str(path)]) == 2
    assert said in told(capsys)


@pytest.mark.parametrize(
    "text", ['{"hex":' + "[" * DEEP, "[" * DEEP, '{"hex": 7}', '{"hex": "00", "keys": [1]}', "{" * DEEP]
)
def test_json_that_says_nonsense(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep.json"
    path.write_text(text)
    assert main(["message", str(path)]) == 4
    told(capsys)


@pytest.mark.parametrize("operator", ["==", "!=", "<", ">=", "contains", "matches", "in"])
def test_filters_with_values_of_any_kind(operator: str, capture: Path) -> None:
    from analysis.pipeline.decode import decode

    rows = decode(str(capture)).packets
    values = ["5", "-1", "0x" + "f" * 38, "3.5", "'x'", "''", "word", "true", "00:11:22:33:44:55:66:77"]
    values += ["'2024-01-01'", "'2024-13-45'", "'9999999-01-01'", "'1e400'", "'2024-01-01T00:00:00+25:00'"]
    for column in rows.columns:
        for value in values:
            text = (
                f"{column} {operator} ({value}, {value})"
                if operator == "in"
                else f"{column} {operator} {value}"
            )
            found = parse_filter(text, rows.columns).mask(rows)
            assert found.dtype == bool and len(found) == len(rows), text


@pytest.mark.parametrize("number", ["9" * 400, LONG, "0x" + "f" * 100, "1" * 400 + ".5"])
def test_a_number_that_is_too_long_for_a_filter(number: str) -> None:
    with pytest.raises(FilterError, match="digits") as error:
        parse_filter(f"frame == {number}", ["frame"])
    assert error.value.position == 9


def test_a_filter_on_a_list_looks_at_its_items() -> None:
    import pandas as pd
    import pyarrow as pa

    rows = {"frames": pd.Series([[1, 15], [5], None], dtype=pd.ArrowDtype(pa.list_(pa.uint64())))}
    assert parse_filter("frames contains 5", rows).mask(rows).tolist() == [False, True, False]
    assert parse_filter("frames matches '^1'", rows).mask(rows).tolist() == [True, False, False]


def run(*arguments: str, shell: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with redirections of the shell."""
    command = ["bash", "-c", f'exec "$@" {shell}', "bash", sys.executable, "-m", "analysis.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize(
    ("arguments", "shell", "code", "said"),
    [
        (["stats", "-"], "<&-", 3, "stdin: reading stopped: is closed"),
        (["message", "-"], "<&-", 3, "stdin: is closed"),
        (["stats", "{capture}"], ">&-", 3, "stdout: is closed"),
        (["decode", "{capture}"], ">&-", 3, "stdout: is closed"),
        (["convert", "{capture}", "-"], ">&-", 3, "stdout: is closed"),
        (["--help"], ">&-", 3, "stdout: is closed"),
        (["stats", "{missing}"], "2>&-", 3, ""),
        (["convert", "{capture}", "{out}"], ">&- <&- 2>&-", 0, ""),
        (["convert", "{capture}", "{out}"], ">&- <&-", 0, "2 frames"),
        (["stats", "{capture}"], ">/dev/full", 3, "No space left"),
    ],
)
def test_closed_streams(
    arguments: list[str], shell: str, code: int, said: str, capture: Path, tmp_path: Path
) -> None:
    places = {"capture": capture, "missing": tmp_path / "missing", "out": tmp_path / "out.pcapng"}
    done = run(*(one.format(**places) for one in arguments), shell=shell)
    assert done.returncode == code, done.stderr
    assert said in done.stderr and "internal" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "ascii:surrogateescape", "latin-1", "cp1252", "utf-8"])
def test_what_the_encoding_of_stdout_does_not_hold(encoding: str) -> None:
    """The C locale and Windows code pages: text is escaped, JSON stays what it was, a ladder is drawn with what there is."""
    sample = FOLDER / "install-day"
    given = [f"{sample}.pcapng", "--keys", f"{sample}.keys.toml"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "analysis.cli"]

    def out(*words: str) -> str:
        done = subprocess.run([*command, *words], capture_output=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode(encoding.partition(":")[0])

    assert "Beacon Request" in out("follow", *given) and "\\u25" not in out("follow", *given, "--to", "1s")
    told = json.loads(out("message", "0f00000000000c04c3a9cf80", "--kind", "dlms", "--json"))
    assert told["data"] == [{"type": "utf8-string", "value": "\u00e9\u03c0"}]


def test_one_unreadable_capture_does_not_end_a_batch(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing, text = tmp_path / "missing.pcap", tmp_path / "text.pcap"
    text.write_text("no capture")
    batch = [str(missing), str(capture), str(text), str(capture)]
    assert main(["check", *batch, "--json", "-q"]) == 3
    read = capsys.readouterr()
    assert [json.loads(line)["source"] for line in read.out.splitlines()] == [str(capture)] * 2
    assert read.err.count("error: ") == 2 and str(missing) in read.err and str(text) in read.err
    out = tmp_path / "tables"
    assert main(["decode", *batch, "--out", str(out), "-q"]) == 3
    assert capsys.readouterr().err.count("error: ") == 2
    assert (out / "two" / "packets.parquet").exists() and (out / "two-2" / "packets.parquet").exists()


def test_exit_codes_of_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "good.hex"
    good.write_text("c001c100080000010000ff0200")
    assert main(["message", str(good)]) == 0
    assert main(["message", GBCS_CUT, "--jsonl"]) == 4, "a GBCS message that ends too early"
    assert main(["message", "c001c1", "--kind", "dlms"]) == 4, "a DLMS message that ends too early"
    assert main(["message", str(good), GBCS_CUT]) == 4
    capsys.readouterr()

    (tmp_path / "empty").mkdir()
    assert main(["message", str(tmp_path / "empty")]) == 3
    assert "a folder without a message" in capsys.readouterr().out

    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "shut.hex":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    (tmp_path / "shut.hex").write_text("00")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert main(["message", str(tmp_path), "--jsonl"]) == 3
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [bool(row["error"]) for row in rows] == [False, True], "the others are read"


def test_a_sniffer_that_does_not_work_costs_no_recording(tmp_path: Path) -> None:
    out = tmp_path / "last.pcapng"
    out.write_bytes(b"the last recording")
    assert main(["sniff", str(tmp_path / "nothing"), "-o", str(out)]) == 3
    assert out.read_bytes() == b"the last recording"
