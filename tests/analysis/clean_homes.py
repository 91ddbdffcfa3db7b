"""Clean homes of another make than the simulator's (`tests/analysis/homes`): no rule may warn of them.

python -m tests.analysis.clean_homes                            # two homes of each kind: what is said of them
python -m tests.analysis.clean_homes --kinds prepayment --seeds 3 --keep DIR
python -m tests.analysis.clean_homes --missed 0.1 --longer 2     # the same, badly heard, for twice as long
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from analysis.engine.checking import check
from analysis.findings.model import CheckResult, Finding
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from tests.analysis.homes.files import heard_by, key_text, write, write_several
from tests.analysis.homes.kinds import KINDS, Kind, built, made
from tests.analysis.homes.life import Home
from tests.key_files import key_file

__all__ = ["judged", "judged_home", "recorded", "warnings"]


def recorded(kind: str, seed: int, folder: Path) -> tuple[Path, Path | None, str]:
    """A home of a kind as a capture with its keys (None where nobody knows them), and the form of the capture."""
    home, one, form = built(kind, seed)
    return (*written(home, one, form, f"{kind} {seed}", seed, folder), form)


def written(home: Home, one: Kind, form: str, name: str, seed: int, folder: Path) -> tuple[Path, Path | None]:
    """The capture of a home in a form, and its keys."""
    capture, keys = folder / "home.pcap", folder / "keys.toml"
    frames = heard_by(home.air.heard, one.ear, f"ear {name}")
    if one.ear.second:
        other = heard_by(home.air.heard, one.ear, f"other ear {name}")
        channel = home.more["channel"]
        write_several(capture, [frames, other], home.air.start, [channel] * 2, (seed % 5 - 2) * 0.003)
    elif one.ear.radios:
        other = made(replace(KINDS["ordinary"], hours=one.hours), "beside", seed)[0]
        beside = heard_by(other.air.heard, one.ear, f"beside {name}")
        radios, channels = [frames, beside], [home.more["channel"], 26]
        write_several(capture, radios, home.air.start, channels, forms=("with TI's trailer", "tap"))
    else:
        write(capture, frames, form, 0 if one.ear.no_date else home.air.start, home.more["channel"])
    key_file(keys, key_text(home, roles=one.roles, only=one.only))
    return capture, keys if one.keys else None


def judged(kind: str, seed: int, folder: Path) -> CheckResult:
    """What the rules say of a home."""
    home, one, form = built(kind, seed)
    return judged_home(home, one, form, f"{kind} {seed}", seed, folder)


def judged_home(home: Home, one: Kind, form: str, name: str, seed: int, folder: Path) -> CheckResult:
    """What the rules say of a home that was lived."""
    capture, keys = written(home, one, form, name, seed, folder)
    result = check(decode(str(capture), None if keys is None else read_keys(keys)))
    assert not result.failures, result.failures
    return result


def warnings(kind: str, seed: int, missed: float = 0.0, longer: float = 1.0) -> list[Finding]:
    """Findings of a clean home that are more than information; `missed`: share of frames that the sniffer misses besides,
    `longer`: how many times as long it listens."""
    one = KINDS[kind]
    varied = replace(one, hours=one.hours * longer, ear=replace(one.ear, missed=one.ear.missed + missed))
    with tempfile.TemporaryDirectory() as folder:
        home, one, form = made(varied, kind, seed)
        result = judged_home(home, one, form, f"{kind} {seed}", seed, Path(folder))
    return [finding for finding in result.findings if finding.severity != "info"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--missed", type=float, default=0.0, help="share of frames that are missed besides")
    parser.add_argument("--longer", type=float, default=1.0, help="times as long")
    parser.add_argument("--keep", type=Path, help="write one home of each kind there, and judge nothing")
    chosen = parser.parse_args()
    homes = [(kind, chosen.first + n) for kind in chosen.kinds for n in range(chosen.seeds)]
    if chosen.keep is not None:
        for kind, seed in homes:
            folder = chosen.keep / f"{kind.replace(' ', '-')}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            print(folder, recorded(kind, seed, folder)[2])
        return
    clean = 0
    with ProcessPoolExecutor(chosen.processes) as pool:
        played = partial(warnings, missed=chosen.missed, longer=chosen.longer)
        for home, found in zip(homes, pool.map(played, *zip(*homes, strict=True)), strict=True):
            clean += not found
            print(*home, "clean" if not found else "", flush=True)
            for one in found:
                print(
                    f"    {one.severity} {one.rule} [{one.device}] {one.evidence} {one.frames[:6]}",
                    flush=True,
                )
    print(f"{clean} of {len(homes)} homes without a warning")


if __name__ == "__main__":
    main()
