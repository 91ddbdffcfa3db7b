"""Tables to files: the texts are those of Python's own writers, and a run that fails leaves nothing."""

import csv
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import DECODED_TABLES, Decoded, decode
from analysis.tables.addresses import row_with_addresses
from analysis.tables.arrow import arrow_schema, batch_of
from analysis.tables.output import FORMATS, Folder
from analysis.tables.python_values import plain_columns, rows_of
from captures.simulated.scenarios.samples import FOLDER, SAMPLES
from dissectors.text.display import csv_cell, json_text

TEXT_FORMS = ("csv", "raw-csv", "jsonl")
ODD = (
    {"value": "a,b", "number": 1.0, "meaning": 'say "x"', "frame": 1, "time": -1, "cluster_name": "a\r\nb"},
    {"value": "", "number": -0.0, "meaning": "\\ \x01 \x7f \u2028 \U0001f600", "cluster_name": '","'},
    {"value": "line\nbreak", "number": math.nan, "scaled": math.inf, "unit": "", "status": 255},
    {"number": 0.0, "scaled": -math.inf, "value": " lead", "source": 2**64 - 1, "time": 2**63 - 1},
    {"number": 1e-7, "scaled": 1e16, "value": "\udc80", "time": -(2**63) + 1, "attribute": 0},
    {},
    {"value": "=1+1", "meaning": "-5", "cluster_name": "@SUM(A1)", "number": -5.0, "unit": "-A1"},
    {"value": "\x1b[2J", "meaning": "+44", "cluster_name": " =1", "unit": "\u202e"},
    {"number": 5e-324, "scaled": 123456789.123, "value": "é", "time": 999_999_999, "frame": 7},
)


def row_by_row(form: str, table: str, batches: list[Any]) -> bytes:
    """What the formats are defined by: `csv.writer` and `json_text`, a row at a time; JSON has no infinity."""
    text = io.StringIO()
    if form == "jsonl":
        for row in (row for batch in batches for row in rows_of(batch)):
            told = {k: v for k, v in row.items() if not isinstance(v, float) or math.isfinite(v)}
            text.write(json_text(row_with_addresses(table, told)) + "\n")
        return text.getvalue().encode()
    writer = csv.writer(text)
    writer.writerow(arrow_schema(table).names)
    for batch in batches:
        named = dict(plain_columns(batch))
        rows = [
            row_with_addresses(table, dict(zip(named, row, strict=True)))
            for row in zip(*named.values(), strict=True)
        ]
        columns = [[row[name] for row in rows] for name in named]
        if form == "csv":
            columns = [[csv_cell(v) if isinstance(v, str) else v for v in c] for c in columns]
        columns = [[" ".join(map(str, v)) if isinstance(v, list) else v for v in c] for c in columns]
        writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def written(form: str, table: str, batches: list[Any]) -> bytes:
    file = io.BytesIO()
    writer = FORMATS[form][1](file, table)
    for batch in batches:
        writer.write(batch)
    writer.close()
    return file.getvalue()


def assert_same_texts(decoded: Decoded) -> None:
    for table in DECODED_TABLES:
        batches = decoded.table(table).to_batches(max_chunksize=500)
        for form in TEXT_FORMS:
            assert written(form, table, batches) == row_by_row(form, table, batches), (table, form)


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_texts_of_the_samples(sample: str) -> None:
    ring = read_keys(FOLDER / f"{sample}.keys.toml")
    assert_same_texts(decode(FOLDER / f"{sample}.pcapng", ring))


def test_texts_of_shared_captures(shared: Path) -> None:
    captures = sorted(p for p in (shared / "captures").rglob("*") if p.suffix in (".pcap", ".pcapng", ".dcf"))
    for path in captures[::6]:
        assert_same_texts(decode(path, limit=400))


@pytest.mark.parametrize("form", TEXT_FORMS)
@pytest.mark.parametrize("rows", [ODD, ODD[5:6], ODD[::-1], ODD * 40, ()])
def test_odd_values(form: str, rows: tuple[dict[str, Any], ...]) -> None:
    batch = batch_of("attributes", rows)
    for batches in ([batch], [batch, batch.slice(1), batch], [batch.slice(i, 1) for i in range(len(batch))]):
        assert written(form, "attributes", batches) == row_by_row(form, "attributes", batches)


