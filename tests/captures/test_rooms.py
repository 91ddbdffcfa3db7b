"""The rooms of `captures`: which may use which, and that no module comes back to itself, also not inside a function."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from captures import MOVED as MOVED_FILES
from captures import structures
from captures.simulated import MOVED
from tests.test_rooms import ROOT, imports, modules

BELOW = {
    "air": set(),
    "stack": {"air"},
    "devices": {"air", "stack"},
    "remote": {"air", "devices", "stack"},
    "faults": {"air", "devices", "remote", "stack"},
    "scenarios": {"air", "devices", "faults", "remote", "stack"},
}
"""What each room of the simulated home may use of it."""
FOLDERS = {
    "files": set(),
    "encapsulations": {"files"},
    "simulated": {"encapsulations", "files"},
    "sniffers": {"encapsulations", "files", "simulated"},
}
"""What each folder of `captures` may use of the others; the modules beside them are used by all, or use all."""
ABOVE = {"capture", "live", "memory", "merging", "writer"}
"""Modules beside the folders that use them."""
KNOWN = modules("captures")
GRAPH = {name: imports(path, KNOWN) - {name} for name, path in KNOWN.items()}
SIMULATED = "captures.simulated"


def test_no_import_goes_round() -> None:
    try:
        list(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_uses_only_folders_below(folder: str) -> None:
    forbidden = (FOLDERS.keys() - FOLDERS[folder] - {folder}) | (
        ABOVE if folder in ("files", "encapsulations") else set()
    )
    wrong = {
        f"{name} -> {used}"
        for name, uses in GRAPH.items()
        if name.startswith(f"captures.{folder}")
        for used in uses
        if used.split(".")[1:2] and used.split(".")[1] in forbidden
    }
    assert not wrong


def test_what_all_use_uses_no_folder() -> None:
    beside = {name for name in GRAPH if name.count(".") == 1 and name.split(".")[1] not in FOLDERS}
    base = beside - {f"captures.{name}" for name in ABOVE} - {"captures.structures"}
    wrong = {f"{name} -> {used}" for name in base for used in GRAPH[name] if used.count(".") > 1}
    assert not wrong


def test_the_simulated_home_has_its_rooms() -> None:
    folder = ROOT / "captures" / "simulated"
    assert {path.name for path in folder.glob("*.py")} == {"__init__.py"}
    assert {path.parent.name for path in folder.glob("*/__init__.py")} == set(BELOW)


@pytest.mark.parametrize("room", BELOW)
def test_a_room_of_the_home_uses_only_rooms_below(room: str) -> None:
    wrong = {
        f"{name} -> {used}"
        for name, uses in GRAPH.items()
        if name.startswith(f"{SIMULATED}.{room}")
        for used in uses
        if used.startswith(f"{SIMULATED}.") and used.split(".")[2] not in BELOW[room] | {room}
    }
    assert not wrong


def test_readers_know_nothing_of_the_simulated_home() -> None:
    """Only the sniffer that plays it does, and only when it is opened."""
    users = {name for name, uses in GRAPH.items() if any(used.startswith(SIMULATED) for used in uses)}
    assert {name for name in users if not name.startswith(SIMULATED)} == {"captures.sniffers.simulated"}


@pytest.mark.parametrize(("former", "present"), sorted((MOVED | MOVED_FILES).items()))
def test_former_names_are_the_same_modules(former: str, present: str) -> None:
    code = (
        f"import {former}, {present}, sys\n"
        f"one, two = sys.modules['{former}'], sys.modules['{present}']\n"
        "assert one is two and two.__spec__.name == two.__name__"
    )
    exec(code)


def test_former_names_of_structures_answer() -> None:
    assert structures.ZEP2.build({"channel": 11, "device": 1, "mode": 1, "lqi": 0, "ntp_time": 0, "sequence": 0,
                                  "frame_length": 0})[:2] == b"EX"  # fmt: skip
    assert structures.tap_header([]) and structures.PCAP_FILE_HEADER.sizeof() == 24
    with pytest.raises(AttributeError):
        structures.NO_SUCH  # noqa: B018


def test_a_former_name_may_be_run(tmp_path: Path) -> None:
    code = (
        "import runpy, captures.simulated.scenarios.samples as samples\n"
        f"from pathlib import Path; samples.FOLDER = Path({str(tmp_path)!r})\n"
        "assert 'main' in runpy.run_module('captures.simulated.samples')"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, check=True)
