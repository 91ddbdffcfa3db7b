"""Frames say which message they carry, whole or a piece: the same whatever the size of blocks, streamed or not."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.cli.verbs.demo import FAULTS, SECONDS, STORY
from analysis.keys.homes import keys_of_home
from analysis.pipeline.carried import REACH, CarriedMessages, Cells
from analysis.pipeline.decode import Decoded, decode
from analysis.pipeline.folder_sink import FolderSink
from analysis.pipeline.runner import run_passes
from analysis.tables.arrow import batch_of
from analysis.tables.batches import batch_with_cells, in_words
from analysis.tables.output import Folder
from analysis.tables.vocabulary import Vocabulary
from captures.simulated.scenarios import simulate
from dissectors import Keyring
from dissectors.gbcs import dissect_message
from dissectors.model import Piece

HOMES: dict[str, dict[str, Any]] = {
    STORY: {"seconds": SECONDS, "faults": FAULTS},
    "proving-exercise": {"seconds": 2400},
    "change-of-supplier": {"seconds": 5400},
    "prepayment": {"seconds": 7200, "faults": ("truncated-tunnel",)},
}


@cache
def home(name: str) -> Any:
    return simulate(name, **HOMES[name])


@cache
def decoded(name: str) -> Decoded:
    return decode(home(name))


@pytest.mark.parametrize("name", HOMES)
def test_packets_and_messages_join_by_frame(name: str) -> None:
    packets, messages = decoded(name).packets, decoded(name).messages
    expected = {
        int(frame): int(number)
        for number, frames in zip(messages.message, messages.frames, strict=True)
        for frame in frames
    }
    told = packets.dropna(subset=["message"])
    found = dict(zip(told.frame.astype(int), told.message.astype(int), strict=True))
    assert len(expected) > 10
    assert {frame: found.get(frame) for frame in expected} == expected
    others = told[~told.frame.isin(list(expected))]
    assert others.summary.str.endswith(", again").all(), "frames that repeat others"


@pytest.mark.parametrize("name", HOMES)
def test_each_of_these_frames_names_the_use_case(name: str) -> None:
    messages = decoded(name).messages.set_index("message")
    told = decoded(name).packets.dropna(subset=["message"])
    for row in told.itertuples():
        use_case, kind = messages.use_case[row.message], messages.cra[row.message]
        if isinstance(use_case, str):
            assert row.protocol == "GBCS" and row.summary.startswith(f"{use_case} {kind}"), row.summary


def test_the_demo_speaks_the_words_of_the_field() -> None:
    said = decoded(STORY).packets.set_index("frame").summary
    assert said[1417] == "ECS52 command 2 of 2 fragments, Supplier to Electricity meter: MAC invalid"
    assert said[137] == "ECS70 response 1 of 3 fragments, Electricity meter to Supplier: success"
    assert said[1421].endswith(": Trusted Source Authentication Failure")
    assert decoded(STORY).packets.protocol.value_counts()["GBCS"] == 56


def test_a_message_that_never_becomes_whole_is_told_from_its_header() -> None:
    packets = decoded("prepayment").packets
    rest = packets[packets.summary.str.contains("incomplete", na=False)]
    assert len(rest) and (rest.protocol == "GBCS").all()


@pytest.mark.parametrize("block_frames", [7, 500])
def test_the_size_of_blocks_does_not_matter(block_frames: int) -> None:
    whole = decoded(STORY)
    parts = decode(home(STORY), block_frames=block_frames)
    for table in ("packets", "messages"):
        assert parts.table(table).to_pylist() == whole.table(table).to_pylist()


def test_messages_are_told_when_only_packets_are_wanted() -> None:
    alone = decode(home(STORY), tables=("packets",)).table("packets").drop_columns("exchange")
    assert alone.to_pylist() == decoded(STORY).table("packets").drop_columns("exchange").to_pylist()


def test_a_piece_too_far_before_its_message_is_not_told_it() -> None:
    carried, message = CarriedMessages(), dissect_message(bytes.fromhex("dd0000"))
    carried.note_message(message, 1, ((1, 2, REACH + 2), (1, 2, 3)), REACH + 2, Keyring())
    assert {frame: cells.message for frame, cells in carried.taken(1, REACH + 2, Keyring()).items()} == {
        2: 1,
        REACH + 2: 1,
    }


def test_what_has_left_is_missed_and_what_repeats_is_told() -> None:
    carried = CarriedMessages()
    assert carried.taken(1, 5, Keyring()) == {}
    carried.note_message(dissect_message(b""), 7, ((5, 6), (1, 2)), 6, Keyring())
    carried.note_piece(Piece("unknown", place=2, repeats=6), 8)
    assert carried.missed == 5
    found = carried.taken(6, 8, Keyring())
    assert found == {6: Cells(7, "GBCS"), 8: Cells(7, "GBCS")}
    assert not carried.cells and list(carried.repeated) == [5, 6]


def test_what_is_written_block_by_block_is_the_same(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    folder = Folder(tmp_path, "parquet", ("packets", "messages"))
    run_passes(home(STORY), keys_of_home(home(STORY)), FolderSink(folder), block_frames=300)
    written = pq.read_table(tmp_path / "packets.parquet").drop_columns("exchange")
    assert written.to_pylist() == decoded(STORY).table("packets").drop_columns("exchange").to_pylist()


def test_cells_find_their_rows_when_the_words_began_anew() -> None:
    vocabulary = Vocabulary()
    rows = [{"frame": number, "summary": f"said {number}"} for number in (7, 8, 9)]
    batch = in_words("packets", batch_of("packets", rows), vocabulary)
    for words in (vocabulary, Vocabulary()):
        found = batch_with_cells(
            "packets",
            batch,
            {"summary": (np.array([1]), ["other"]), "message": (np.array([0, 2]), [4, 5])},
            words,
        )
        assert found.column("summary").to_pylist() == ["said 7", "other", "said 9"]
        assert found.column("message").to_pylist() == [4, None, 5]
        assert found.column("frame").equals(batch.column("frame"))
