"""What is set once: config.toml and variables; what the command line says comes first, and a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.cli import main
from analysis.cli.command_line.parser import call_of
from analysis.cli.command_line.settings import configuration_file
from analysis.cli.console import UsageError
from captures.simulated.scenarios.samples import FOLDER

CAPTURE, KEYS = str(FOLDER / "gbcs-messages.pcapng"), FOLDER / "gbcs-messages.keys.toml"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("HANSCOPE_CONFIG", str(path))
    for name in ("KEYS", "PROFILE", "TZ", "JOBS"):
        monkeypatch.delenv(f"HANSCOPE_{name}", raising=False)
    return path


def test_where_the_file_is() -> None:
    assert configuration_file({"HOME": "/h"}) == Path("/h/.config/hanscope/config.toml")
    assert configuration_file({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}) == Path("/x/hanscope/config.toml")
    assert configuration_file({"HOME": "/h", "XDG_CONFIG_HOME": "x"}) == Path(
        "/h/.config/hanscope/config.toml"
    )
    assert configuration_file({"HOME": "/h", "HANSCOPE_CONFIG": "/c.toml"}) == Path("/c.toml")
    assert configuration_file({"HOME": "/h", "HANSCOPE_CONFIG": ""}) is None
    assert configuration_file({}) is None


def test_the_command_line_comes_before_a_variable_and_that_before_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(
        'keys = "k.toml"\nprofile = "p"\ntz = "Europe/London"\njobs = 3\n[columns]\ncheck = ["a", "b"]\n'
    )
    _, given = call_of(["check", "a.pcap"])
    assert given["keys"] == config.parent / "k.toml" and given["jobs"] == 3
    assert given["profile"] == "p" and given["columns"] == "a,b" and given["choice"].tz == "Europe/London"
    _, given = call_of(["decode", "a.pcap"])
    assert "columns" not in given
    monkeypatch.setenv("HANSCOPE_PROFILE", "other")
    monkeypatch.setenv("HANSCOPE_KEYS", "")
    monkeypatch.setenv("HANSCOPE_JOBS", "5")
    _, given = call_of(["check", "a.pcap"])
    assert "keys" not in given and given["profile"] == "other" and given["jobs"] == 5
    _, given = call_of(["check", "a.pcap", "--profile", "mine", "--jobs", "7", "--keys", "x.toml"])
    assert given["profile"] == "mine" and given["jobs"] == 7 and given["keys"] == Path("x.toml")


def test_keys_of_the_file_open_frames_and_named_filters_choose(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("")
    words = ["decode", CAPTURE, "--table", "packets", "--format", "jsonl", "-q"]
    assert (
        main([*words, "--keys", str(KEYS), "--where", "(nwk_security == ok) and (frame < 60 or frame > 80)"])
        == 0
    )
    wanted = capsys.readouterr().out
    config.write_text(
        f'keys = "{KEYS.as_posix()}"\n[filters]\nopen = "nwk_security == ok"\nedge = "frame < 60 or frame > 80"\n'
        'both = "@open and @edge"\n'
    )
    assert main([*words, "--where", "@both"]) == 0
    assert capsys.readouterr().out == wanted != ""
    assert main([*words, "--where", "@open and @edge and summary != '@nobody'"]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keys = 7", "keys is no text"), ("jobs = true", "jobs is no whole number"), ("jobs = 0", "whole number from 1"),
        ("kyes = 'a'", "'kyes' is no setting"), ("columns = 'a'", "columns is a table"), ("a = [", "not valid TOML"),
        ("[filters]\na = 1", "filter 'a' is no text"), ("[columns]\nshow = [1]", "columns of 'show'"),
        ("[filters]\nb = '@a'\na = '@b'", "names itself"), ("", "is no filter that has a name"),
        ("[filters]\na = 'rssi <'", "--where"),
        ("\x1b[2J = 1", "not valid TOML"), ('"\\u001b[2J" = 1', "is no setting"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(config: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(text)
    assert main(["decode", CAPTURE, "--table", "packets", "--format", "jsonl", "--where", "@a"]) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told and "internal" not in told and "\x1b" not in told


def test_a_file_that_is_named_has_to_be_there(config: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        call_of(["check", "a.pcap"])


def test_a_variable_that_is_no_number(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("")
    monkeypatch.setenv("HANSCOPE_JOBS", "many")
    with pytest.raises(UsageError, match="HANSCOPE_JOBS"):
        call_of(["check", "a.pcap"])


def test_help_is_given_whatever_the_file_says(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("nonsense")
    assert main(["check", "--help"]) == 0 and main(["--help"]) == 0


def test_the_example_of_the_page_is_read(config: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
    config.write_text(page.partition("```toml\n")[2].partition("```")[0])
    _, given = call_of(["check", "a.pcap", "--where", "@weak-secured"])
    assert given["fail_on"] == "error" and given["rules_from"] == config.parent / "rules"
    assert given["choice"].where == "((rssi < -85) and (nwk_security == ok))"
