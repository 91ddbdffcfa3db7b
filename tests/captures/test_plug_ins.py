"""What other packages bring: found by their entry points, used everywhere, and named where they fail. The template itself is
built and installed by `make release-check`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from captures.plug_ins import read_block
from dissectors.modules import GROUPS

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "packaging" / "plug_in"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The template as an installer lays it out."""
    import tomllib

    place = tmp_path / "site"
    shutil.copytree(TEMPLATE / "hanscope_acme", place / "hanscope_acme")
    facts = place / "hanscope_acme-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: hanscope-acme\nVersion: 1.0\n")
    groups = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())["project"]["entry-points"]
    assert set(groups) == set(GROUPS)
    (facts / "entry_points.txt").write_text(
        "\n".join(f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in entries.items()) for group, entries in groups.items())
    )  # fmt: skip
    return place


def said(place: Path, *words: str, code: int = 0) -> str:
    program = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(place)!r}]; from analysis.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, cwd=place
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_the_template_is_seen_everywhere(installed: Path) -> None:
    assert all(group in said(installed, "plug-ins") for group in GROUPS)
    said(installed, "sniff", "acme:", "-o", "a.pcapng")
    tree = said(installed, "show", "a.pcapng", "2")
    assert "command = 1 (Lid Report)" in tree and "state = 1 (Open)" in tree
    chosen = ("--where", "command_name == 'Lid Report' and number == 120")
    rows = said(installed, "decode", "a.pcapng", "--table", "commands", "--format", "jsonl", *chosen)
    assert rows.count("\n") == 1 and '"seconds"' in rows
    assert "acme-lid-open" in said(installed, "check", "a.pcapng")
    assert "Lid Report" in said(installed, "acme", "a.pcapng")
    assert "acme" in said(installed, "--help") and "acme:" in said(installed, "sniff", "--list")
    said(installed, "report", "a.pcapng", "-o", "a.html")
    assert "<h2>Acme</h2>" in (installed / "a.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("rules.py", "1 / 0", ["check", "--list-rules"]),
        ("sniffer.py", "SNIFFER = 7", ["sniff", "--list"]),
        ("verb.py", "import nothing_of_this_name", ["--help"]),
        ("clusters/acme.csv", "kind,cluster\ncluster,7\n", ["stats", str(ROOT / "captures/samples/install-day.pcapng")]),
    ],
)  # fmt: skip
def test_one_that_fails_is_named(installed: Path, file: str, text: str, words: list[str]) -> None:
    (installed / "hanscope_acme" / file).write_text(text)
    told = said(installed, *words, code=2)
    assert "error: plug-in acme" in told and "hanscope-acme" in told and "Traceback" not in told


def test_a_table_of_clusters_needs_its_columns() -> None:
    with pytest.raises(ValueError, match="no column"):
        read_block("kind,cluster\ncluster,7\n")
