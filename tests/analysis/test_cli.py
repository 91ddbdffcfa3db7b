"""The command as a person meets it: exit codes, one-line errors, quiet pipes, no secrets, no traceback."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.cli.command_line.arguments import gathered, plain_arguments, taken
from analysis.cli.command_line.parser import call_of
from analysis.cli.command_line.registry import VERBS
from captures import CapturedFrame, TrailerKind, write_capture
from captures.fcs import fcs16
from tests.key_files import key_file

ACK = bytes.fromhex("020005")
DATA_REQUEST = bytes.fromhex("63880159330000189004")
KEY = "00112233445566778899aabbccddeeff"


def frame(octets: bytes, second: int) -> CapturedFrame:
    return CapturedFrame(
        octets + fcs16(octets), second * 10**9, trailer=TrailerKind.FCS16, channel=15, rssi=-40
    )


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "two.pcapng"
    write_capture(path, [frame(DATA_REQUEST, 1), frame(ACK, 2)], comments=["two frames"])
    return path


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return key_file(tmp_path / "keys.toml", f'[[network_key]]\nkey = "{KEY}"\n')


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_two_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb.split(), "--help"]) == 0
    out = capsys.readouterr().out
    shown = [line for line in out.splitlines() if line.strip().startswith(f"hanscope {verb}")]
    assert len(shown) >= 2, out


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from analysis.cli import main; main(['--help']);"
        "sys.exit(' '.join(m for m in ('numpy', 'pandas', 'pyarrow', 'scapy', 'rich', 'pyshark') if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("hanscope ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["stats", "{missing}"], 3, "missing.pcap: No such file"),
        (["stats", "{text}"], 3, "is no capture of a known format"),
        (["show", "{capture}", "three"], 2, "no frame number"),
        (["show", "{capture}", "9"], 2, "no frame 9 in this capture"),
        (["decode", "{capture}", "--table", "pakets"], 2, "unknown table"),
        (["decode", "{capture}", "--format", "xml"], 2, "unknown format"),
        (["decode", "{capture}", "--format", "parquet"], 2, "stdout takes one table"),
        (["check", "{capture}", "--fail-on", "bad"], 2, "unknown severity"),
        (["convert", "{capture}", "{out}", "--frames", "x"], 2, "names no frames"),
        (["convert", "{capture}", "{out}", "--link-type", "1"], 2, "cannot be written"),
        (["stats", "{capture}", "--keys", "{missing}"], 3, "No such file"),
        (["stats", "{capture}", "--keys", "{text}"], 3, "TOML"),
        (["nonsense"], 2, "nonsense"),
        (["stats"], 2, "CAPTURE"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str],
    code: int,
    said: str,
    capture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("this is no capture\n")
    places = {
        "capture": capture,
        "missing": tmp_path / "missing.pcap",
        "text": text,
        "out": tmp_path / "out.pcapng",
    }
    assert main([one.format(**places) for one in arguments]) == code
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err
    assert sum(line.startswith("error: ") for line in told.err.splitlines()) == 1


def test_tables_to_a_folder(capture: Path, tmp_path: Path) -> None:
    from analysis.pipeline.decode import DECODED_TABLES

    for format_, suffix in (("parquet", "parquet"), ("csv", "csv"), ("jsonl", "jsonl"), ("arrow", "arrows")):
        out = tmp_path / format_
        assert main(["decode", str(capture), "--out", str(out), "--format", format_, "-q"]) == 0
        assert sorted(p.name for p in out.iterdir()) == sorted(f"{t}.{suffix}" for t in DECODED_TABLES)
    import pyarrow.parquet as pq

    from analysis.tables.arrow import arrow_schema

    for table in DECODED_TABLES:
        assert pq.read_schema(tmp_path / "parquet" / f"{table}.parquet").names == arrow_schema(table).names
    rows = [json.loads(line) for line in (tmp_path / "jsonl" / "packets.jsonl").read_text().splitlines()]
    assert [row["frame"] for row in rows] == [1, 2]
    assert rows[0]["time"] == "1970-01-01T00:00:01.000000000Z"


def test_several_captures_get_a_folder_each(capture: Path, tmp_path: Path) -> None:
    assert main(["decode", str(capture), str(capture), "--out", str(tmp_path / "out"), "-q"]) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["two", "two-2"]


def test_a_failed_run_leaves_no_half_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["decode", str(tmp_path / "missing.pcap"), "--out", str(out)]) == 3
    assert list(out.iterdir()) == []


def test_strict(capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", str(capture), "--strict"]) == 0
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes(capture.read_bytes()[:-5])
    assert main(["decode", str(cut), "--strict"]) == 4
    assert "offset 0x" in capsys.readouterr().err
    assert main(["decode", str(cut)]) == 0


def test_json_of_every_reading_verb(capture: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["show", str(capture), "1"],
        ["keys", str(capture)],
        ["stats", str(capture)],
        ["check", str(capture)],
    ):
        assert main([*arguments, "--keys", str(keys), "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["schema"] == 1 and document["source"] == str(capture)


def test_keys_are_shown_only_when_asked(
    capture: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["keys"], ["keys", "--json"], ["stats"], ["check"], ["check", "--json"]):
        assert main([arguments[0], str(capture), *arguments[1:], "--keys", str(keys)]) == 0
        told = capsys.readouterr()
        assert KEY not in told.out + told.err
    assert main(["keys", str(capture), "--keys", str(keys), "--reveal"]) == 0
    assert KEY in capsys.readouterr().out


def test_convert_keeps_comments_and_chosen_frames(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.pcapng"
    assert main(["convert", str(capture), str(out), "--frames", "2-"]) == 0
    assert main(["stats", str(out), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["frames"] == 1
    assert b"two frames" in out.read_bytes()


def test_a_closed_pipe_is_no_error(capture: Path) -> None:
    command = f"{sys.executable} -m analysis.cli decode {capture} | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert done.returncode == 0 and done.stderr == b""


def test_interrupted(
    capture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from analysis.cli.verbs import stats

    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(stats, "run", interrupted)
    assert main(["stats", str(capture)]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_mistake_of_ours_is_said_to_be_ours(
    capture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from analysis.cli.verbs import stats

    def broken(*_: object, **__: object) -> int:
        raise RuntimeError(KEY)

    monkeypatch.setattr(stats, "run", broken)
    assert main(["stats", str(capture)]) == 3
    told = capsys.readouterr().err
    assert told.startswith("error: internal") and KEY not in told
    assert main(["--debug", "stats", str(capture)]) == 3
    told = capsys.readouterr().err
    assert "Traceback" in told and "RuntimeError: (hidden)" in told and KEY not in told


def test_without_tshark(
    capture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["crosscheck", str(capture)]) == 4
    assert "tshark is not installed" in capsys.readouterr().err


def test_crosscheck(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    assert main(["crosscheck", str(capture), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["share"] == 1.0 and document["tshark_frames"] == 2
    assert document["disagreements"] == []


def test_stdin(capture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Stdin:
        buffer = io.BytesIO(capture.read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert main(["stats", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 2


def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out), "-q"]) == 0
    made = {p.name for p in out.iterdir()}
    assert {"han.pcapng", "truth.jsonl", "keys.toml", "tables", "report.html"} <= made
    assert (out / "keys.toml").stat().st_mode & 0o077 == 0
    told = capsys.readouterr().out
    assert "critical" in told and "report.html" in told


PLAIN = [
    (
        "decode",
        "a.pcap --keys k.toml --out t --table packets -t attributes --format csv --limit 7 --strict -q",
    ),
    ("decode", "a.pcap b.pcap --out=t --limit=7 -- -c.pcap"),
    ("decode", "-"),
    ("show", "a.pcap 7,151-153 --json"),
    ("check", "a.pcap b.pcap --rule one --rule two --fail-on error --sarif"),
    ("check", "--list-rules"),
    ("simulate", "ordinary-day -o day.pcapng --fault replay --seed 7 --strength 0.5 --seconds 60"),
    ("sniff", "zep:0.0.0.0:17754 -o - --channel 20 --ring-size 10.5"),
    ("convert", "a.pcap - --frames 100-200,950 --link-type 195"),
    ("demo", ""),
]
NOT_PLAIN = [
    ("decode", ""),
    ("decode", "a.pcap --help"),
    ("decode", "a.pcap --limit 0"),
    ("decode", "a.pcap --limit seven"),
    ("decode", "a.pcap --lim 7"),
    ("decode", "a.pcap -qf csv"),
    ("decode", "a.pcap --strict=yes"),
    ("decode", "a.pcap --format"),
    ("decode", "a.pcap --format --strict"),
    ("decode", "a.pcap --format csv --format jsonl"),
    ("show", ""),
    ("convert", "a.pcap b.pcap c.pcap"),
    ("sniff", "simulated -o a --channel 256"),
]


@pytest.mark.parametrize(("name", "line"), PLAIN)
def test_a_plain_command_line_says_the_same_without_argparse(name: str, line: str) -> None:
    function = VERBS[name].function
    defaults = {one.name: one.default for one in taken(function)}
    plain = plain_arguments(function, line.split())
    assert plain is not None
    same, arguments = call_of([name, *line.split()])
    assert same is function
    assert gathered(function, defaults | plain) == gathered(function, defaults) | arguments


@pytest.mark.parametrize(("name", "line"), NOT_PLAIN)
def test_other_command_lines_are_left_to_argparse(name: str, line: str) -> None:
    assert plain_arguments(VERBS[name].function, line.split()) is None


def test_every_parameter_has_a_type_that_the_plain_reader_knows() -> None:
    for one in (one for found in VERBS.values() for one in taken(found.function)):
        assert one.type in (str, int, float, bool, Path), one


def test_a_plain_decode_loads_neither_argparse_nor_pandas_nor_scapy(capture: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from analysis.cli import main; main(sys.argv[1:]);"
        "sys.exit(' '.join(m for m in ('argparse', 'pandas', 'scapy', 'rich', 'construct', 'pyarrow.compute')"
        " if m in sys.modules) or 0)"
    )
    for form in ("parquet", "arrow", "csv", "jsonl"):
        words = ["decode", str(capture), "--out", str(tmp_path), "--format", form, "--table", "packets", "-q"]
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", VERBS)
def test_the_help_of_a_verb_has_no_gaps_in_its_sentences(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*name.split(), "--help"]) == 0
    text = capsys.readouterr().out.partition("Examples:")[0]
    assert not [line for line in text.splitlines() if "  " in line.strip()]
