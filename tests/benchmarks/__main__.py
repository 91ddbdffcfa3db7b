"""The paired comparison, printed and written to docs/performance.md.

``python -m tests.benchmarks [--quick] [--frames N] [--rounds N] [--cases] [--ten-million] [--write]``
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.homes import HOMES, Played
from tests.benchmarks.rivals import Command, Paired, ours, paired, pyshark, run, scapy, tshark
from tests.benchmarks.traffic import CASES, Case, key, write_pcap

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("HANSCOPE_SHARED", ROOT.parent / "shared")) / "bench"
LINK_KEY = "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- last run -->", "<!-- end of last run -->"


FORMS = ("pandas", "parquet", "parquet-all", "arrow", "csv", "jsonl")
TARGETS = {
    **{(10_000, form): 1.0 for form in FORMS},
    (100_000, "pandas"): 2.5,
    (1_000_000, "pandas"): 10.0,
    (1_000_000, "parquet"): 6.0,
}
"""How many times faster than tshark a whole process is to be, by frames and form."""


class Material:
    """Captures of any length with their keys, made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def capture(self, frames: int, case: Case = CASES[0]) -> Path:
        path = self.folder / f"{case.name.replace(' ', '_').replace(',', '')}_{frames}.pcap"
        if not path.exists():
            generator = SHARED / "make_capture.py"
            if case is CASES[0] and generator.exists():
                run(Command("generator", (sys.executable, str(generator), str(frames), str(path))))
            else:
                write_pcap(path, frames, case)
        return path

    def keys(self, case: Case = CASES[0]) -> Path:
        path = self.folder / f"keys_{case.networks}_{case.idle_keys}.toml"
        network = [key(i).hex() for i in range(case.networks)]
        idle = [f"{i:032x}" for i in range(1, case.idle_keys + 1)]
        lines = [f'[[network_key]]\nkey = "{k}"\n' for k in idle + network]
        path.write_text("\n".join([*lines, f'[[link_key]]\nkey = "{LINK_KEY}"\n']))
        return path

    def wireshark(self, case: Case = CASES[0]) -> Path:
        """A configuration folder with the keys for tshark."""
        folder = self.folder / f"wireshark_{case.networks}"
        folder.mkdir(exist_ok=True)
        values = [*(key(i).hex() for i in range(case.networks)), LINK_KEY]
        lines = [f'"{":".join(v[i : i + 2] for i in range(0, 32, 2))}","Normal","bench"' for v in values]
        (folder / "zigbee_pc_keys").write_text("\n".join(lines) + "\n")
        return folder


