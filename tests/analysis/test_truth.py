"""Every shared capture, decoded with the keys that are known, beside what tshark 4.0.17 read in it.

What differs must be of a kind that tests/known_differences.md explains.
"""

import csv
import gzip
from pathlib import Path

import pytest

from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import Decoded, decode
from analysis.tables.python_values import rows_of
from analysis.views.crosscheck import Crosscheck, Disagreement
from captures import open_capture

FLOOR = 0.999
KNOWN_FILE = Path(__file__).parent.parent / "known_differences.md"


def frames_of(path: Path) -> dict[int, bytes]:
    with open_capture(path) as capture:
        return {int(block.number[row]): block.octets(row) for block in capture for row in range(len(block))}


def sequence_suppression(octets: bytes, _: Disagreement) -> bool:
    control = int.from_bytes(octets[:2], "little")
    return bool(control >> 8 & 1) and control >> 12 & 3 < 2


def counter_suppression(octets: bytes, one: Disagreement) -> bool:
    control = int.from_bytes(octets[:2], "little")
    secured_2006 = bool(control >> 3 & 1) and control >> 12 & 3 == 1
    return one.field == "wpan.cmd" and secured_2006


KINDS = {
    "sequence-number-suppression": sequence_suppression,
    "frame-counter-suppression": counter_suppression,
}


def truth_of(shared: Path, capture: Path) -> list[dict[str, str]] | None:
    path = shared / "truth" / f"{capture.name}.tsv.gz"
    if not path.is_file():
        return None
    with gzip.open(path, "rt", errors="replace") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def compared(decoded: Decoded, truth: list[dict[str, str]]) -> Crosscheck:
    crosscheck = Crosscheck()
    rows = (row for batch in decoded.table("packets").to_batches() for row in rows_of(batch))
    for ours, theirs in zip(rows, truth, strict=True):
        assert str(ours["frame"]) == theirs["frame.number"]
        crosscheck.compare(ours, theirs)
    return crosscheck


@pytest.mark.shared
def test_capture_against_truth(shared: Path, shared_capture: Path) -> None:
    decoded = decode(shared_capture, read_keys(shared / "captures" / "keys.toml"))
    octets = frames_of(shared_capture)
    assert decoded.session.refused == {}
    assert [*decoded.packets.frame] == sorted(octets), "every record is one row, in order"
    truth = truth_of(shared, shared_capture)
    if truth is None:
        return
    crosscheck = compared(decoded, truth)
    assert crosscheck.share() >= FLOOR
    for one in crosscheck.disagreements:
        kinds = [name for name, explains in KINDS.items() if explains(octets[one.frame], one)]
        assert kinds, f"unexplained: {one}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_known_kind_is_argued(kind: str) -> None:
    assert f"`{kind}`" in KNOWN_FILE.read_text("utf-8")