def numbers(seed: int) -> Iterator[float]:
    """Floating point numbers of every size: whole, with few digits, with all."""
    random = Random(seed)
    for power in range(-8, 20):
        for digits in (0, 1, 3, 17):
            yield round(random.uniform(-1, 1) * 10.0**power, digits)
            yield float(random.randrange(-(10 ** max(power, 1)), 10 ** max(power, 1)))


@pytest.mark.parametrize("form", TEXT_FORMS)
def test_values_that_seldom_repeat(form: str) -> None:
    """So many rows and values that each way of writing is taken: once for all alike, by Arrow, by Python."""
    random, few = Random(5), ("a", "b,c", "=d", None)
    rows = [
        {
            "frame": row,
            "time": random.randrange(-(10**18), 10**18),
            "number": number,
            "scaled": number / 1000 if row % 3 else None,
            "value": str(number) if row % 5 else None,
            "meaning": random.choice((f"{row}", f'"{row}"', f"-{row}", f"{row}, {row}", "", None)),
            "cluster_name": random.choice(few),
            "unit": random.choice(few),
            "status": random.choice((0, 255, None)),
        }
        for row, number in enumerate(number for seed in range(12) for number in numbers(seed))
    ]
    batch = batch_of("attributes", rows)
    assert written(form, "attributes", [batch]) == row_by_row(form, "attributes", [batch])


def test_json_has_no_infinity() -> None:
    """A number that JSON has none for is left out; its text says it."""
    rows = [
        {"frame": row, "value": str(number), "number": number} for row, number in enumerate((1.5, math.inf))
    ]
    batches = [batch_of("attributes", rows[some]) for some in (slice(0, 2), slice(1, 2))]
    lines = written("jsonl", "attributes", batches).decode().splitlines()
    found = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert [(one["value"], one.get("number")) for one in found] == [
        ("1.5", 1.5),
        ("inf", None),
        ("inf", None),
    ]


@pytest.mark.parametrize("form", TEXT_FORMS)
def test_lists(form: str) -> None:
    batch = batch_of("messages", [{"message": 1, "frames": [1, 2, 3]}, {"frames": []}, {"message": 3}])
    assert written(form, "messages", [batch]) == row_by_row(form, "messages", [batch])


def test_parquet_holds_what_arrow_holds(tmp_path: Path) -> None:
    sample = FOLDER / "gbcs-messages.pcapng"
    decoded = decode(sample, read_keys(FOLDER / "gbcs-messages.keys.toml"))
    folder = Folder(tmp_path, "parquet", DECODED_TABLES)
    folder.begin()
    for table in DECODED_TABLES:
        for batch in decoded.table(table).to_batches():
            folder.write(table, batch)
    for place in folder.finish():
        assert pq.read_table(place).equals(decoded.table(place.stem)), place.stem


def test_an_error_of_the_writing_thread_is_raised_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    folder = Folder(tmp_path, "csv", ("packets",))
    batch = batch_of("packets", [{"frame": 1}])
    folder.begin()
    folder.write("packets", batch)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr("analysis.tables.text_output.Csv.write", full)
        for _ in range(50):
            folder.write("packets", batch)
        folder.finish()
    folder.abandon()
    assert list(tmp_path.iterdir()) == []
    folder.begin()
    folder.write("packets", batch)
    assert [place.name for place in folder.finish()] == ["packets.csv"]


def batches_and_then(error: BaseException) -> Iterator[tuple[str, Any]]:
    for number in range(1, 30):
        yield "packets", batch_of("packets", [{"frame": number}])
    raise error


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("decoder")])
def test_an_interrupted_run_leaves_nothing(form: str, error: BaseException, tmp_path: Path) -> None:
    folder = Folder(tmp_path, form, ("packets",))
    folder.begin()
    with pytest.raises(type(error)):
        for table, batch in batches_and_then(error):
            folder.write(table, batch)
    folder.abandon()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_full_disk_leaves_nothing(form: str, tmp_path: Path) -> None:
    code = (
        "import resource, sys; from analysis.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)); sys.exit(main(sys.argv[1:]))"
    )
    words = ["decode", str(FOLDER / "install-day.pcapng"), "--out", str(tmp_path), "--format", form, "-q"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 3 and done.stderr.startswith(f"error: {tmp_path}{os.sep}")
    assert done.stderr.count("\n") == 1 and done.stderr.endswith(": File too large\n")
    assert list(tmp_path.iterdir()) == []
