"""No rule warns of a clean home, of whatever vendors, pace, sniffer and form of capture (`tests/analysis/homes`).

`make test` plays some kinds once; all, with two homes of each, with ``HANSCOPE_ALL_FAULTS=1``."""

import os
from pathlib import Path

import pytest

from tests.analysis.clean_homes import recorded, warnings
from tests.analysis.homes.files import FORMATS
from tests.analysis.homes.kinds import KINDS

EVERY = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))
SAMPLE = (
    "prepayment from afar", "a new network key", "an access device comes in", "new firmware", "no keys", "another supplier",
    "lamps and remotes beside it",
)  # fmt: skip


@pytest.mark.parametrize("seed", (1, 2) if EVERY else (4,))
@pytest.mark.parametrize("kind", list(KINDS) if EVERY else SAMPLE)
def test_a_clean_home_is_not_warned_of(kind: str, seed: int) -> None:
    found = warnings(kind, seed)
    assert not found, [(one.rule, one.device, one.evidence) for one in found]


def test_homes_are_of_many_kinds_and_forms(tmp_path: Path) -> None:
    assert len(KINDS) >= 12
    forms = {recorded("no keys", seed, tmp_path)[2] for seed in range(1, 9)}
    assert len(forms) >= 3 and forms <= set(FORMATS)
