"""No sentence prints what is not known: no "nan" where a device belongs, no "None" for a name; and no rule fails on it.

Tables of clean homes and of the shared captures get holes: values of any column are taken away from some rows, as
where no key is held, a sender was not heard, or a table has no name. Then every rule speaks, and what it says is
read. `make test` plays two short homes; all scenarios, and the shared captures, with ``HANSCOPE_ALL_FAULTS=1``."""

import os
import random
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from captures.simulated.keyfile import keys_text
from captures.simulated.recording import write_han

from analysis.engine.checking import check
from analysis.features.names import missing, said
from analysis.findings.model import CheckResult
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import DECODED_TABLES, decode
from captures.simulated.scenarios import SCENARIOS, simulate
from tests.conftest import SHARED
from tests.key_files import key_file

EVERY = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))
PLAYED = dict.fromkeys(SCENARIOS) if EVERY else {"security-review": 2700.0, "firmware-update": 900.0}
SHARES = (0.0, 0.02, 0.1, 0.3, 0.95)
NOT_A_WORD = re.compile(r"(?<![\w./-])(?:nan|None|NaT|<NA>|NA|nat)(?![\w-])")
ALWAYS_THERE = {
    *("frame", "message", "item", "layer", "kind", "bytes", "time", "frames", "length"),
    *("exchange", "first_frame", "last_frame", "outcome", "retries"),
}
"""What the decoder gives every row that it makes."""


def tables_of(capture: Path, keys: Path) -> dict[str, Any]:
    done = decode(str(capture), read_keys(keys))
    return {name: done.arrow[name] for name in DECODED_TABLES}


@cache
def home(scenario: str) -> dict[str, Any]:
    han = simulate(scenario, seed=31, seconds=PLAYED[scenario], faults=["cbke-interference"])
    with tempfile.TemporaryDirectory() as folder:
        capture, keys = Path(folder) / "han.pcapng", Path(folder) / "keys.toml"
        write_han(han, capture)
        return tables_of(capture, key_file(keys, keys_text(han)))


def with_holes(tables: dict[str, Any], share: float, seed: str) -> dict[str, Any]:
    """`tables` with `share` of the values taken away from seven columns in ten."""
    rng = np.random.default_rng(int.from_bytes(seed.encode(), "big"))
    chance, out = random.Random(seed), {}
    for name, table in tables.items():
        out[name] = table
        for place, column in enumerate(table.column_names):
            if share and len(table) and column not in ALWAYS_THERE and chance.random() < 0.7:
                rows = pa.array(np.arange(len(table)), mask=rng.random(len(table)) < share)
                out[name] = out[name].set_column(place, column, table[column].take(rows))
    return out


def unsaid(result: CheckResult) -> list[tuple[str, str]]:
    """What failed, and the sentences that print a value which is not there."""
    texts = [(v.rule, text) for v in result.verdicts for text in (v.subject, v.text)]
    texts += [(f.rule, text) for f in result.findings for text in (f.device, f.evidence)]
    texts += [("incident", str(incident)) for incident in result.incidents]
    return [*((f, "failed") for f in result.failures), *(one for one in texts if NOT_A_WORD.search(one[1]))]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("scenario", PLAYED)
def test_what_is_not_known_is_not_printed(scenario: str, share: float) -> None:
    for turn in range(4 if EVERY else 1):
        assert not unsaid(check(with_holes(home(scenario), share, f"{scenario} {share} {turn}")))


def test_a_real_capture_prints_nothing_that_is_not_there(shared_capture: Path) -> None:
    if not EVERY and shared_capture.stat().st_size > 100_000:
        pytest.skip("long ones: HANSCOPE_ALL_FAULTS=1")
    tables = tables_of(shared_capture, SHARED / "captures" / "keys.toml")
    for share in (0.0, 0.1):
        assert not unsaid(check(with_holes(tables, share, shared_capture.name)))


def test_missing_is_whichever_way_pandas_says_it() -> None:
    import pandas as pd

    for value in (None, float("nan"), pd.NA, pd.NaT, np.float64("nan")):
        assert missing(value) and said(value, "an unknown device") == "an unknown device"
    for value in (0, "", "nan", 0.0, False, [], np.int64(0)):
        assert not missing(value)
