"""The inspector without a terminal: panes are linked, filters colour their box, keys stay hidden."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from copy import copy
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("textual")

from textual.pilot import Pilot
from textual.widgets import Input, Static, Tab, Tabs

from analysis.cli import main
from analysis.inspector.app import FieldTree, Inspector
from analysis.inspector.help import Help
from analysis.inspector.hexadecimal import LIT, HexPane, hex_text, offset_at
from analysis.inspector.model import STATES, Inspected
from analysis.inspector.notes import Notes
from analysis.inspector.packet_list import ROWS, PacketList, legend
from analysis.keys.keyfile import read_keys_text
from analysis.pipeline.decode import MessageSink
from analysis.pipeline.message_store import MessageStore
from analysis.pipeline.runner import run_passes
from analysis.pipeline.source import ReopenableSource
from analysis.views.filters import FilterError
from captures import write_capture
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import captured


@cache
def capture() -> tuple[bytes, str]:
    han = simulate("install-day", seed=4, seconds=100)
    file = io.BytesIO()
    write_capture(file, captured(han))
    return file.getvalue(), keys_text(han)


@cache
def opened() -> Inspected:
    octets, keys = capture()
    with ReopenableSource(io.BytesIO(octets)) as replay:
        return Inspected.read(replay, read_keys_text(keys))


def model() -> Inspected:
    fresh = copy(opened())
    fresh.notes = Notes()
    return fresh


Story = Callable[[Inspector, Pilot[None]], Awaitable[None]]


def play(story: Story, *, reveal: bool = False, where: str = "") -> None:
    async def run() -> None:
        app = Inspector(model(), reveal=reveal, where=where)
        async with app.run_test(size=(150, 44)) as pilot:
            await pilot.pause()
            await story(app, pilot)

    asyncio.run(run())


def octets_shown(app: Inspector) -> str:
    return str(app.query_one("#hex", Static).render())


def lit(app: Inspector) -> str:
    """The octets that are highlighted, in hex."""
    view = app.query_one("#hex", Static)
    text = hex_text(b"", (0, 0))
    assert text.plain == ""
    content = view.content
    return "".join(
        content.plain[span.start : span.end]
        for span in content.spans
        if str(span.style) == LIT and content.plain[span.start : span.end].strip()
    )


def test_a_row_has_a_tree_and_a_field_its_octets() -> None:
    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        packets, tree = app.query_one(PacketList), app.query_one("#tree", FieldTree)
        row = next(r for r in range(len(app.model)) if "Transport Key" in app.model.cells(r))
        packets.choose(row)
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert [tab.id for tab in app.query_one("#buffers", Tabs).query(Tab)] == [
            "frame",
            "decrypted-0",
            "record",
        ]
        nodes = [node for node in _nodes(tree.root) if node.data is not None]
        counter = next(node for node in nodes if node.data.name == "frame_counter")
        tree.move_cursor(counter)
        await pilot.pause()
        field = counter.data
        assert app.query_one("#buffers", Tabs).active == field.buffer == "frame"
        raw = app.buffers["frame"][field.offset : field.end]
        assert lit(app).startswith(raw.hex())
        inner = next(node for node in nodes if node.data.name == "key_type")
        tree.move_cursor(inner)
        await pilot.pause()
        assert app.query_one("#buffers", Tabs).active == "decrypted-0"
        assert lit(app).startswith(f"{app.buffers['decrypted-0'][inner.data.offset]:02x}")
        key = next(node.data for node in nodes if node.data.secret)
        assert "**" in octets_shown(app) and key.value.hex(" ")[:20] not in octets_shown(app)
        assert key.value.hex() not in "".join(str(node.label) for node in nodes)

    play(story)


def _nodes(node: object) -> list:  # type: ignore[type-arg]
    return [node, *(below for child in node.children for below in _nodes(child))]  # type: ignore[attr-defined]


def test_keys_of_the_keyboard() -> None:
    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        packets = app.query_one(PacketList)
        await pilot.press("j", "j", "k")
        assert packets.cursor == 1
        await pilot.press("m", "G")
        assert packets.cursor == len(app.model) - 1 and app.model.notes.marks == {2}
        await pilot.press("left_square_bracket")
        assert packets.cursor == 1
        await pilot.press("g", "slash", *"zigbee aps", "enter")
        assert "ZigBee APS" in app.model.cells(packets.cursor)
        first = packets.cursor
        await pilot.press("n")
        assert packets.cursor > first
        await pilot.press("N")
        assert packets.cursor == first
        await pilot.press("question_mark")
        assert isinstance(app.screen, Help)
        await pilot.press("escape")
        assert not isinstance(app.screen, Help)
        await pilot.press("enter", "j", "j", "h", "l")
        assert app.field is not None
        await pilot.press("q")
        assert not app.is_running or app._exit

    play(story)


def test_filter_is_green_or_red() -> None:
    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        box, whole = app.query_one("#filter", Input), len(app.model)
        assert box.has_class("good") and 0 < len(app.model) < 1000
        assert all("ZCL" in app.model.cells(row) for row in range(len(app.model)))
        await pilot.press("f")
        box.value = "protocol == "
        await pilot.pause()
        assert box.has_class("bad") and len(app.model) == whole
        assert "value" in str(app.query_one("#wrong", Static).render())
        box.value = "summary contains 'no such thing'"
        await pilot.pause()
        assert box.has_class("good") and len(app.model) == 0
        await pilot.press("escape", "j", "m", "n", "]")
        await pilot.press("escape")
        assert len(app.model) == len(app.model.packets) and not box.has_class("good")

    play(story, where="protocol == ZCL")


def test_model() -> None:
    found = model()
    security = set(found.packets.security.dropna())
    assert "ok" in security and security <= {"", "ok", "no key", "bad MIC", "replay"}
    named = found.packets.source.dropna().tolist()
    assert any(not name.startswith("0x") for name in named)
    with pytest.raises(FilterError):
        found.filter("nothing == 1")
    assert found.filter("source contains x or frame == 3") is not None
    assert found.row_of(3) is not None
    text = hex_text(bytes(range(20)), (3, 18), [(4, 6)])
    assert "** **" in text.plain and len(text.plain.splitlines()) == 2


def test_calm_without_textual_or_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(capture()[0])
    assert main(["inspect", str(path)]) == 2
    assert "terminal" in capsys.readouterr().err
    monkeypatch.setattr("analysis.cli.verbs.inspect.find_spec", lambda name: None)
    assert main(["inspect", str(path)]) == 2
    assert "pip install 'hanscope[tui]'" in capsys.readouterr().err


def test_the_tree_goes_on_to_the_values_of_the_message() -> None:
    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        packets, tree = app.query_one(PacketList), app.query_one("#tree", FieldTree)
        piece = next(
            int(frame)
            for frame, number in zip(app.model.packets.frame, app.model.packets.message, strict=True)
            if pd.notna(number) and len(app.model.messages.message(int(number)).frames) > 1  # type: ignore[union-attr]
        )
        row = app.model.row_of(piece)
        assert row is not None
        packets.choose(row)
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.shown is not None
        kept = app.shown.messages[0]
        labels = [str(node.label) for node in _nodes(tree.root)]
        assert any(label.startswith(f"message {kept.message}: ") for label in labels)
        assert any("of the message are in this frame" in label for label in labels)
        assert any(label.startswith("signature: valid") for label in labels)
        assert len(kept.content.items) and f"items ({len(kept.content.items)})" in labels
        marked = next(
            node for node in _nodes(tree.root) if str(node.label).startswith("> ") and not node.children
        )
        tree.choose(marked.data)
        await pilot.pause()
        await pilot.pause()
        buffer = f"message-{kept.message}"
        assert app.field is marked.data and app.query_one("#buffers", Tabs).active == buffer
        assert lit(app).replace(" ", "").startswith(f"{app.buffers[buffer][marked.data.offset]:02x}")
        line = str(app.query_one("#state", Static).render())
        assert f"{buffer} 0x" in line and " = frame 0x" in line
        app.query_one("#buffers", Tabs).active = "frame"
        await pilot.pause()
        sealed = app.known.places(marked.data)[-1]
        assert lit(app).replace(" ", "").startswith(f"{app.buffers['frame'][sealed.offset]:02x}")
        app.query_one(HexPane).post_message(HexPane.Chosen(sealed.offset))
        await pilot.pause()
        await pilot.pause()
        assert app.field is not None and app.known.places(app.field)[0].buffer == buffer, "the innermost one"

    play(story)


def test_a_place_of_the_pane_is_an_octet() -> None:
    text = hex_text(bytes(range(40)), (0, 0)).plain.splitlines()
    for offset in range(40):
        row, at = divmod(offset, 16)
        columns = [c for c in range(len(text[row])) if offset_at(c, row) == offset]
        assert text[row][columns[0] : columns[0] + 2] == f"{offset:02x}"
        assert columns[-1] == 56 + at


def test_a_search_looks_at_all_rows_at_once() -> None:
    found = model()
    rows = range(len(found))
    for text in ("zigbee APS", "ack", "7", "0.1", "no such thing"):
        holding = [
            row for row in rows if any(text.casefold() in cell.casefold() for cell in found.cells(row))
        ]
        for start in (0, 20, len(found) - 1):
            after = [row for row in holding if row > start] or holding
            before = [row for row in holding if row < start] or holding
            assert found.find(text, start, 1) == (after[0] if after else None)
            assert found.find(text, start, -1) == (before[-1] if before else None)
    found.filter("protocol == ZCL")
    row = found.find("zcl", 0, 1)
    assert row == 1 and "ZCL" in found.cells(row) and found.find("zigbee aps", 0, 1) is None


def test_messages_are_read_again_as_they_were() -> None:
    octets, keys = capture()
    ring = read_keys_text(keys)
    with ReopenableSource(io.BytesIO(octets)) as replay:
        store, sink = MessageStore(), MessageSink(range(1, 100))
        run_passes(replay, ring, store)
        run_passes(replay, ring, sink)
    assert len(sink.kept) > 3
    for first in sink.kept:
        again = store.message(first.message or 0)
        assert again is not None and again.frames == first.frames and again.time_ns == first.time_ns
        assert again.content.to_json() == first.content.to_json()
        assert again.content.origins == first.content.origins
        assert first.message in store.of(first.frames[0])
    assert store.message(999) is None


def test_messages_have_a_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.pipeline.message_store.MOST_OCTETS", 3000)
    octets, keys = capture()
    with ReopenableSource(io.BytesIO(octets)) as replay:
        store = MessageStore()
        run_passes(replay, read_keys_text(keys), store)
    assert store.message(1) is not None and store.message(4) is None and store.of(1380) == []


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40), (200, 60)])
def test_it_fits_a_terminal_of_this_size(columns: int, lines: int) -> None:
    async def run() -> None:
        app = Inspector(model())
        async with app.run_test(size=(columns, lines)) as pilot:
            await pilot.pause()
            tree, octets = app.query_one("#tree", FieldTree), app.query_one("#octets")
            packets = app.query_one(PacketList)
            assert min(tree.size.width, octets.size.width) >= 40 and tree.size.height >= 4
            assert octets.size.height >= 4 and packets.size.height >= 4
            assert app.screen.has_class("narrow") is (columns == 80)
            assert (tree.region.y < octets.region.y) is (columns == 80), "below each other, or side by side"
            assert str(app.query_one("#heading", Static).render()).rstrip().endswith("summary")
            await pilot.press("j", "f", *"nothing ==", "escape", "j")
            assert app.query_one(PacketList).cursor == 2

    asyncio.run(run())


def test_the_error_of_a_filter_stays_until_it_is_right() -> None:
    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        wrong, box = app.query_one("#wrong", Static), app.query_one("#filter", Input)
        await pilot.press("f")
        box.value = "protocol == ZCL and nosuch == 1"
        await pilot.pause()
        assert wrong.has_class("told") and "nosuch" in str(wrong.render())
        await pilot.press("enter", "j", "j", "k")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert wrong.has_class("told") and "nosuch" in str(wrong.render()), "though another packet was chosen"
        assert str(wrong.render()).index("^") == box.value.index("nosuch")
        box.value = "protocol == ZCL"
        await pilot.pause()
        assert not wrong.has_class("told")

    play(story)


def test_go_to_a_frame_a_message_a_time() -> None:
    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        packets, found = app.query_one(PacketList), app.model
        await pilot.press("colon", *"100", "enter")
        assert found.frame(packets.cursor) == 100 and packets.has_focus
        await pilot.press("colon", *"message 1", "enter")
        kept = found.messages.message(1)
        assert kept is not None and found.frame(packets.cursor) == kept.frames[0]
        await pilot.press("colon", *"10s", "enter")
        before, there = (float(found.cells(packets.cursor + step)[1]) for step in (-1, 0))
        assert before < 10 <= there
        for text, words in (
            ("message 9999", "no message 9999"),
            ("nowhere", "where is 'nowhere'"),
            ("99999", "no frame 99999"),
            ("9h", "ends before"),
        ):
            await pilot.press("colon", *text, "enter")
            assert words in str(app.query_one("#state", Static).render())
            assert app.query_one("#goto", Input).has_class("open")
            await pilot.press("escape")
            assert packets.has_focus
        app.query_one("#filter", Input).value = "protocol == ZCL"
        await pilot.pause()
        await pilot.press("colon", *"1", "enter")
        assert "not among the packets" in str(app.query_one("#state", Static).render())

    play(story)


def test_rows_have_the_colour_of_their_state() -> None:
    found = copy(opened())
    assert {found.state(row) for row in range(len(found))} <= {"", *STATES}
    found.packets = found.packets.astype({"summary": "str", "issue": "str"})
    for row, (column, value) in enumerate(
        [("security", "bad MIC"), ("summary", "ECS52 command: MAC invalid"), ("security", "replay"),
         ("fcs_ok", False), ("security", "no key"), ("issue", "something")]
    ):  # fmt: skip
        found.packets.loc[row, column] = value
    found._states = found._state_codes()
    assert [found.state(row) for row in range(6)] == list(STATES)
    text = legend()
    assert [text.plain.count(state) for state in STATES] == [1] * len(STATES)
    assert set(ROWS) == set(STATES)
