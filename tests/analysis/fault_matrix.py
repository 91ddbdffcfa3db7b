"""The fault matrix: every fault of the simulated HAN, played with several seeds and strengths, and what the
rules say of it.

    python -m tests.analysis.fault_matrix --seeds 5          # writes docs/fault_matrix.md
    python -m tests.analysis.fault_matrix --faults replay    # one fault, all its findings

A fault counts as found when a rule meant for it (`tests/analysis/meant_for.csv`) speaks, at the severity
that is written there, and names frames that the fault made or changed; of a device that falls silent, when
it names the device."""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.decode import decode
from analysis.findings import SEVERITIES, Finding, check
from analysis.keyfile import read_keys
from captures.simulated.keyfile import keys_text
from captures.simulated.recording import truth_rows, write_han
from captures.simulated.scenarios import SCENARIOS, simulate

__all__ = ["MEANT_FOR", "Outcome", "Row", "clean_findings", "play", "rows_meant"]

MEANT_FOR = Path(__file__).with_name("meant_for.csv")
STRENGTHS = (1.0, 0.5, 2.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Row:
    """What is expected of one fault: the rules meant for it, and the least severity."""

    fault: str
    rules: tuple[str, ...]
    severity: str = "warning"
    scenario: str = "ordinary-day"
    seconds: float = 2400
    by_device: bool = False


@dataclass(slots=True)
class Outcome:
    """One run: the truth's frames and device, and the findings that belong to it."""

    row: Row
    seed: int
    strength: float
    truth: set[int]
    device: str
    findings: list[Finding] = field(default_factory=list)

    def hits(self, finding: Finding) -> int:
        """How many of the truth's frames a finding names; a silence counts by its device."""
        overlap = len(self.truth.intersection(finding.frames))
        if not overlap and self.row.by_device and self.device:
            return int(self.device in finding.device)
        return overlap

    def found_by(self) -> dict[str, int]:
        """The rules that found it, at the severity wanted, with the frames that they share with the truth."""
        floor = SEVERITIES.index(self.row.severity)
        out: dict[str, int] = {}
        for f in self.findings:
            if SEVERITIES.index(f.severity) >= floor and self.hits(f):
                out[f.rule] = out.get(f.rule, 0) + self.hits(f)
        return out

    @property
    def found(self) -> bool:
        """Whether one of the rules meant for it found it."""
        return any(name in self.row.rules for name in self.found_by())


def rows_meant() -> dict[str, Row]:
    """The table of what is expected, by fault."""
    with MEANT_FOR.open(newline="", encoding="utf-8") as lines:
        out = {}
        for r in csv.DictReader(line for line in lines if not line.startswith("#")):
            out[r["fault"]] = Row(
                r["fault"],
                tuple(r["rules"].split()),
                r["severity"] or "warning",
                r["scenario"] or "ordinary-day",
                float(r["seconds"] or 2400),
                r["by"] == "device",
            )
    return out


def play(row: Row, seed: int, strength: float = 1.0) -> Outcome:
    """Plays one fault, decodes the capture with the home's keys, and runs all rules over it."""
    han = simulate(row.scenario, seed=seed, seconds=row.seconds, faults=[row.fault], strength=strength)
    truth: dict[str, Any] = next(r for r in truth_rows(han) if r["kind"] == "fault")
    device = str(truth.get("device") or "")
    return Outcome(row, seed, strength, set(truth["frames"]), device, _findings(han))


def clean_findings(scenario: str, seed: int, seconds: float | None = None) -> list[Finding]:
    """The findings of a day on which nothing is wrong."""
    return _findings(simulate(scenario, seed=seed, seconds=seconds))


def document(seeds: int, faults: list[str], days: list[tuple[str, int]]) -> str:
    """The page: each fault with the rules that found it, and the healthy days with their alarms."""
    lines = ["# Fault matrix", "", f"Each fault {seeds} times, at strengths {STRENGTHS[:seeds]}; written by"]
    lines += ["`python -m tests.analysis.fault_matrix`.", "", "| fault | found | rules (runs) | overlap |"]
    lines.append("|---|---|---|---|")
    for name in faults:
        row = rows_meant()[name]
        runs = [play(row, 700 + 13 * n, STRENGTHS[n % len(STRENGTHS)]) for n in range(seeds)]
        by = Counter(rule for run in runs for rule in run.found_by())
        shared = [max(run.found_by().values(), default=0) / max(len(run.truth), 1) for run in runs]
        found = sum(run.found for run in runs)
        rules = ", ".join(f"{rule} ({n})" for rule, n in by.most_common(4))
        lines.append(f"| {name} | {found} of {seeds} | {rules} | {sum(shared) / seeds:.0%} |")
        print(lines[-1], flush=True)
    lines += ["", "| healthy day | seed | warnings and above |", "|---|---|---|"]
    for scenario, seed in days:
        grave = [f for f in clean_findings(scenario, seed) if f.severity != "info"]
        lines.append(f"| {scenario} | {seed} | {', '.join(sorted({f.rule for f in grave})) or 'none'} |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--faults", nargs="*", default=sorted(rows_meant()))
    parser.add_argument("--days", nargs="*", default=[n for n in SCENARIOS if n != "proving-exercise"])
    parser.add_argument("--out", type=Path, default=Path("docs/fault_matrix.md"))
    chosen = parser.parse_args()
    days = [(day, 800 + n) for n in range(2) for day in chosen.days]
    chosen.out.write_text(document(chosen.seeds, chosen.faults, days), encoding="utf-8")


def _findings(han: Any) -> list[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        capture, keys = Path(folder) / "han.pcapng", Path(folder) / "keys.toml"
        write_han(han, capture)
        keys.write_text(keys_text(han), encoding="utf-8")
        result = check(decode(str(capture), read_keys(keys)))
    if result.failures:
        raise AssertionError(f"rules broke down: {result.failures}")
    return result.findings


if __name__ == "__main__":
    main()
