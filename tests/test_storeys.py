"""The import rule: dissectors <- captures <- analysis, one direction (CONTRIBUTING.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {"dissectors": set(), "captures": {"dissectors"}, "analysis": {"dissectors", "captures"}}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("storey", ALLOWED)
def test_no_storey_imports_a_higher_one(storey: str) -> None:
    others = set(ALLOWED) - {storey} - ALLOWED[storey]
    wrong = {str(p.relative_to(ROOT)): imported(p) & others for p in (ROOT / storey).rglob("*.py")}
    assert not {path: names for path, names in wrong.items() if names}


IO_MODULES = {"pathlib", "socket", "os", "io", "subprocess", "time", "sqlite3", "tempfile"}


def test_dissectors_do_no_io() -> None:
    wrong = {}
    for path in (ROOT / "dissectors").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        calls = {
            n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        found = (imported(path) & IO_MODULES) | (calls & {"open", "print", "input"})
        if found:
            wrong[str(path.relative_to(ROOT))] = found
    assert not wrong
