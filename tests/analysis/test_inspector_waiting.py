"""What the inspector does while a person goes on: the rest of a capture, filters, searches, rules; and notes that are kept."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual")

from textual.pilot import Pilot
from textual.widgets import Input, Static

from analysis.cli.verbs.inspect import _findings, _ladder, _whole
from analysis.inspector import waiting
from analysis.inspector.app import FieldTree, Inspector
from analysis.inspector.findings_pane import FindingsPane, Told
from analysis.inspector.ladder_pane import LadderPane
from analysis.inspector.model import Inspected
from analysis.inspector.notes import ENDING, Notes, NotesError, copy_with_notes
from analysis.inspector.packet_list import PacketList
from analysis.keys.keyfile import read_keys
from analysis.pipeline.source import ReopenableSource
from captures import open_capture
from captures.simulated.scenarios.samples import FOLDER
from dissectors import Keyring

SAMPLE = FOLDER / "tampered-message.pcapng"
SIZES = [(80, 24), (120, 40), (200, 60)]
FIRST = 30
Story = Callable[[Inspector, Pilot[None]], Awaitable[None]]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[ReopenableSource]:
    """A capture of its own, beside which notes may lie."""
    path = tmp_path / "home.pcapng"
    path.write_bytes(SAMPLE.read_bytes())
    with ReopenableSource(str(path)) as replay:
        yield replay


def play(app: Inspector, story: Story, size: tuple[int, int] = (120, 40)) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await story(app, pilot)

    asyncio.run(run())


async def settled(app: Inspector, pilot: Pilot[None]) -> None:
    """All that was begun is over."""
    while app.doing:
        await app.workers.wait_for_complete()
        await pilot.pause()


def said(app: Inspector) -> str:
    return str(app.query_one("#state", Static).render())


def inspector(source: ReopenableSource, **options: Any) -> Inspector:
    ring = read_keys(SAMPLE.with_suffix(".keys.toml"))
    notes = Notes.of(source.path)
    model = Inspected.read(source, ring, limit=options.pop("limit", None), notes=notes)
    rest = None if model.whole else partial(_whole, source, ring, None, notes)
    return Inspector(model, rest=rest, judge=partial(_findings, source, ring), **options)


@pytest.mark.parametrize("size", SIZES)
def test_the_first_rows_are_there_before_the_others_are_read(
    source: ReopenableSource, size: tuple[int, int]
) -> None:
    app = inspector(source, limit=FIRST)
    gate, rest = threading.Event(), app._rest
    app._rest = lambda step: (step(10, 100, 7), gate.wait(60), rest(step))[-1]  # type: ignore[misc, func-returns-value]

    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        packets = app.query_one(PacketList)
        assert not app.model.whole and len(app.model) == FIRST
        await pilot.press("j", "j", "m")
        while "7 frames, 10%" not in said(app):
            await pilot.pause(0.01)
        app.query_one("#filter", Input).value = "frame > 2"
        await pilot.pause()
        frame = app.model.frame(packets.cursor)
        gate.set()
        await settled(app, pilot)
        assert app.model.whole and len(app.model.packets) > FIRST
        assert app.model.frame(packets.cursor) == frame == 3, "the same packet is chosen"
        assert len(app.model) == len(app.model.packets) - 2, "the filter holds for the others, too"
        assert app.model.notes.marks == {3} and "reading" not in said(app)

    play(app, story, size)


@pytest.mark.parametrize("size", SIZES)
def test_a_finding_leads_to_its_packet(source: ReopenableSource, size: tuple[int, int]) -> None:
    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        pane, packets = app.query_one(FindingsPane), app.query_one(PacketList)
        await pilot.press("w")
        await settled(app, pilot)
        assert pane.size.height >= 4 and pane.has_focus and pane.findings
        assert packets.size.height >= 3 and app.query_one("#tree", FieldTree).size.height >= 3
        first = pane.findings[0]
        assert first.title in str(pane.get_option_at_index(0).prompt)
        await pilot.press("enter")
        await pilot.pause()
        assert app.model.frame(packets.cursor) == first.frames[0]
        assert packets._sign(packets.cursor) == "!"
        await pilot.press("w")
        assert packets.has_focus and not pane.has_class("open")

    play(inspector(source), story, size)


def test_a_mistake_of_the_rules_ends_the_wait_for_them(source: ReopenableSource) -> None:
    app = inspector(source)
    app._judge = lambda: 1 // 0  # type: ignore[assignment, return-value]

    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        await pilot.press("w")
        while app.doing:
            await pilot.pause(0.01)
        assert "findings ended: ZeroDivisionError" in said(app)

    play(app, story)


def test_a_long_search_and_a_long_filter_hold_nobody_up(
    source: ReopenableSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "AT_ONCE", 0)
    monkeypatch.setattr("analysis.inspector.model.AT_ONCE", 0)
    app, gate = inspector(source), threading.Event()
    find, places = app.model.find, app.model.places
    monkeypatch.setattr(app.model, "find", lambda *how: (gate.wait(60), find(*how))[1])
    monkeypatch.setattr(app.model, "places", lambda found: (gate.wait(60), places(found))[1])

    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        packets, box = app.query_one(PacketList), app.query_one("#filter", Input)
        await pilot.press("slash", *"nowhere", "enter", "j", "j")
        assert "searching 'nowhere'" in said(app) and packets.cursor == 2
        box.value = "frame < 3"
        box.value = "frame < 9"
        await pilot.pause()
        await pilot.press("j")
        assert "filtering" in said(app) and packets.cursor == 3
        gate.set()
        await settled(app, pilot)
        assert len(app.model) == 8 and packets.cursor == 3, "the last filter counts"

    play(app, story)


def test_marks_and_notes_are_kept_beside_the_capture(source: ReopenableSource) -> None:
    assert source.path is not None
    kept = source.path.with_name(source.path.name + ENDING)

    async def first(app: Inspector, pilot: Pilot[None]) -> None:
        assert not kept.exists()
        await pilot.press("j", "m", "j", "c", *"who sent this?", "enter")
        assert app.query_one(PacketList).has_focus and "1 marked, 1 noted" in said(app)

    async def second(app: Inspector, pilot: Pilot[None]) -> None:
        packets = app.query_one(PacketList)
        assert [packets._sign(row) for row in range(4)] == [" ", "*", "+", " "]
        await pilot.press("right_square_bracket", "right_square_bracket")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert packets.cursor == 2 and "who sent this?" in said(app)
        await pilot.press("c")
        assert app.query_one("#note", Input).value == "who sent this?"
        app.query_one("#note", Input).value = ""
        await pilot.press("enter", "C", "enter")
        await settled(app, pilot)
        assert "home-noted.pcapng" in said(app)

    play(inspector(source), first)
    assert json.loads(kept.read_text("utf-8")) == {
        "schema": 1,
        "marks": [2],
        "notes": {"3": "who sent this?"},
    }
    play(inspector(source), second)
    assert json.loads(kept.read_text("utf-8"))["notes"] == {}
    assert source.path.read_bytes() == SAMPLE.read_bytes()


def test_a_copy_has_notes_as_comments_and_all_else_as_it_was(
    source: ReopenableSource, tmp_path: Path
) -> None:
    target, notes = tmp_path / "copy.pcapng", Notes({2, 3}, {3: "a note\n\x1b[2J"})
    notes.note(5, " twice\x07 ")
    with open_capture(str(SAMPLE)) as capture:
        (before,) = [*capture]
    assert copy_with_notes(source, notes, target) == len(before)
    with open_capture(str(target)) as capture:
        (after,) = [*capture]
    assert [after.octets(row) for row in range(len(after))] == [
        before.octets(row) for row in range(len(before))
    ]
    assert (after.time_ns == before.time_ns).all()
    told = {frame: text for frame, text in after.comments.items() if text != before.comments.get(frame)}
    assert told == {2: "marked", 3: "a note\n\x1b[2J", 5: r"twice\x07"}
    with pytest.raises(NotesError, match="is there already"):
        copy_with_notes(source, notes, target)


@pytest.mark.parametrize(
    "wrong", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "marks": ["x"], "notes": {}}']
)
def test_a_file_that_holds_no_notes_is_told_and_left_alone(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / f"a.pcap{ENDING}"
    path.write_text(wrong)
    with pytest.raises(NotesError, match=r"notes\.json"):
        Notes.of(tmp_path / "a.pcap")
    assert path.read_text() == wrong
    assert Notes.of(None) == Notes() and Notes.of(tmp_path / "b.pcap").marks == set()


def test_hostile_words_of_a_finding_are_inert() -> None:
    from analysis.inspector.findings_pane import _line

    text = _line(Told("error", "a\x1b[2Jb", "[bold]x[/bold]", "c\nd", (7,)))
    assert text.plain.isprintable() and "[bold]x[/bold]" in text.plain


@pytest.mark.parametrize("size", SIZES)
def test_a_packet_leads_to_the_ladder_of_what_it_belongs_to(
    source: ReopenableSource, size: tuple[int, int]
) -> None:
    keyring = read_keys(str(SAMPLE.with_name("tampered-message.keys.toml")))
    model = Inspected.read(source, keyring)
    app = Inspector(model, follow=lambda wanted: _ladder(app, keyring, wanted))
    row = int((model.packets["exchange"] == 23).to_numpy(dtype=bool, na_value=False).argmax())

    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        packets, pane = app.query_one(PacketList), app.query_one(LadderPane)
        packets.choose(row)
        await pilot.press("F")
        await settled(app, pilot)
        assert pane.display and pane.has_focus
        named = [frame for frame in pane.frames if frame is not None]
        assert model.frame(row) in named and len(named) > 1
        texts = "\n".join(str(pane.get_option_at_index(place).prompt) for place in range(pane.option_count))
        assert "Request Tunnel Response [after 8 ms]" in texts
        pane.highlighted = pane.frames.index(named[-1])
        await pilot.press("enter")
        await pilot.pause()
        assert model.frame(packets.cursor) == named[-1]
        pane.focus()
        await pilot.press("F")
        assert not pane.display and packets.has_focus
        alone = int((model.packets["message"].isna() & model.packets["exchange"].isna()).to_numpy().argmax())
        packets.choose(alone)
        await pilot.press("F")
        assert not pane.display and "belongs to no" in str(app.query_one("#state", Static).content)

    play(app, story, size)


def test_columns_and_times_are_chosen(source: ReopenableSource) -> None:
    model = Inspected.read(source, read_keys(str(SAMPLE.with_name("tampered-message.keys.toml"))))

    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        packets, heading = app.query_one(PacketList), app.query_one("#heading", Static)
        await pilot.press("v")
        box = app.query_one("#columns", Input)
        assert box.value == "frame, time, source, destination, protocol, security, summary"
        box.value = "frame, time, nwk_sorce"
        await pilot.press("enter")
        assert "nwk_source" not in model.columns and box.has_focus
        assert "nwk_src" in str(app.query_one("#state", Static).content)
        box.value = "frame, time, mac_seq, exchange"
        await pilot.press("enter")
        assert packets.has_focus and model.columns == ("frame", "time", "mac_seq", "exchange")
        assert str(heading.content).split() == ["frame", "time", "mac_seq", "exchange"]
        app.show_only(model.parsed("frame in (1, 3, 7)"))
        times = model.times
        seen = []
        for form in ("relative", "delta", "utc", "local"):
            assert model.times_form.times == form
            seen.append([model.cells(row)[1] for row in range(3)])
            await pilot.press("t")
        assert seen[0][2] == f"{(times[6] - times[0]) / 1e9:.6f}"
        assert seen[1] == [
            "0.000000",
            f"{(times[2] - times[0]) / 1e9:.6f}",
            f"{(times[6] - times[2]) / 1e9:.6f}",
        ]
        assert seen[2][0].endswith("Z") and "T" in seen[3][0]
        await pilot.press("v")
        box.value = ""
        await pilot.press("enter")
        assert model.columns[-1] == "summary"

    play(Inspector(model), story)


def test_wireshark_opens_at_the_packet(source: ReopenableSource, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(
        "analysis.wireshark.opening.start", lambda options: bool(asked.append(options)) or True
    )

    async def story(app: Inspector, pilot: Pilot[None]) -> None:
        app.query_one("#filter", Input).value = "frame in (3, 7)"
        await pilot.pause()
        app.query_one(PacketList).choose(1)
        await pilot.press("W")
        assert asked == [
            ["-r", str(source.path), "-g", "7", "-Y", "(frame.number == 3) || (frame.number == 7)"]
        ]

    play(Inspector(Inspected.read(source, Keyring())), story)
