"""Every real capture: as many rows as tshark has frames, with its lengths and times."""

import gzip
import io
import json
import random
from pathlib import Path

import numpy as np
import pytest

from captures import CaptureError, FrameBlock, TrailerKind, open_capture


def read(path: Path) -> tuple[list[FrameBlock], str]:
    with open_capture(path) as capture:
        blocks = list(capture)
        assert not capture.lost
        return blocks, capture.trailer_judgement


def truth(shared: Path, path: Path) -> list[list[str]]:
    file = shared / "truth" / f"{path.name}.tsv.gz"
    if not file.is_file():
        pytest.skip("tshark cannot read this file")
    lines = gzip.decompress(file.read_bytes()).decode("utf-8", "replace").split("\n")
    return [line.split("\t") for line in lines[1:] if line]


def nanoseconds(epoch: str) -> int:
    seconds, _, fraction = epoch.partition(".")
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9])


def test_rows_times_and_lengths_are_those_of_tshark(shared: Path, shared_capture: Path) -> None:
    rows = truth(shared, shared_capture)
    if shared_capture.suffix not in {".pcap", ".pcapng"}:
        pytest.skip("tshark takes the trailer off while reading")
    blocks, _ = read(shared_capture)
    times = np.concatenate([block.time_ns for block in blocks]).tolist()
    captured = np.concatenate([block.record_length for block in blocks]).tolist()
    wire = np.concatenate([block.wire_length for block in blocks]).tolist()
    assert times == [nanoseconds(row[1]) for row in rows]
    assert wire == [int(row[2]) for row in rows]
    assert captured == [int(row[3]) for row in rows]


def test_zleaks_trailers_are_judged_without_being_told(shared_capture: Path) -> None:
    if "zleaks" not in shared_capture.name:
        pytest.skip("not of this set")
    blocks, judgement = read(shared_capture)
    kinds = {int(kind) for block in blocks for kind in block.trailer}
    real = "lock_schlage_event" in shared_capture.name and "echo" in shared_capture.name
    assert kinds == {TrailerKind.FCS16 if real else TrailerKind.TI}, judgement


def test_damaged_real_captures(shared_capture: Path) -> None:
    """Cuts and changed octets at places drawn by the file's name: never anything but our own error."""
    data = shared_capture.read_bytes()[:60_000]
    drawn = random.Random(shared_capture.name)
    for _ in range(8):
        at, value = drawn.randrange(len(data)), drawn.randrange(256)
        for damaged in (data[:at], data[:at] + bytes([value]) + data[at + 1 :]):
            try:
                with open_capture(io.BytesIO(damaged)) as capture:
                    rows = sum(len(block) for block in capture)
                    assert rows or capture.lost or at < 100
            except CaptureError as error:
                assert shared_capture.suffix == ".cubx" or at < 200, error


def test_keys_inside_ubiqua_files(shared: Path, shared_capture: Path) -> None:
    if shared_capture.suffix != ".cubx":
        pytest.skip("not of Ubiqua")
    expected = json.loads((shared / "captures" / "cubx_keys.json").read_text())[shared_capture.name]
    with open_capture(shared_capture) as capture:
        rows = sum(len(block) for block in capture)
        assert [[key.value.hex(), f"{key.kind.title()}Key"] for key in capture.secrets] == expected
    with open_capture(shared_capture.with_name(shared_capture.stem + "_conv.pcap")) as converted:
        assert rows == sum(len(block) for block in converted)
