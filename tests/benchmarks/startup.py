"""How long `hanscope --help` takes, as a whole process: ``python -m tests.benchmarks.startup``."""

import statistics
import subprocess
import sys
import time

RUNS = 15


def main() -> int:
    """Print the median of several runs, beside a Python that does nothing."""
    for name, code in (
        ("python, nothing", "pass"),
        ("hanscope --help", "from analysis.cli import main; main(['--help'])"),
    ):
        seconds = []
        for _ in range(RUNS):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
            seconds.append(time.perf_counter() - start)
        print(f"{name:<20}{statistics.median(seconds):.3f} s (median of {RUNS}, worst {max(seconds):.3f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
