"""The rooms of `analysis`: which may use which, and that no module comes back to itself, also not inside a function."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import analysis

ROOT = Path(__file__).parent.parent
BELOW = {
    "keys": set(),
    "tables": set(),
    "exchanges": {"tables"},
    "findings": {"tables"},
    "pipeline": {"exchanges", "keys", "tables"},
    "features": {"findings", "tables"},
    "rules": {"features", "findings", "tables"},
    "engine": {"features", "findings", "pipeline", "rules", "tables"},
    "views": {"keys", "pipeline", "tables"},
    "report": {"features", "findings", "pipeline", "tables", "views", "wireshark"},
    "diagnosis": {"engine", "features", "findings", "pipeline", "tables", "views"},
    "redaction": {"keys", "pipeline", "tables"},
    "inspector": {"pipeline", "tables", "views", "wireshark"},
    "live": {"diagnosis", "engine", "findings", "pipeline", "tables"},
    "web": {
        *("diagnosis", "engine", "findings", "keys", "live", "pipeline", "redaction", "report", "tables"),
        *("views", "wireshark"),
    },
    "fleet": {"engine", "features", "findings", "keys", "pipeline", "report", "rules", "tables"},
    "wireshark": {"engine", "findings", "pipeline", "rules", "tables", "views"},
    "cli": {
        *(
            "diagnosis",
            "engine",
            "features",
            "findings",
            "fleet",
            "inspector",
            "keys",
            "live",
            "pipeline",
            "redaction",
            "report",
            "rules",
        ),
        *("tables", "views", "web", "wireshark"),
    },
    "api": {
        "cli",
        "diagnosis",
        "engine",
        "findings",
        "fleet",
        "keys",
        "pipeline",
        "report",
        "tables",
        "views",
    },
}
"""What each room may use. A public face (`__init__`) names what is shown, and is no use of it."""


def modules(storey: str = "analysis") -> dict[str, Path]:
    """Every module of a storey by its name."""
    found = {}
    for path in (ROOT / storey).rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Modules among `known` that a module imports anywhere, also inside functions and by their name in a text, but for
    what only the type checker reads."""
    tree = ast.parse(path.read_text("utf-8"))
    unread = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in unread:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                inner_name = f"{node.module}.{alias.name}"
                found.add(inner_name if inner_name in known else node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {str(one.value) for one in node.args if isinstance(one, ast.Constant)}
    return found & known.keys() - {"analysis"}


KNOWN = modules()
GRAPH = {name: imports(path, KNOWN) - {name} for name, path in KNOWN.items()}


def test_no_module_lies_loose() -> None:
    assert {path.name for path in (ROOT / "analysis").glob("*.py")} == {"__init__.py"}
    rooms = {path.parent.name for path in (ROOT / "analysis").glob("*/__init__.py")}
    assert rooms == set(BELOW)


@pytest.mark.parametrize("room", BELOW)
def test_a_room_uses_only_rooms_below(room: str) -> None:
    wrong = {
        f"{name} -> {used}"
        for name, uses in GRAPH.items()
        if name.split(".")[1:2] == [room]
        for used in uses
        if used.split(".")[1] not in BELOW[room] | {room}
    }
    assert not wrong


def test_the_rooms_have_one_direction() -> None:
    assert len(list(TopologicalSorter(BELOW).static_order())) == len(BELOW)


def test_no_import_goes_round() -> None:
    try:
        list(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


@pytest.mark.parametrize("room", BELOW)
def test_every_public_name_is_there(room: str) -> None:
    from importlib import import_module

    face = import_module(f"analysis.{room}")
    for name in getattr(face, "_WHERE", ()):
        assert getattr(face, name) is not None
    with pytest.raises(AttributeError):
        face.no_such_name  # noqa: B018


def test_a_face_loads_nothing() -> None:
    code = (
        "import sys\n"
        + "".join(
            f"import analysis.{room}\n" for room in BELOW if room not in ("report", "redaction", "inspector")
        )
        + "print([m for m in sys.modules if m.split('.')[0] in ('pandas', 'pyarrow', 'scapy')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("former", sorted(analysis.MOVED))
def test_former_names_are_the_same_modules(former: str) -> None:
    code = (
        f"import {former}, {analysis.MOVED[former]}, sys\n"
        f"one, two = sys.modules['{former}'], sys.modules['{analysis.MOVED[former]}']\n"
        "assert one is two and two.__spec__.name == two.__name__"
    )
    if former in ("analysis.decode", "analysis.compliance", "analysis.view"):  # a process each is dear
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    exec(code)
