"""The suite on every Python of this machine: `make matrix` runs all of it, `make test` the quick part.

Each environment is made anew with the newest dependencies, or (`lowest`) with the lowest that pyproject.toml names, so
that a wrong lower bound fails here. Run one with ``nox -f packaging/noxfile.py -s "whole(3.11-lowest)"``.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "packaging"))

from interpreters import SUPPORTED, interpreters  # noqa: E402

FOUND = interpreters()
OLDEST = SUPPORTED[0]
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The Python of the environment, on which `make test` runs the whole suite."""
OTHERS = [version for version in FOUND if version != OWN]
TOOLS = ("pytest>=8", "pytest-xdist>=3.5", "pytest-timeout>=2.3", "hypothesis>=6.100", "asn1crypto>=1.5")
"""What the tests need besides the package and its extras, which are tested with their own bounds."""
SOURCES = ("dissectors", "captures", "analysis", "tests", "hanscope.py")
NOTEBOOKS = ("nbmake>=1.5", "ipykernel>=6")
EXTRAS = ("demo", "compressed", "tui", "web", "mcp", "mqtt", "ml", "fleet", "sniffers")
QUICK = (
    "tests/analysis/test_every_verb.py",
    "tests/analysis/test_cli.py",
    "tests/analysis/test_columns.py",
    "tests/analysis/test_column_marks.py",
    "tests/analysis/test_without_threads.py",
)
"""The demo, the samples through every verb, and the columns against the one-frame path."""

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["whole"]
nox.options.error_on_missing_interpreters = False
# A shim of pyenv shadows an interpreter that works: those that were found come first.
os.environ["PATH"] = os.pathsep.join(
    [*(str(one.parent) for one in FOUND.values()), os.environ.get("PATH", "")]
)


def lowest() -> list[str]:
    """The lowest versions that pyproject.toml allows, of dependencies and of the extras that are tested."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [
        *project["dependencies"],
        *(one for extra in EXTRAS for one in project["optional-dependencies"][extra]),
    ]
    found = []
    for name in names:
        bound = re.fullmatch(r"([\w.-]+)>=([\w.]+)", name.strip())
        if bound is None:
            raise ValueError(f"{name}: a dependency needs a lower bound and nothing else")
        found.append(f"{bound[1]}=={bound[2]}")
    return found


def _install(session: nox.Session, dependencies: str, *tools: str) -> None:
    session.chdir(ROOT)
    session.env["UV_COMPILE_BYTECODE"] = (
        "1"  # uv leaves it to each process, of which the tests start hundreds
    )
    pins = lowest() if dependencies == "lowest" else ()
    session.install("-e", f".[{','.join(EXTRAS)}]", *pins, *tools)
    session.run("python", "-m", "compileall", "-q", *SOURCES)
    names = ("numpy", "pandas", "pyarrow", "scapy", "cryptography", "rich", "textual")
    tell = f"import importlib.metadata as m; print(*(n + ' ' + m.version(n) for n in {names}), sep=', ')"
    session.run("python", "-c", tell)


def _tests(session: nox.Session, *paths: str) -> None:
    session.run("python", "-m", "pytest", "-n", "auto", "-p", "no:cacheprovider", *paths, *session.posargs)


@nox.session
@nox.parametrize(
    "python,dependencies",
    [*((version, "newest") for version in FOUND), *([(OLDEST, "lowest")] if OLDEST in FOUND else [])],
    ids=[*(f"{version}-newest" for version in FOUND), *([f"{OLDEST}-lowest"] if OLDEST in FOUND else [])],
)
def whole(session: nox.Session, dependencies: str) -> None:
    """All tests and notebooks."""
    _install(session, dependencies, *TOOLS, *NOTEBOOKS, "matplotlib>=3.8")
    _tests(session)
    _tests(session, "--nbmake", "notebooks")


@nox.session(python=OTHERS or [OWN])
def quick(session: nox.Session) -> None:
    """The demo, the samples through every verb, the column tests: on the Pythons that run nothing else of `make test`."""
    if not OTHERS:
        session.log(f"{OWN} is the only Python that was found")
        return
    _install(session, "newest", *TOOLS)
    session.run("hanscope", "demo", "--out", session.create_tmp() + "/demo", "--quiet", silent=True)
    _tests(session, *QUICK)
