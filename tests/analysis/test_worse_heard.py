"""A clean home stays clean, however badly the sniffer hears it: no warning, whatever it missed or had damaged.

`make test` plays the short scenarios once each; all of them, with three sniffers and several seeds, with
``HANSCOPE_ALL_FAULTS=1``."""

import os

import pytest

from analysis.findings.model import SEVERITIES
from captures.simulated.scenarios import SCENARIOS, simulate
from tests.analysis.worse_heard import Sniffer, checked_han

EVERY = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))
SNIFFERS = {
    "misses 5 %, damages 1 %": Sniffer(0.05, 0.01),
    "misses runs of frames": Sniffer(0.05, 0.01, bursts=True),
    "damages 3 %": Sniffer(0.01, 0.03),
    "misses 15 %": Sniffer(0.15, 0.01),
}
PLAYED = (
    [(name, seed) for name in SCENARIOS for seed in (901, 902, 903)]
    if EVERY
    else [("install-day", 901), ("ordinary-day", 904), ("cad-pairing", 902)]
)
SECONDS = None if EVERY else 2400.0


@pytest.mark.parametrize(("scenario", "seed"), PLAYED)
def test_what_the_sniffer_did_not_hear_is_no_fault(scenario: str, seed: int) -> None:
    han = simulate(scenario, seed=seed, seconds=SECONDS)
    said = {
        name: [(f.rule, f.device, f.evidence) for f in checked_han(han, sniffer, seed, ("PPMID", "IHD")).findings
               if SEVERITIES.index(f.severity) >= SEVERITIES.index("warning")]
        for name, sniffer in SNIFFERS.items()
    }  # fmt: skip
    assert not any(said.values()), said
