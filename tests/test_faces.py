"""The public faces of the dissectors' rooms: what other storeys import, and that a face names what is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
FACES = sorted(
    ("dissectors", *(f"dissectors.{p.parent.name}" for p in (ROOT / "dissectors").glob("*/__init__.py")))
)
OTHERS = [
    *(p for d in ("captures", "analysis") for p in sorted((ROOT / d).rglob("*.py"))),
    ROOT / "hanscope.py",
]


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of everything that a file imports from the dissectors, inside functions, too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dissectors":
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((one.name, "") for one in node.names if one.name.split(".")[0] == "dissectors")


def for_types(module: ModuleType) -> set[str]:
    """The names that a face shows to type checkers only."""
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    blocks = [n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    found = (node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name for node in found for alias in node.names}


def test_other_storeys_import_from_faces_only() -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {module}.{name}"
        for path in OTHERS
        for module, name in imported(path)
        if module not in FACES or name not in import_module(module).__all__
    }
    assert not wrong


@pytest.mark.parametrize("face", FACES)
def test_a_face_names_what_is_there(face: str) -> None:
    module = import_module(face)
    public = set(getattr(module, "__all__", ()))
    for name in public:
        assert getattr(module, name) is not None
    assert for_types(module) <= public
    with pytest.raises(AttributeError):
        module.no_such_name  # noqa: B018


@pytest.mark.parametrize("face", FACES)
def test_a_public_name_is_no_module_of_the_same_name(face: str) -> None:
    """``from face import name`` gives what the face says, also when a module of that name was imported."""
    module = import_module(face)
    folder = Path(str(module.__file__)).parent
    beside = {p.stem for p in folder.glob("*.py")} | {p.parent.name for p in folder.glob("*/__init__.py")}
    for name in beside & set(getattr(module, "__all__", ())):
        assert isinstance(module.__getattr__(name), ModuleType), (
            "what the face declares, whatever was imported"
        )


def test_former_names_are_the_same_modules() -> None:
    from dissectors import MOVED

    for former, now in MOVED.items():
        assert import_module(former) is import_module(now)
