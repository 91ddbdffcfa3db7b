"""Words of text columns begin anew when there are too many: nobody sees it in tables, files, windows and findings."""

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.engine.checking import check_capture
from analysis.keys.keyfile import read_keys
from analysis.pipeline import windows
from analysis.pipeline.decode import Decoded, TableSink, decode
from analysis.pipeline.passes import DECODED_TABLES, DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.windows import Window, WindowSink
from analysis.tables import vocabulary
from analysis.tables.arrow import batch_of
from analysis.tables.batches import appended, in_one_code
from analysis.tables.output import FORMATS
from analysis.tables.vocabulary import DictionaryBuilder, Vocabulary
from captures.simulated.scenarios.samples import FOLDER
from dissectors.model.keyring import Keyring
from dissectors.zigbee.columns import frames
from dissectors.zigbee.columns.frames import SummaryWords

FEW = 3
SAMPLE = "install-day"


def sample() -> tuple[Path, Keyring]:
    return FOLDER / f"{SAMPLE}.pcapng", read_keys(FOLDER / f"{SAMPLE}.keys.toml")


@pytest.fixture
def few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MOST_WORDS", FEW)
    monkeypatch.setattr(frames, "KEPT", FEW)


def written(form: str) -> dict[str, bytes]:
    """The tables of the sample, as they are written while it is read in short blocks."""
    sink = TableSink()
    run_passes(*sample(), sink, block_frames=20)
    files = {table: io.BytesIO() for table in DECODED_TABLES}
    for table, file in files.items():
        writer = FORMATS[form][1](file, table)
        for batch in sink.batches.get(table, ()):
            writer.write(batch)
        writer.close()
    return {table: file.getvalue() for table, file in files.items()}


def plain(decoded: Decoded) -> dict[str, list[Any]]:
    return {table: decoded.table(table).to_pylist() for table in DECODED_TABLES}


def read_back(form: str, octets: bytes) -> list[Any]:
    file = io.BytesIO(octets)
    table = pq.read_table(file) if form == "parquet" else pa.ipc.open_stream(file).read_all()
    rows: list[Any] = table.to_pylist()
    return rows


def test_tables_and_frames_are_the_same(few_words: None) -> None:
    few = decode(*sample(), block_frames=20)
    words = few.session.context.state(Vocabulary)
    # Exchanges that the end of the capture closes come behind its last block.
    kept = [one for (table, _), one in words._words.items() if table != "exchanges"]
    assert all(len(one.texts) <= FEW for one in kept)
    assert len(few.session.context.state(SummaryWords).codes) <= FEW + 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "MOST_WORDS", 1 << 20)
        patch.setattr(frames, "KEPT", 1 << 20)
        many = decode(*sample())
    assert plain(few) == plain(many)
    for table in DECODED_TABLES:
        assert few.frame(table).astype(object).equals(many.frame(table).astype(object))


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_the_same(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = written(form)
    monkeypatch.setattr(vocabulary, "MOST_WORDS", FEW)
    monkeypatch.setattr(frames, "KEPT", FEW)
    found = written(form)
    for table in DECODED_TABLES:
        if form in ("parquet", "arrow"):
            assert read_back(form, found[table]) == read_back(form, expected[table]), table
        else:
            assert found[table] == expected[table], table


def test_windows_and_findings_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "ROWS_KEPT", 3)
    kept, findings = [], []
    for most in (1 << 20, FEW):
        monkeypatch.setattr(vocabulary, "MOST_WORDS", most)
        parts: list[Window] = []

        class Parts(WindowSink):
            def restart(self, decode_pass: DecodePass, parts: list[Window] = parts) -> None:
                super().restart(decode_pass)
                parts.clear()

        run_passes(*sample(), Parts(parts.append, 40), block_frames=20)
        kept.append([(part.tables["commands"].to_pylist(), part.longer.to_pylist()) for part in parts])
        findings.append(check_capture(*sample()).result.findings)
    assert kept[0] == kept[1] and len(kept[0]) > 3
    assert findings[0] == findings[1]


def test_dictionaries_share_their_memory_and_stay_as_they_were() -> None:
    words, given = DictionaryBuilder(), []
    for number in range(3000):
        words.code(f"word {number} é")
        if number % 100 == 0:
            given.append((number + 1, words.dictionary()))
    for count, dictionary in given:
        dictionary.validate(full=True)
        assert dictionary.to_pylist() == [f"word {number} é" for number in range(count)]
    places = {dictionary.buffers()[2].address for _, dictionary in given}
    assert len(places) < 10, "one memory, and copies in twice the room"


def test_a_column_begins_anew_by_its_words_or_its_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MOST_OCTETS", 100)
    words = Vocabulary()
    words.words("packets", "summary").code("x" * 101)
    words.words("packets", "issue").code("x" * 99)
    for column in ("summary", "issue"):
        words.words("packets", column).dictionary()
    words.keep_within()
    assert words.words("packets", "summary").texts == []
    assert words.words("packets", "issue").texts == ["x" * 99]


def test_pieces_of_a_block_become_one_batch_whatever_their_words() -> None:
    rows = [
        {"frame": n, "summary": text, "value": text} for n, text in enumerate(["a", "b", None, "a", "c", ""])
    ]
    rows = [{k: v for k, v in row.items() if k != "value"} for row in rows]
    for cuts in itertools.combinations(range(7), 2):
        parts = [
            batch_of("packets", part) for part in (rows[: cuts[0]], rows[cuts[0] : cuts[1]], rows[cuts[1] :])
        ]
        whole = appended("packets", parts)
        whole.validate(full=True)
        assert whole.to_pylist() == batch_of("packets", rows).to_pylist()
        codes = in_one_code([part.column("summary") for part in parts])
        assert [one.to_pylist() for one in codes] == [part.column("summary").to_pylist() for part in parts]
        assert np.unique([one.dictionary.to_pylist() for one in codes], axis=0).shape[0] == 1
