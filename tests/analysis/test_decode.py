"""From a capture to tables: every record a row, keys learnt in hindsight, any block size."""

import io
from pathlib import Path

import pandas as pd
import pytest

from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import DECODED_TABLES, decode
from analysis.tables.schema import columns_of
from captures import captured_frames, open_capture, write_capture
from dissectors.model.keyring import Keyring


@pytest.fixture(scope="module")
def captures_folder(shared: Path) -> Path:
    return shared / "captures"


@pytest.fixture(scope="module")
def keyring(captures_folder: Path) -> Keyring:
    return read_keys(captures_folder / "keys.toml")


def opened(path: Path, keyring: Keyring | None) -> int:
    packets = decode(path, keyring, tables=("packets",)).packets
    layers = [packets[f"{layer}_security"].isin(["ok", "replay"]) for layer in ("nwk", "aps")]
    return int((layers[0] | layers[1]).sum())


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("zbtk_trace.pcap", 53),
        ("whad_zigbee_philips_hue_association.pcap", 192),
        ("kb_control4-sample.pcap", 194),
    ],
)
def test_secured_frames_open(captures_folder: Path, keyring: Keyring, name: str, count: int) -> None:
    assert opened(captures_folder / name, keyring) == count


@pytest.mark.shared
def test_a_key_that_is_learnt_late_opens_what_came_before(captures_folder: Path) -> None:
    decoded = decode(captures_folder / "kb_control4-sample.pcap")
    assert decoded.packets.nwk_security.isin(["ok", "replay"]).sum() == 194
    (key,) = decoded.keys.to_dict("records")
    assert (key["kind"], key["first_frame"], key["frames_opened"]) == ("network", 151, 194)
    assert decoded.keys.key.isna().all()


@pytest.mark.shared
@pytest.mark.parametrize("size", [1, 2, 100, 777])
def test_block_size_changes_nothing(captures_folder: Path, size: int) -> None:
    path = captures_folder / "kb_control4-sample.pcap"
    whole, parts = decode(path), decode(path, block_frames=size)
    for table in DECODED_TABLES:
        left, right = whole.table(table), parts.table(table)
        assert left.to_pylist() == right.to_pylist(), table


@pytest.mark.shared
def test_streams_are_read_as_files_are(captures_folder: Path) -> None:
    path = captures_folder / "kb_control4-sample.pcap"

    class Pipe(io.RawIOBase):
        def __init__(self, octets: bytes) -> None:
            self.octets = io.BytesIO(octets)

        def readable(self) -> bool:
            return True

        def readinto(self, into: object) -> int:
            view = memoryview(into)[:1000]  # type: ignore[arg-type]
            return self.octets.readinto(view)

        def seekable(self) -> bool:
            return False

    for source in (io.BytesIO(path.read_bytes()), Pipe(path.read_bytes())):
        decoded = decode(source)  # type: ignore[arg-type]
        assert decoded.packets.nwk_security.isin(["ok", "replay"]).sum() == 194


@pytest.mark.shared
def test_frames_have_arrow_types_and_exact_addresses(captures_folder: Path, keyring: Keyring) -> None:
    decoded = decode(captures_folder / "whad_zigbee_philips_hue_association.pcap", keyring)
    for table in DECODED_TABLES:
        frame = decoded.frame(table)
        assert tuple(frame.columns) == columns_of(table)
        assert all(isinstance(kind, (pd.ArrowDtype, pd.CategoricalDtype)) for kind in frame.dtypes), table
    assert "00178801054399ce" in decoded.devices.eui64.to_list()
    assert decoded.session.refused == {}


@pytest.mark.shared
def test_limit_and_chosen_tables(captures_folder: Path) -> None:
    decoded = decode(captures_folder / "kb_control4-sample.pcap", limit=10, tables=("packets",))
    assert len(decoded.packets) == 10
    assert len(decoded.devices) == len(decoded.attributes) == 0


def test_records_without_a_radio_frame_are_rows_too() -> None:
    frames = io.BytesIO()
    write_capture(frames, [])
    frames.seek(0)
    decoded = decode(frames)
    assert len(decoded.packets) == 0 and len(decoded.devices) == 0


@pytest.mark.shared
def test_keys_in_the_capture_are_used_and_never_shown(
    captures_folder: Path, keyring: Keyring, tmp_path: Path
) -> None:
    source = captures_folder / "zbtk_trace.pcap"
    with open_capture(source) as capture:
        frames = [frame for block in capture for frame in captured_frames(block)]
    path = tmp_path / "with-keys.pcapng"
    write_capture(path, frames, secrets=[key for key in keyring.keys if key.kind == "network"])
    decoded = decode(path)
    assert decoded.packets.nwk_security.isin(["ok", "replay"]).sum() == 53
    assert decoded.keys.key.isna().all()


@pytest.mark.shared
def test_progress_is_told_block_by_block(captures_folder: Path) -> None:
    told: list[tuple[int, int | None, int]] = []
    path = captures_folder / "zleaks_st_top_testfile_smt_idle.pcapng"
    decoded = decode(path, tables=("packets",), progress=lambda *facts: told.append(facts), block_frames=4096)
    assert len(decoded.packets) == told[-1][2] == 24_042
    assert [position for position, _, _ in told] == sorted(position for position, _, _ in told)
    assert told[-1][:2] == (path.stat().st_size,) * 2
    assert len(told) >= 6
