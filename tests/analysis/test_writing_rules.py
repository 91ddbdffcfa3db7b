"""The page about writing rules: its blocks are read as rules of somebody else, and judge a simulated home."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.rules.expression import RuleError
from analysis.rules.own import read_rules
from analysis.rules.registry import REGISTRY, rules

PAGE = Path(__file__).parents[2] / "docs" / "writing_rules.md"
BLOCKS = dict(
    re.findall(r"^```(?:python|toml) (\S+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A quarter of an hour of a simulated home, and its keys."""
    folder = tmp_path_factory.mktemp("home")
    capture, keys = str(folder / "home.pcapng"), str(folder / "keys.toml")
    main(
        ["simulate", "ordinary-day", "--seconds", "900", "-o", capture, "--keys-out", keys, "--reveal", "-q"]
    )
    return capture, keys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def registry_as_before() -> Iterator[None]:
    rules()
    kept = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(kept)


def test_the_rules_of_the_page_judge(
    home: tuple[str, str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check", home[0], "--keys", home[1], "--rules-from", str(folder), "--json", "-q"])
    states = {v["rule"]: v["state"] for v in json.loads(capsys.readouterr().out)["verdicts"]}
    names = ("price-without-link-key", "metering-gap", "weak-hub", "tunnel-not-given")
    assert {name: states[name] for name in names} == dict.fromkeys(names, "pass")


def test_they_are_listed_and_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "--rules-from", str(folder), "--list-rules"])
    assert "weak-hub" in capsys.readouterr().out
    main(["check", "--rules-from", str(folder / "own.toml"), "--explain", "weak-hub"])
    assert "12 frames below -90 dBm" in capsys.readouterr().out


def test_a_folder_may_be_read_again(folder: Path) -> None:
    assert [rule.id for rule in read_rules(folder)] == [rule.id for rule in read_rules(folder)]


def test_the_first_file_is_a_short_one() -> None:
    lines = [line for line in BLOCKS["link_key_clusters.py"].splitlines() if line.strip()]
    texts = ("title=", "finds=", "matters=", "example=", "source=", "advice=")
    assert len([line for line in lines if not line.strip().startswith(texts)]) <= 15


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.toml", "[[rule]", "a.toml: not valid TOML at line 1"),
        ("a.toml", 'x = 1\n[[rule]]\nid = "a"', "tables [[rule]], and nothing else"),
        ("a.toml", '[[rule]]\nid = "a"', "rule a: it has no table [rule.judge]"),
        ("a.toml", '[[rule]]\nid = "a"\n[rule.judge]\nrows = "packet"', "rule a: no table packet: packets?"),
        (
            "a.toml",
            '[[rule]]\nid = "a"\n[rule.judge]\nrows = "packets"\nwhere = "rsi > 3"',
            "no column 'rsi': rssi?",
        ),
        (
            "a.toml",
            '[[rule]]\nid = "a"\n[rule.judge]\nrows = "packets"\nbroken = "rssi > 3"\nsays = "x"',
            "rule a: it does not say",
        ),
        ("a.toml", '[[rule]]\n[rule.judge]\nform = "each frame"', "rule 1: no form 'each frame'"),
        (
            "b.py",
            "from analysis.rules.declare import c\n\nc.nwk_comand",
            "line 3: no table has a column nwk_comand",
        ),
        ("b.py", "import nothing_like_it", "b.py, line 1: ModuleNotFoundError"),
        ("b.py", "x = (", "b.py, line 1: SyntaxError"),
        ("b.py", "x = 1\0", "b.py: SyntaxError"),
        ("b.py", "import sys\nsys.exit(7)", "b.py, line 2: it ends the program"),
        (
            "c.py",
            BLOCKS["link_key_clusters.py"].replace("price-without-link-key", "disassociation"),
            "two rules are called",
        ),
        ("c.py", BLOCKS["link_key_clusters.py"].replace("{bad}", "{nobody}"), "a sentence names nobody"),
        ("c.py", BLOCKS["link_key_clusters.py"].replace('"none"', '"nothing"'), "never holds 'nothing'"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    before = set(REGISTRY)
    with pytest.raises(RuleError) as error:
        read_rules(tmp_path)
    assert told in str(error.value) and str(tmp_path / name) in str(error.value)
    assert before <= set(REGISTRY)


def test_a_folder_without_rules_or_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "x.pcapng", "--rules-from", str(tmp_path)]) == 2
    assert "no rules in it" in capsys.readouterr().err
    for name in ("empty.py", "empty.toml"):
        (tmp_path / name).touch()
        assert main(["check", "x.pcapng", "--rules-from", str(tmp_path / name)]) == 2
        assert f"{name}: no rule in it" in capsys.readouterr().err
    assert main(["check", "x.pcapng", "--rules-from", str(tmp_path / "no")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
