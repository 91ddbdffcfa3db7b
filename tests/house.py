"""How large the house of the dissectors is: lines, files, kinds of declaration, places a task, files an octet passes.

    python -m tests.house [--checkout DIR]... [--markdown]

With several checkouts their figures stand side by side (`docs/architecture.md` holds such a table). Nothing of the
checkouts is imported into this process: lines and words are counted in their files; what an octet passes is counted
by a process of its own in each.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

KINDS: dict[str, tuple[str, str]] = {
    "layers of parts": (r"^class \w+\((\w*Layer|\w*Header)\):", "*.py"),
    "rows of tables": (r"^from dissectors\S* import .*\btable\b", "*.py"),
    "rules of DER": (r"^class Shape\b|^class Rule\b", "*/der.py"),
    "elements of an APDU": (r"^class Element\b", "dlms/*.py dlms/*/*.py"),
    "layers made blank first": (r"^def blank\b", "*.py"),
    "readers of broken APDUs": (r"^def read_partial|^def partial", "dlms/partial.py"),
    "steps in a string": (r"^class Step\b", "*.py"),
    "generators of fields": (r"-> (Iterator|Generator)\[", "gbcs/gbz_tails.py"),
    "pieces of an alert": (r"^class Piece\b", "gbcs/*.py gbcs/*/*.py"),
    "tuples of name and size": (
        r"tuple\[tuple\[str, int[,\]]|= \(\n?\s*\(\"\w+\", \d+\)",
        "zcl/[co][et]*.py zcl/stateful/[co][et]*.py",
    ),
    "a second class for parts of values": (r"^class (Part|Layout)\b", "gbcs/*.py gbcs/*/*.py"),
}
"""Each kind of declaration of what lies where in octets, by a pattern that finds it, and the files that may hold it."""

EXAMPLES: dict[str, str] = {
    "a MAC command (GTS Request)": r"gts.?request|GtsRequest",
    "a ZCL command (Publish Price)": r"publish.?price\b(?!.?(matrix|rec|act|can|rej))|^0x0700,(to-client,0x00|0x00,to-client)",
    "a DLMS class (Limiter)": r"\blimiter\b|^71,",
    "a use case (ECS23b)": r"\bECS23b\b",
    "an alert code (0x8F3E)": r"\b(0x)?8F3E\b",
}
"""What a newcomer may want to see added, by an example that is there already."""

BY_HAND = re.compile(r"int\.from_bytes|\bunpack(_from)?\(|\bTruncated\(")


def files(checkout: Path, pattern: str = "*") -> Iterator[Path]:
    """The sources and tables of the dissectors of a checkout."""
    for path in sorted((checkout / "dissectors").rglob("*")):
        if path.suffix in {".py", ".csv"} and any(path.match(one) for one in pattern.split()):
            yield path


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def kinds_of(checkout: Path) -> dict[str, list[Path]]:
    """The kinds of declaration that a checkout uses, each with the files that hold it."""
    out = {}
    for kind, (pattern, where) in KINDS.items():
        mark = re.compile(pattern, re.MULTILINE)
        found = [p for p in files(checkout, where) if mark.search(p.read_text("utf-8"))]
        if found:
            out[kind] = found
    return out


def places(checkout: Path, pattern: str) -> list[Path]:
    """Files that name an example."""
    mark = re.compile(pattern, re.MULTILINE | re.IGNORECASE)
    return [p for p in files(checkout) if mark.search(p.read_text("utf-8"))]


# Run in a checkout: the last frame of a GBCS message and that message, once warm, with each function entered noted.
PROBE = """
import json, sys, importlib
from pathlib import Path
def take(name, *modules):
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            pass
    raise SystemExit(f"no {name} in {modules}")
read_keys = take("read_keys", "analysis.keyfile", "analysis.inputs.keyfile", "analysis.inputs", "analysis.keys.keyfile", "analysis.keys")
context_of = take("HanContext", "dissectors", "dissectors.model.context", "dissectors.context")
raw_frame = take("RawFrame", "dissectors", "dissectors.model.frame", "dissectors.frame")
dissect_frame = take("dissect_frame", "dissectors", "dissectors.radio.dispatch", "dissectors.dispatch")
dissect_message = take("dissect_message", "dissectors.gbcs")
from captures import open_capture
sample = Path(sys.argv[1])
ring = read_keys(sample.with_suffix("").with_suffix(".keys.toml"))
entered, calls = set(), 0
def note(frame, event, argument):
    global calls
    if event == "call" and "/dissectors/" in frame.f_code.co_filename:
        entered.add((frame.f_code.co_filename, frame.f_code.co_qualname))
        calls += 1
def read(traced):
    global calls
    context = context_of(ring)
    for block in open_capture(sample):
        for row in range(len(block)):
            raw = block.raw(row)
            entered.clear(); calls = 0
            sys.setprofile(note if traced else None)
            found = dissect_frame(raw, context)
            for kind, octets in found.payload:
                if kind == "gbcs":
                    message = dissect_message(octets, ring.gbcs)
                    if len(message.items) > 1 and message.columns.get("mac") == "valid":
                        sys.setprofile(None)
                        return
            sys.setprofile(None)
read(False)
read(True)
print(json.dumps([len({f for f, _ in entered}), len(entered), calls]))
"""


def passage(checkout: Path) -> tuple[int, int, int]:
    """Files, functions and calls of the dissectors from a frame to the items of the GBCS message that it ends."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    sample = checkout / "captures" / "samples" / "gbcs-messages.pcapng"
    command = [sys.executable, "-c", PROBE, str(sample)]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{checkout}: {done.stderr.strip()}")
    one, two, three = json.loads(done.stdout)
    return one, two, three


def measure(checkout: Path) -> dict[str, int]:
    """Every figure of a checkout."""
    sources = [p for p in files(checkout) if p.suffix == ".py"]
    tables = [p for p in files(checkout) if p.suffix == ".csv"]
    entered, functions, calls = passage(checkout)
    return {
        "lines of Python": sum(map(lines, sources)),
        "files of Python": len(sources),
        "lines of tables": sum(map(lines, tables)),
        "tables": len(tables),
        "files over 250 lines": sum(lines(p) > 250 for p in sources),
        "kinds of declaration": len(kinds_of(checkout)),
        "files that take octets apart by hand": sum(bool(BY_HAND.search(p.read_text())) for p in sources),
        **{f"files that name {task}": len(places(checkout, mark)) for task, mark in EXAMPLES.items()},
        "files that an octet of a GBCS message passes": entered,
        "functions that it passes": functions,
        "calls on its way": calls,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkout", action="append", type=Path, help="a folder; may be given several times")
    parser.add_argument("--kinds", action="store_true", help="list the kinds of declaration with their files")
    options = parser.parse_args()
    checkouts = [p.resolve() for p in options.checkout or [ROOT]]
    figures = [measure(checkout) for checkout in checkouts]
    print("| count | " + " | ".join(p.name for p in checkouts) + " |")
    print("|---|" + "---:|" * len(checkouts))
    for name in figures[0]:
        print(f"| {name} | " + " | ".join(f"{one[name]:,}" for one in figures) + " |")
    for checkout in checkouts if options.kinds else ():
        for kind, found in kinds_of(checkout).items():
            print(f"{checkout.name}: {kind}: {', '.join(str(p.relative_to(checkout)) for p in found)}")


if __name__ == "__main__":
    main()
