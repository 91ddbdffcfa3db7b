"""Several captures in one command: files, folders, patterns, URLs; one that fails does not stop the others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.cli.command_line.inputs import meant, name_of, stem_of
from captures import CaptureError
from captures.simulated.scenarios.samples import FOLDER

NAMES = ("gbcs-messages", "tampered-message")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two captures, one of them in a folder inside, beside what is none."""
    place = tmp_path / "captures"
    (place / "inside").mkdir(parents=True)
    shutil.copy(FOLDER / f"{NAMES[0]}.pcapng", place)
    shutil.copy(FOLDER / f"{NAMES[1]}.pcapng", place / "inside")
    (place / "notes.md").write_text("no capture")
    return place


def said(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(one) for one in words])
    return code, *capsys.readouterr()


def test_what_words_mean(folder: Path, tmp_path: Path) -> None:
    both = [str(folder / f"{NAMES[0]}.pcapng"), str(folder / "inside" / f"{NAMES[1]}.pcapng")]
    assert list(meant([str(folder)])) == both
    assert list(meant([str(folder / "*.pcapng"), both[0], "-"])) == [both[0], both[0], "-"]
    assert list(meant([str(folder / "**" / "*.pcapng")])) == both
    (tmp_path / "empty").mkdir()
    wrong = list(meant([str(tmp_path / "empty"), str(folder / "*.dcf"), "missing.pcap"]))
    assert [type(one) for one in wrong] == [CaptureError, CaptureError, str]
    assert name_of("s3://user@host/a/b.pcapng?x=1") == "s3://host/a/b.pcapng"
    assert stem_of("s3://host/a/b.pcapng.zst") == "b"


@pytest.mark.parametrize("jobs", [1, 2])
def test_verbs_read_a_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    bad = folder / "bad.pcap"
    bad.write_bytes(b"\xd4\xc3\xb2\xa1")
    jobs_words = ("--jobs", jobs)
    code, out, err = said(capsys, "stats", folder, "--json", *jobs_words)
    assert code == 3
    assert [Path(json.loads(line)["source"]).stem for line in out.splitlines()] == list(NAMES)
    assert err.count("error: ") == 1 and "bad.pcap" in err
    code, out, _ = said(capsys, "check", folder, "--jsonl", "--rules", "security-alert", *jobs_words)
    assert code == 3
    code, out, _ = said(capsys, "keys", folder, "--json", *jobs_words)
    assert (code, len(out.splitlines())) == (3, 2)
    tables = tmp_path / "tables"
    code, _, _ = said(capsys, "decode", folder, "--out", tables, "--table", "packets", "-q", *jobs_words)
    assert code == 3
    assert sorted(one.name for one in tables.iterdir() if list(one.iterdir())) == sorted(NAMES)


def test_text_of_several_says_whose_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "stats", folder / "*.pcapng", folder / "inside", "--most", 1)
    assert code == 0 and all(f"{name}.pcapng" in out for name in NAMES)
    code, out, _ = said(capsys, "show", folder, folder / "*.pcapng", "1")
    assert code == 0 and out.count("frame 1 of ") == 2
    code, out, _ = said(capsys, "show", folder, "--columns", "frame", "1-2", "--json")
    assert [len(json.loads(line)["frames"]) for line in out.splitlines()] == [2, 2]


def test_captures_that_are_written_go_into_a_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb, words in (
        ("convert", (folder, tmp_path / "new")),
        ("redact", (folder, "-o", tmp_path / "shared")),
    ):
        code, _, _ = said(capsys, verb, *words, "-q")
        assert code == 0
    for place in ("new", "shared"):
        assert sorted(one.stem for one in (tmp_path / place).iterdir()) == sorted(NAMES)


def test_an_error_of_one_only_capture_is_that_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = said(capsys, "stats", tmp_path / "empty")
    assert code == 3 and "a folder without a capture" in err


def test_urls_of_fsspec(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.pipe_file("/han/one.pcapng", (folder / f"{NAMES[0]}.pcapng").read_bytes())
    memory.pipe_file("/han/two.pcapng", (folder / "inside" / f"{NAMES[1]}.pcapng").read_bytes())
    code, out, _ = said(capsys, "stats", "memory://han/one.pcapng", "--json")
    document = json.loads(out)
    assert (code, document["source"], document["frames"]) == (0, "memory://han/one.pcapng", 295)
    code, out, _ = said(capsys, "stats", "memory://han/*.pcapng", "--json")
    assert (code, len(out.splitlines())) == (0, 2)
    code, out, err = said(capsys, "stats", "memory://han/one.pcapng", "memory://han/none.pcapng", "--json")
    assert (code, len(out.splitlines())) == (3, 1) and "none.pcapng" in err


def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    code, _, err = said(capsys, "stats", "memory://han/one.pcapng")
    assert code == 3 and "URLs need fsspec" in err and "hanscope[fleet]" in err


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_report_over_a_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    (folder / "bad.pcap").write_bytes(b"\xd4\xc3\xb2\xa1")
    page, keys = tmp_path / "all.html", FOLDER / "tampered-message.keys.toml"
    code, _, err = said(capsys, "report", folder, "-o", page, "--jobs", jobs, "--keys", keys)
    assert code == 3 and "2 captures" in err
    text = page.read_text("utf-8")
    for name in NAMES:
        assert f'href="all-captures/{name}.html"' in text
        assert "<html" in (tmp_path / "all-captures" / f"{name}.html").read_text("utf-8")
    assert "mac-invalid" in text and "bad.pcap" in text
    assert text.index("tampered-message.html") < text.index("gbcs-messages.html"), "the gravest first"
