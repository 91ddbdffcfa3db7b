"""Homes of another make than the simulator's in which one thing goes wrong (`tests/analysis/homes/faults`).

python -m tests.analysis.faulty_homes                                    # each fault at each strength: who tells it
python -m tests.analysis.faulty_homes --processes 2 --out docs/faulty_homes.md
python -m tests.analysis.faulty_homes --families values keys --first 20 --sentences
"""

from __future__ import annotations

import argparse
import pkgutil
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

from analysis.findings.model import SEVERITIES, CheckResult, Finding
from tests.analysis.clean_homes import judged_home
from tests.analysis.homes import faults
from tests.analysis.homes.faults.catalogue import FAULTS, Fault
from tests.analysis.homes.files import Ear
from tests.analysis.homes.kinds import made

__all__ = ["Told", "play"]

for module in pkgutil.iter_modules(faults.__path__):
    import_module(f"{faults.__name__}.{module.name}")

HEAD = """# Faults in homes of another make

Faults that happen in the homes of `tests/analysis/homes`, which share no code with the simulated HAN: other timing, makers, link types and
sniffers; what follows from a fault (silence, counters, answers that do not come) follows there by itself. Each is played at half, at its
usual and at twice its strength, each time in another home. *Told*: a rule meant for it (in bold) names the device that it happens to, at
warning or above. Other rules that warn are named, too. Written by

```sh
python -m tests.analysis.faulty_homes --processes 2 --out docs/faulty_homes.md
```

"""
EARS = (Ear(0.002), Ear(0.01, noise=2), Ear(0.05, 0.01), Ear(0.01))


@dataclass(slots=True)
class Told:
    """What was said of a home with a fault: the findings that are about it, and the others at warning or above."""

    fault: Fault
    seed: int
    strength: float
    result: CheckResult = field(repr=False)
    findings: list[Finding] = field(default_factory=list)
    others: list[Finding] = field(default_factory=list)

    @property
    def found(self) -> bool:
        return bool(self.findings)


def play(name: str, seed: int, strength: float) -> Told:
    """A home in which a fault happens, and what the rules say of it."""
    one = FAULTS[name]
    ear = random.Random(f"ear of {name} {seed}").choice(EARS)

    def happens(home):  # type: ignore[no-untyped-def]
        return (yield from one.behaviour(home, strength))

    kind = replace(one.kind, happens=(*one.kind.happens, happens), ear=ear)
    home, _, form = made(kind, name, seed)
    with tempfile.TemporaryDirectory() as folder:
        result = judged_home(home, kind, form, f"{name} {seed}", seed, Path(folder))
    whom = [f"{device.eui64:016x}" for device in home.more.get("faulty", ())]
    told = Told(one, seed, strength, result)
    for finding in result.findings:
        if SEVERITIES.index(finding.severity) < SEVERITIES.index(one.least):
            continue
        mine = finding.rule in one.rules and (
            not whom or any(eui64 in finding.device + finding.evidence for eui64 in whom)
        )
        (told.findings if mine else told.others).append(finding)
    return told


def _outcome(name: str, seed: int, strength: float) -> tuple[bool, list[Finding], list[Finding]]:
    told = play(name, seed, strength)
    return told.found, told.findings, told.others


def page(outcomes: Sequence[tuple[str, float, bool, list[Finding], list[Finding]]]) -> str:
    """The page: of each family how many runs were told, and of each fault by which rules."""
    lines, totals = [], []
    for family in dict.fromkeys(FAULTS[name].family for name, *_ in outcomes):
        mine = [one for one in outcomes if FAULTS[one[0]].family == family]
        totals.append(f"| {family} | {sum(told for _, _, told, *_ in mine)} of {len(mine)} |")
        lines += [
            "",
            f"## {family.capitalize()}",
            "",
            "| fault | told | by | missed at | beside it |",
            "|---|---|---|---|---|",
        ]
        for name in dict.fromkeys(one[0] for one in mine):
            runs = [one for one in mine if one[0] == name]
            by, beside = (
                Counter(f.rule for run in runs for f in {f.rule: f for f in run[at]}.values())
                for at in (3, 4)
            )
            told = ", ".join(f"**{rule}** ({count})" for rule, count in by.most_common())
            rest = ", ".join(f"{rule} ({count})" for rule, count in beside.most_common(6))
            missed = ", ".join(f"{strength:g}" for _, strength, found, *_ in runs if not found)
            lines.append(
                f"| {name} | {sum(run[2] for run in runs)} of {len(runs)} | {told} | {missed} | {rest} |"
            )
    notes = [f"- {name}: {FAULTS[name].note}" for name in dict.fromkeys(one[0] for one in outcomes)]
    notes = sorted(note for note in notes if not note.endswith(": "))
    lines += ["", "## Notes", "", *notes] if notes else []
    every = sum(told for _, _, told, *_ in outcomes)
    total = f"| all | {every} of {len(outcomes)} |"
    return HEAD + "\n".join(["| family | told |", "|---|---|", *totals, total, *lines]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", nargs="*")
    parser.add_argument("--families", nargs="*")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--sentences", action="store_true", help="what is said, in full")
    parser.add_argument("--out", type=Path, help="where the page is written to")
    chosen = parser.parse_args()
    runs = [
        (one.name, chosen.first + number, strength)
        for one in FAULTS.values()
        for number, strength in enumerate(one.strengths)
        if (not chosen.faults or one.name in chosen.faults)
        and (not chosen.families or one.family in chosen.families)
    ]
    told_of: Counter[str] = Counter()
    kept: list[tuple[str, float, bool, list[Finding], list[Finding]]] = []
    with ProcessPoolExecutor(chosen.processes) as pool:
        outcomes = pool.map(_outcome, *zip(*runs, strict=True))
        for (name, seed, strength), (told, findings, others) in zip(runs, outcomes, strict=True):
            family = FAULTS[name].family
            told_of[family] += told
            kept.append((name, strength, told, findings, others))
            print("told  " if told else "MISSED", family, "|", name, seed, strength, flush=True)
            for one in findings if chosen.sentences else ():
                print(f"    {one.severity} {one.rule} [{one.device}] {one.evidence}", flush=True)
            for one in others:
                print(f"    beside: {one.severity} {one.rule} [{one.device}] {one.evidence}", flush=True)
    every = Counter(FAULTS[name].family for name, _, _ in runs)
    for family, count in every.items():
        print(f"{family}: {told_of[family]} of {count}")
    if chosen.out is not None:
        chosen.out.write_text(page(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
