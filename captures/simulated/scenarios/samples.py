"""Writes the captures that ship with hanscope: ``python -m captures.simulated.scenarios.samples``.

Each sample is a capture, its keys.toml and its truth, short enough to be read by eye. Same script, same octets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from captures.simulated.scenarios.catalogue import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import write_han
from captures.whole_files import write_whole

__all__ = ["FOLDER", "SAMPLES", "main", "write"]

FOLDER = Path(__file__).resolve().parents[2] / "samples"
SAMPLES: dict[str, dict[str, Any]] = {
    "install-day": {"name": "install-day", "seed": 1, "seconds": 180},
    "gbcs-messages": {
        "name": "proving-exercise", "seed": 1, "seconds": 62,
        "use_cases": ["ECS17b", "ECS66", "ECS70", "ECS80"],
    },
    "tampered-message": {
        "name": "ordinary-day", "seed": 1, "seconds": 75, "faults": ["gbcs-tamper"], "strength": 0.4,
    },
}  # fmt: skip
"""What is played for each sample: a device joins with key establishment; messages; an attack."""


def write(name: str, folder: Path) -> int:
    """Write the files of a sample into `folder`; returns its number of frames."""
    han = simulate(**SAMPLES[name])
    frames = write_han(han, folder / f"{name}.pcapng", folder / f"{name}.truth.jsonl")
    write_whole(folder / f"{name}.keys.toml", keys_text(han))
    return frames


def main() -> None:
    """Write all samples."""
    FOLDER.mkdir(exist_ok=True)
    for name in SAMPLES:
        write(name, FOLDER)


if __name__ == "__main__":
    main()
