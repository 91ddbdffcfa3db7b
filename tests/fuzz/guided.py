"""Coverage-guided fuzzing of one target with atheris, in a process of its own (libFuzzer never returns).

    python -m tests.fuzz.guided TARGET SECONDS FOLDER

FOLDER gets `found` (inputs that reach new code), `failures`, and `numbers.json`.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from pathlib import Path

from tests.fuzz import corpus


def main(name: str, seconds: float, folder: Path) -> None:
    """Fuzz until the time is over; the modules of ours are instrumented as they are imported, also later."""
    import atheris  # only where this Python has it: the suite imports this module everywhere

    from tests.fuzz.attempts import Attempts
    from tests.fuzz.target import target

    chosen = target(name)
    found, seeds = folder / "found", folder / "seeds"
    for one in (found, seeds):
        one.mkdir(parents=True, exist_ok=True)
    for index, entry in enumerate({*chosen.seeds(), *corpus.load(name)}):
        if len(entry) <= chosen.limit:
            (seeds / f"{index:05}").write_bytes(entry)
    attempts = Attempts(chosen, folder / "failures")
    told = 0.0

    def one_input(octets: bytes) -> None:
        nonlocal told
        attempts.attempt(octets)
        if time.monotonic() - told > 1:
            told = time.monotonic()
            attempts.write(folder / "numbers.json")

    limits = [f"-max_total_time={seconds:.0f}", f"-max_len={chosen.limit}", "-rss_limit_mb=0", "-timeout=120"]
    places = [str(found), str(seeds)]
    atheris.Setup([sys.argv[0], *limits, "-seed=1", "-print_final_stats=1", *places], one_input)
    atheris.Fuzz()


UNTRACED = ["dissectors.gbcs.trust.verification", "dissectors.gbcs.trust.protection", "dissectors.gbcs.utrn"]
"""Comparisons with a right MAC are not traced: the fuzzer would write it into its input, which no forger can."""

if __name__ == "__main__":
    import atheris

    logging.disable()
    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=["dissectors", "captures", "analysis"], exclude=UNTRACED):
        main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
