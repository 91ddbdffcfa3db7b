"""The door: every batch has the schema's columns and types, and integers stay integers."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from analysis.tables.arrow import (
    SchemaError,
    arrow_schema,
    batch_of,
    check_batch,
    empty_table,
)
from analysis.tables.schema import TABLES, columns_of
from analysis.tables.vocabulary import DictionaryBuilder

TOP = 2**64 - 1


@pytest.mark.parametrize("table", TABLES)
def test_empty_tables_keep_their_types(table: str) -> None:
    assert empty_table(table).schema == arrow_schema(table)
    batch = batch_of(table, [])
    batch.validate(full=True)
    assert tuple(check_batch(table, batch).schema.names) == columns_of(table)


def test_values_of_every_type() -> None:
    rows = [{"frame": 1, "time": 5, "mac_src": TOP, "fcs_ok": True, "rssi": -3, "summary": "é"}, {"frame": 2}]
    batch = batch_of("packets", rows)
    batch.validate(full=True)
    first, second = batch.to_pylist()
    assert first["mac_src"] == TOP and first["rssi"] == -3 and first["summary"] == "é" and first["fcs_ok"]
    assert all(value is None for name, value in second.items() if name != "frame")
    lists = batch_of("messages", [{"frames": [1, TOP]}, {"frames": None}, {"frames": []}])
    lists.validate(full=True)
    assert lists.column("frames").to_pylist() == [[1, TOP], None, []]


@pytest.mark.parametrize(
    "row", [{"mac_seq": 256}, {"mac_seq": 1.0}, {"summary": 3}, {"fcs_ok": 7}, {"color": 1}]
)
def test_what_does_not_fit_is_refused_or_told(row: dict[str, object]) -> None:
    with pytest.raises(SchemaError):
        batch_of("packets", [row])
    told: list[str] = []
    batch = batch_of("packets", [{"frame": 1, **row}], lambda where, _: told.append(where))
    assert told == [f"packets.{next(iter(row))}"]
    assert batch.column("frame").to_pylist() == [1]


def test_text_that_is_no_unicode_stays_readable_and_distinct() -> None:
    odd = ["a\udc80", "a?", "a\udc80", "a\\udc80", None, "\ud800"]
    rows = [{"message": n, "object": text, "value": text} for n, text in enumerate(odd)]
    batch = batch_of("items", rows)
    batch.validate(full=True)
    sound = ["a\\udc80", "a?", "a\\udc80", "a\\udc80", None, "\\ud800"]
    assert batch.column("value").to_pylist() == sound
    assert batch.column("object").to_pylist() == sound
    words = batch.column("object").dictionary.to_pylist()
    assert len(set(words)) == len(words), "pandas refuses a category twice"


def test_a_vocabulary_holds_no_word_twice() -> None:
    words = DictionaryBuilder()
    assert words.code("a\udc80") == words.code("a\\udc80") == words.code("a\udc80") != words.code("a?")
    assert words.dictionary().to_pylist() == ["a\\udc80", "a?"]


def test_a_wrong_type_does_not_pass() -> None:
    batch = batch_of("keys", [])
    wrong = batch.set_column(3, "first_frame", pa.array([], pa.float64()))
    with pytest.raises(SchemaError, match="first_frame"):
        check_batch("keys", wrong)


def test_making_batches_does_not_load_pandas() -> None:
    code = (
        "import sys; from analysis.tables.arrow import batch_of;"
        "batch_of('packets', [{'frame': 1, 'summary': 'x', 'fcs_ok': True}]);"
        "batch_of('messages', [{'frames': [1]}]); sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_only_words_that_a_row_uses_get_a_code() -> None:
    words, verdicts = DictionaryBuilder(), ("none", "ok", "no_key", "bad_mic")
    mask = np.array([True, False, True, True])
    codes = words.recoded(verdicts, np.array([2, 0, 1, 2]), mask)
    assert words.texts == ["ok", "no_key"]
    assert [words.texts[code] for code in codes[mask]] == ["no_key", "ok", "no_key"]
    codes = words.recoded(verdicts, np.array([0, 3, 1, 2]), np.array([True, False, False, False]))
    assert words.texts == ["ok", "no_key", "none"] and words.texts[codes[0]] == "none"
