"""The captures that ship with hanscope: written by their script, small, and readable with their own keys."""

from pathlib import Path

import pytest

from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from captures.simulated.scenarios.samples import FOLDER, SAMPLES, write


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_sample_is_what_its_script_writes(name: str, tmp_path: Path) -> None:
    """After a change of the simulation: ``python -m captures.simulated.scenarios.samples``."""
    write(name, tmp_path)
    for made in tmp_path.iterdir():
        assert made.read_bytes() == (FOLDER / made.name).read_bytes(), made.name


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_sample_opens_with_its_keys(name: str) -> None:
    decoded = decode(FOLDER / f"{name}.pcapng", read_keys(FOLDER / f"{name}.keys.toml"))
    assert 150 < len(decoded.packets) < 600
    assert set(decoded.packets.nwk_security.dropna()) <= {"ok", "none"}
    assert not set(decoded.packets.aps_security.dropna()) & {"no_key", "bad_mic"}
    verdicts = set(decoded.messages.mac.dropna()) | set(decoded.messages.signature.dropna())
    assert ("invalid" in verdicts) == (name == "tampered-message")


def test_samples_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 350_000  # exchanges are part of the truth
