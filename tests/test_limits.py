"""The limits of the dissectors' house: sizes, cycles, what an import loads, kinds of declaration (CONTRIBUTING.md).

Kinds of declaration that are not yet one of the three stand here by name; the list only shrinks.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).parent.parent
FILE_LINES, FUNCTION_LINES = 400, 40
HEAVY = ("pandas", "pyarrow", "scapy")
PERMITTED_KINDS = {"layers of parts", "rows of tables", "rules of DER"}
OTHER_KINDS: set[str] = set()


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the dissectors by its name below the package (the package itself: its folder's)."""
    out = {}
    for path in sorted((ROOT / "dissectors").rglob("*.py")):
        parts = path.relative_to(ROOT / "dissectors").with_suffix("").parts
        out[".".join(parts if parts[-1] != "__init__" else parts[:-1])] = ast.parse(path.read_text("utf-8"))
    return out


def only_for_types(tree: ast.Module) -> set[int]:
    """What stands below ``if TYPE_CHECKING``: it is imported by nobody at run time."""
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)]
    return {id(node) for block in blocks for one in block.body for node in ast.walk(one)}


def imports(tree: ast.Module) -> Iterator[str]:
    """Modules of the dissectors that a module imports, anywhere in it."""
    ignored = only_for_types(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in ignored:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import) and id(node) not in ignored:
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            short = name.removeprefix("dissectors.") if name.startswith("dissectors.") else None
            if short is not None:
                yield short if short in trees() else short.rpartition(".")[0]


def cycles(graph: dict[str, set[str]]) -> set[tuple[str, ...]]:
    """The groups of nodes that reach each other."""

    @cache
    def reached(start: str) -> frozenset[str]:
        found: set[str] = set()
        todo = [start]
        while todo:
            new = graph.get(todo.pop(), set()) - found
            found |= new
            todo += new
        return frozenset(found)

    return {
        tuple(sorted(b for b in reached(a) if a in reached(b))) for a in graph if a in reached(a)
    }  # fmt: skip


def nothing_new(found: Iterable[object], known: Iterable[object]) -> None:
    """Whatever is found is listed."""
    assert set(found) - set(known) == set()


def test_no_file_is_too_long() -> None:
    sizes = {p.relative_to(ROOT / "dissectors").as_posix(): house.lines(p) for p in house.files(ROOT, "*.py")}
    assert not [name for name, size in sizes.items() if size > FILE_LINES]


def test_no_function_is_too_long() -> None:
    found = [
        f"{path.relative_to(ROOT / 'dissectors').as_posix()} {node.name}"
        for path in house.files(ROOT, "*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]
    assert not found


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: set(imports(tree)) - {name, ""} for name, tree in trees().items()}
    assert not cycles(graph)


def test_no_package_imports_itself_by_way_of_others() -> None:
    """A package is a folder; the modules beside the folders stand each for itself."""
    graph: dict[str, set[str]] = {}
    for name, tree in trees().items():
        own = name.split(".")[0]
        others = {one.split(".")[0] for one in imports(tree)} - {own, ""}
        graph.setdefault(own, set()).update(others)
    assert not cycles(graph)


@pytest.mark.parametrize("parent", ["dlms", "gbcs", "zcl"])
def test_no_room_imports_itself_by_way_of_others(parent: str) -> None:
    """The folders of a package, and the modules beside them each for itself."""
    folders = {p.parent.name for p in (ROOT / "dissectors" / parent).glob("*/__init__.py")}
    rooms = {
        name: ".".join(name.split(".")[: 2 if name.split(".")[1] in folders else None])
        for name in trees()
        if name.startswith(f"{parent}.")
    }
    graph: dict[str, set[str]] = {}
    for name, room in rooms.items():
        graph.setdefault(room, set()).update(
            {rooms[o] for o in imports(trees()[name]) if o in rooms} - {room}
        )
    assert not cycles(graph)


@pytest.mark.parametrize(
    "package",
    [
        "",
        *(
            f".{p.parent.name}"
            for p in (ROOT / "dissectors").glob("*/__init__.py")
            if p.parent.name != "scapy"
        ),
    ],
)
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    code = f"import sys, dissectors{package}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_octets_are_declared_in_few_ways() -> None:
    nothing_new(set(house.kinds_of(ROOT)) - PERMITTED_KINDS, OTHER_KINDS)
