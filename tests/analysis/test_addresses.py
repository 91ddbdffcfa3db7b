"""Addresses leave the program as text: hex digits of an EUI-64 or of a short address, however they leave."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hanscope as hs
from analysis.cli import main
from analysis.engine.checking import check
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from analysis.tables.addresses import address_text, row_with_addresses, text_schema, with_addresses
from analysis.tables.arrow import batch_of
from analysis.tables.output import FORMATS
from analysis.tables.schema import ADDRESS_COLUMNS, TABLES
from captures.simulated.scenarios.samples import FOLDER
from dissectors.model.field import Field
from tests.analysis.columns_page import PAGE, page

CAPTURE, KEYS = FOLDER / "install-day.pcapng", FOLDER / "install-day.keys.toml"
TOP = 2**64 - 1
ODD = [
    {"mac_src": 5, "mac_src_mode": "extended", "nwk_src": 0, "nwk_src_eui64": TOP},
    {"mac_src": 5, "mac_src_mode": "short", "nwk_src": 0xFFFF, "nwk_src_eui64": 0},
    {"mac_src": TOP, "mac_src_mode": "extended"},
    {"mac_src_mode": "none"},
    {"mac_src": 0x1A2B, "mac_src_mode": "short", "nwk_src": 0x1A2B, "beacon_epid": 0x0022080000000001},
]
WANTED: dict[str, list[str | None]] = {
    "mac_src": ["0000000000000005", "0005", "ffffffffffffffff", None, "1a2b"],
    "nwk_src": ["0000", "ffff", None, None, "1a2b"],
    "nwk_src_eui64": ["ffffffffffffffff", "0000000000000000", None, None, None],
    "beacon_epid": [None, None, None, None, "0022080000000001"],
}


@pytest.mark.parametrize("rows", [ODD, ODD[1:], ODD[3:4], []])
def test_odd_addresses(rows: list[dict[str, Any]]) -> None:
    batch = batch_of("packets", rows)
    first = len(ODD) - len(rows) if rows != ODD[3:4] else 3
    for content in (batch, pa.Table.from_batches([batch, batch.slice(1)]), pa.Table.from_batches([batch])):
        text = with_addresses("packets", content)
        assert text.schema == text_schema("packets")
        for name, values in WANTED.items():
            wanted = values[first : first + len(rows)]
            assert text.column(name).to_pylist()[: len(rows)] == wanted
        assert with_addresses("packets", text).equals(text)
    for row, number in zip(rows, range(first, first + len(rows)), strict=True):
        told = row_with_addresses("packets", row)
        assert {name: told.get(name) for name in WANTED} == {
            name: values[number] for name, values in WANTED.items()
        }


def test_chunks_of_other_lengths() -> None:
    batch = batch_of("packets", ODD)
    table = pa.Table.from_batches([batch, batch])
    modes = pa.chunked_array(pa.concat_arrays(table["mac_src_mode"].chunks).slice(at, 5) for at in (0, 5))
    odd = pa.chunked_array([modes.combine_chunks().slice(0, 3), modes.combine_chunks().slice(3)])
    table = table.set_column(table.schema.get_field_index("mac_src_mode"), "mac_src_mode", odd)
    assert with_addresses("packets", table)["mac_src"].to_pylist() == WANTED["mac_src"] * 2


def test_many_addresses_are_those_of_python() -> None:
    rng = np.random.default_rng(1)
    numbers = [
        int(n) >> int(s) for n, s in zip(rng.integers(0, 2**63, 500), rng.integers(0, 63, 500), strict=True)
    ]
    batch = batch_of("attributes", [{"frame": n, "source": value} for n, value in enumerate(numbers)])
    told = with_addresses("attributes", batch).column("source").to_pylist()
    assert told == [address_text(value) for value in numbers]


@pytest.fixture(scope="module")
def capture() -> Any:
    return hs.open(CAPTURE, keys=KEYS)


def test_frames_of_both_doors(capture: Any) -> None:
    decoded = decode(CAPTURE, read_keys(KEYS))
    for table, columns in TABLES.items():
        if table == "findings":
            continue
        for frame in (capture.table(table), decoded.frame(table)):
            for column in columns:
                if column.address:
                    values = frame[column.name].dropna()
                    assert values.str.fullmatch("[0-9a-f]{4}|[0-9a-f]{16}").all(), (table, column.name)
        texts = [column.name for column in columns if column.type in ("category", "string")]
        assert all(hasattr(decoded.frame(table)[name], "str") for name in texts)
    assert capture.packets.nwk_src.str.startswith("61").any()


def test_texts_of_frames_are_categories_of_the_words_that_occur(capture: Any) -> None:
    packets = capture.packets
    for name in ("mac_type", "protocol", "summary", "nwk_src", "nwk_key"):
        words = packets[name].dropna().astype("str")
        assert packets[name].sort_values().dropna().tolist() == sorted(words), name
    assert packets.mac_type.cat.categories.tolist() == ["", *sorted(set(packets.mac_type.dropna()))]
    assert set(packets.nwk_key.fillna("")) == {"", *packets.nwk_key.dropna()}
    same = packets[packets.nwk_src == packets.mac_src]
    assert 0 < len(same) < len(packets) and same.nwk_src.tolist() == same.mac_src.tolist()
    asked = packets[packets.summary.str.startswith("APS")]
    assert len(asked) and set(asked.protocol) == {"ZigBee APS"}
    nobody = packets[packets.nwk_src == "no address"]
    assert nobody.empty and nobody.mac_dst.str.len().sum() == 0


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_files_of_every_format(form: str, tmp_path: Path) -> None:
    words = ["decode", str(CAPTURE), "--keys", str(KEYS), "--out", str(tmp_path), "--format", form, "-q"]
    assert main(words) == 0
    wanted = hs.open(CAPTURE, keys=KEYS)
    for table in ("packets", "attributes", "devices"):
        path = tmp_path / (table + FORMATS[form][0])
        columns = [column.name for column in TABLES[table] if column.address]
        for name in columns:
            assert read(path, form, name) == wanted.table(table)[name].fillna("").tolist(), (
                table,
                name,
            )


def read(path: Path, form: str, name: str) -> list[str]:
    if form == "jsonl":
        return [json.loads(line).get(name, "") for line in path.read_text().splitlines()]
    if form in ("csv", "raw-csv"):
        return [row[name] for row in csv.DictReader(io.StringIO(path.read_text()))]
    table = pq.read_table(path) if form == "parquet" else pa.ipc.open_stream(path.read_bytes()).read_all()
    assert pa.types.is_dictionary(table.schema.field(name).type)
    return [value or "" for value in table[name].to_pylist()]


def test_json_of_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(CAPTURE), "--keys", str(KEYS), "--json"]
    main(["show", str(CAPTURE), "61", *given[1:]])
    shown = json.loads(capsys.readouterr().out)
    assert shown["columns"]["nwk_src"] == "61e9" and shown["columns"]["mac_dst"] == "0000"
    assert '"value": "90b3d5fffe0000a0"' in json.dumps(shown["fields"])
    main(["stats", *given])
    told = json.loads(capsys.readouterr().out)
    assert {one["source"] for one in told["conversations"]} >= {"0000", "61e9"}
    assert {one["eui64"] for one in told["devices"]} >= {"90b3d5fffe0000a0"}


def test_a_field_that_is_an_eui64_is_text_in_json() -> None:
    value = 0x0022080000000001
    told = [
        Field("source", value, "00:22:08:00:00:00:00:01", 0, 8).to_json()["value"],
        Field("counter", value, "", 0, 8).to_json()["value"],
        Field("counter", value, "0022080000000001", 0, 4).to_json()["value"],
    ]
    assert told == ["0022080000000001", value, value]


def test_the_page_of_columns_is_that_of_the_schema() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.analysis.columns_page"


def test_what_holds_addresses_is_said() -> None:
    assert {"nwk_src", "eui64", "source", "mac_dst", "originator"} <= ADDRESS_COLUMNS
    assert "mac_dst_pan" not in ADDRESS_COLUMNS


def test_keys_toml_takes_what_tables_give(tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    for text, number in (('"1234"', 0x1234), ('"00ab"', 0xAB), ("0x1234", 0x1234), ('"0x1234"', 0x1234)):
        keys.write_text(f'[[device]]\neui64 = "000d6f0000000001"\nshort = {text}\npan = 1\n')
        assert read_keys(keys).addresses == {(1, number): 0x000D6F0000000001}


def test_rules_take_tables_whose_addresses_are_text() -> None:
    """What `decode` and files give can be judged as it is: pandas frames, and Arrow tables read from Parquet."""
    decoded = decode(CAPTURE, read_keys(KEYS))
    here = check(decoded)
    assert len(here.verdicts) > 100
    frames = {name: decoded.frame(name) for name in decoded.arrow}
    assert isinstance(frames["packets"]["nwk_src_eui64"].dropna().iloc[0], str)
    arrow = {name: with_addresses(name, table) for name, table in decoded.arrow.items()}
    for tables in (frames, arrow):
        there = check(tables)
        assert (there.findings, there.verdicts) == (here.findings, here.verdicts)


def test_a_text_that_is_no_address_is_an_error_with_its_column() -> None:
    decoded = decode(CAPTURE, read_keys(KEYS))
    packets = decoded.frame("packets").assign(nwk_src_eui64="gas meter")
    with pytest.raises(ValueError, match="nwk_src_eui64: 'gas meter' is no address"):
        check({"packets": packets})