def main() -> None:
    """Run, print, and write the document if asked to."""
    arguments = _arguments()
    for package in ("dissectors", "captures", "analysis", "tests/benchmarks"):  # as pip does when it installs
        compileall.compile_dir(ROOT / package, quiet=1)
    folder = arguments.captures or Path(tempfile.mkdtemp(prefix="hanscope-bench-"))
    lines = []
    try:
        for line in _measurements(Material(folder), arguments):
            print(line, flush=True)
            lines.append(line)
    finally:
        if folder != arguments.captures:
            shutil.rmtree(folder)
    if arguments.write:
        _write(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 frames at most, two rounds, no cases")
    parser.add_argument("--frames", type=int, default=1_000_000, help="frames of the large capture")
    parser.add_argument("--rounds", type=int, default=3, help="paired rounds")
    parser.add_argument("--cases", action="store_true", help="also where the column path is slower")
    parser.add_argument("--ten-million", action="store_true", help="also ten times the frames, streamed")
    parser.add_argument(
        "--captures", type=Path, help="folder of captures made before; new ones are kept there"
    )
    parser.add_argument("--write", action="store_true", help="write the results to docs/performance.md")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.frames, arguments.rounds = min(arguments.frames, 100_000), 2
    return arguments


def _measurements(material: Material, arguments: argparse.Namespace) -> Iterator[str]:
    now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    yield f"{now}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"
    yield ""
    yield (
        "| frames | ours | rival | times faster (range) | target | less work "
        "| ours: s, CPU s, MiB | rival: s, CPU s, MiB |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    sizes = sorted(n for n in {10_000, 100_000, arguments.frames} if n <= arguments.frames)
    for frames in sizes:
        yield from _against_tshark(material, frames, arguments.rounds)
    yield from _against_python(material, arguments.rounds)
    yield from _in_process(material, arguments.frames, arguments.rounds)
    if arguments.cases:
        yield from _cases(material, min(arguments.frames, 50_000), arguments.rounds)
    if arguments.ten_million:
        yield from _growth(material, arguments.frames, arguments.rounds)


def _row(frames: int, result: Paired, mine: str, rival: str) -> str:
    a, b = result.a, result.b
    target = TARGETS.get((frames, mine)) if rival.startswith("tshark") else None
    state = "" if target is None else f"{target:g}: {'met' if result.ratio >= target else 'not met'}"
    return (
        f"| {frames:,} | {mine} | {rival} | **{result.ratio:.1f}** ({result.low:.1f} to {result.high:.1f}) | {state} "
        f"| **{result.work:.1f}** | {a.wall:.2f}, {a.cpu:.2f}, {a.peak:.0f} | {b.wall:.2f}, {b.cpu:.2f}, {b.peak:.0f} |"
    )


def _against_tshark(material: Material, frames: int, rounds: int) -> Iterator[str]:
    capture, keys = material.capture(frames), material.keys()
    rival = tshark(capture, material.wireshark())
    if rival is None:
        yield f"| {frames:,} | | tshark is not there | | | | | |"
        return
    for form in FORMS:
        result = paired(ours(form, capture, keys), rival, rounds)
        yield _row(frames, result, form, rival.name)


def _against_python(material: Material, rounds: int) -> Iterator[str]:
    frames = 10_000
    capture, keys = material.capture(frames), material.keys()
    for rival in (scapy(capture, keys, frames), pyshark(capture, keys, frames, material.wireshark())):
        result = paired(ours("pandas", capture, keys), rival, min(rounds, 2))
        yield _row(frames, result, "pandas", rival.name)


def _in_process(material: Material, frames: int, rounds: int) -> Iterator[str]:
    """The cost of a frame once everything is imported, beside tshark's marginal cost."""
    capture, keys = material.capture(frames), material.keys()
    large = tshark(capture, material.wireshark())
    small = tshark(material.capture(10_000), material.wireshark())
    passed, worked, ratios, work = [], [], [], []
    for _ in range(rounds):
        said = run(ours("warm", capture, keys), keep=True).output.split()
        passed.append(float(said[1]) / frames)
        worked.append(float(said[2]) / frames)
        if large and small and frames > 10_000:
            marginal = (run(large).wall - run(small).wall) / (frames - 10_000)
            ratios.append(marginal / passed[-1])
            work.append(marginal / worked[-1])
    yield ""
    text = (
        f"in process: {median(passed) * 1e9:.0f} ns a frame, {median(worked) * 1e9:.0f} ns of processor time"
    )
    if ratios:
        spread = f"{min(ratios):.1f} to {max(ratios):.1f}"
        text += (
            f"; tshark's marginal cost is **{median(ratios):.1f} times** that ({spread}; {median(work):.1f} times the "
            "processor time)"
        )
    yield text


def _cases(material: Material, frames: int, rounds: int) -> Iterator[str]:
    yield ""
    yield f"Other traffic ({frames:,} frames each unless told otherwise, whole process to pandas):"
    yield ""
    yield "| traffic | times faster than tshark -T fields | less work | ours: s, CPU s, MiB | tshark: s, CPU s, MiB |"
    yield "|---|---|---|---|---|"
    contests = [
        (case.name, material.capture(frames, case), material.keys(case), material.wireshark(case))
        for case in CASES[1:]
    ]
    for home in HOMES:
        played = Played.of(home, material.folder)
        name = f"{home.name}, {played.frames:,} frames"
        contests.append((name, played.capture, played.keys, played.wireshark))
    for name, capture, keys, configuration in contests:
        rival = tshark(capture, configuration)
        if rival is None:
            return
        result = paired(ours("pandas", capture, keys), rival, max(1, min(rounds, 2)))
        a, b = result.a, result.b
        yield (
            f"| {name} | **{result.ratio:.1f}** ({result.low:.1f} to {result.high:.1f}) | **{result.work:.1f}** "
            f"| {a.wall:.2f}, {a.cpu:.2f}, {a.peak:.0f} | {b.wall:.2f}, {b.cpu:.2f}, {b.peak:.0f} |"
        )


def _growth(material: Material, frames: int, rounds: int) -> Iterator[str]:
    """Ten times the frames, streamed: memory, and the cost of a frame against that of the smaller capture."""
    # Every frame is sealed anew, which takes a quarter of an hour: a capture repeated would hold replays.
    small, large, keys = material.capture(frames), material.capture(10 * frames), material.keys()
    for form in ("parquet", "parquet-all"):
        one, ten = ours(form, small, keys), ours(form, large, keys)
        ratios = paired(one, ten, min(rounds, 2))
        yield ""
        yield (
            f"{10 * frames:,} frames streamed ({form}): {ratios.b.wall:.1f} s, peak {ratios.b.peak:.0f} MiB "
            f"({frames:,}: {ratios.a.peak:.0f} MiB); a frame costs {ratios.work / 10:.2f} times what it costs at "
            f"{frames:,} (processor time), {ratios.ratio / 10:.2f} times on the wall"
        )


def _write(lines: list[str]) -> None:
    text = DOCUMENT.read_text("utf-8")
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    DOCUMENT.write_text(head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + tail, "utf-8")


if __name__ == "__main__":
    main()
