"""What a fleet costs: ``python -m tests.benchmarks.fleet [HOMES] [--seconds N] [--folder DIR]``.

Homes are made once. Then one process decodes and checks them all, one after the other (the serial run), and clusters of one
and of two worker processes do the same into stores of their own. Printed: frames, time that passes, processor time of all
captures (and its ratio to the serial run's), memory of the largest worker, whether all tables are equal; and from the serial
run what 5,000 sites a day with 1,000,000 frames each would take.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from analysis.fleet import decode_fleet, simulate_fleet
from analysis.fleet.store import Store
from analysis.tables.schema import TABLES

SITES, FRAMES = 5000, 1_000_000


def run(homes: Path, store: Path, scheduler: str, workers: int | None) -> dict[str, Any]:
    """Decode all homes anew; what it cost."""
    shutil.rmtree(store, ignore_errors=True)
    begun = time.perf_counter()
    done = decode_fleet(
        [str(homes)], str(store), scheduler=scheduler, workers=workers, site=str(homes / "sites.csv"),
        keys_from=str(homes / "keys/{site}.toml"),
    )  # fmt: skip
    passed = time.perf_counter() - begun
    return {
        "passed": passed,
        "spent": sum(entry["processor_seconds"] for entry in done.decoded),
        "frames": sum(entry["frames"] for entry in done.decoded),
        "mib": max(entry["worker_mib"] or 0 for entry in done.decoded),
    }


def equal(one: Path, other: Path) -> bool:
    """Whether two stores hold the same rows."""
    for table in TABLES:
        # captures, one at a time, so that it fits into memory
        left, right = Store(str(one)), Store(str(other))
        pairs = zip(left.entries(), right.entries(), strict=True)
        if not all(left.table(table, [a]).equals(right.table(table, [b])) for a, b in pairs):
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("homes", nargs="?", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="hanscope-fleet-"))
    homes = folder / "homes"
    if not (homes / "sites.csv").exists():
        simulate_fleet(given.homes, str(homes), seconds=given.seconds, keys=True)
    print(f"{given.homes} homes of {given.seconds:g} s, {os.cpu_count()} processors")
    print("| run | frames | passed | processor time | to serial | largest worker | equal |")
    print("|---|---|---|---|---|---|---|")
    serial: dict[str, Any] = {}
    for name, scheduler, workers in (
        ("serial", "none", None),
        ("1 worker", "local", 1),
        ("2 workers", "local", 2),
    ):
        store = folder / name.replace(" ", "-")
        cost = run(homes, store, scheduler, workers)
        serial = serial or cost
        same = "" if scheduler == "none" else "yes" if equal(folder / "serial", store) else "NO"
        print(
            f"| {name} | {cost['frames']:,} | {cost['passed']:.1f} s | {cost['spent']:.1f} s "
            f"| {cost['spent'] / serial['spent']:.2f} | {cost['mib']:.0f} MiB | {same} |",
            flush=True,
        )
    each = serial["spent"] / serial["frames"]
    cores = SITES * FRAMES * each / 86_400
    print(
        f"{each * 1e6:.1f} us a frame: {SITES:,} sites a day of {FRAMES:,} frames each take {cores:.0f} cores "
        "(captures of this size; a capture costs most at its start)"
    )


if __name__ == "__main__":
    main()
