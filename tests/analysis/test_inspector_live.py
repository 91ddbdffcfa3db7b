"""The inspector on a source that still speaks, and on several captures: through textual's pilot, in terminals of any size."""

import asyncio
import io
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual")

from textual.pilot import Pilot
from textual.widgets import Input, Static

from analysis.cli.command_line.live_source import opened_live
from analysis.cli.verbs import inspect as verb
from analysis.inspector.app import FieldTree, Inspector
from analysis.inspector.content import nothing_yet
from analysis.inspector.findings_pane import FindingsPane
from analysis.inspector.help import Help
from analysis.inspector.ladder_pane import LadderPane
from analysis.inspector.listening import Heard, Listening
from analysis.inspector.model import Inspected
from analysis.inspector.packet_list import PacketList
from analysis.keys.keyfile import read_keys
from analysis.live.judging import LiveJudge
from analysis.live.kept_frames import KeptFrames
from captures.simulated.scenarios.samples import FOLDER
from dissectors import Keyring
from tests.key_files import keys_of_sample

SAMPLE = FOLDER / "tampered-message.pcapng"
SIZES = ((80, 24), (120, 40), (200, 60))
Story = Callable[[Inspector, Pilot[Any]], Awaitable[None]]


def play(
    live: Any, ring: Keyring, story: Story, size: tuple[int, int] = (120, 40), most: int = 40_000
) -> None:
    """Listen to a source in a terminal that is none; every finding is judged in this process."""
    listening = Listening(live, ring, LiveJudge(apart=False), most)

    def heard() -> Iterator[Heard]:
        for one in listening.heard():
            yield one._replace(findings=verb._told(one.findings))

    model = Inspected(nothing_yet(live.name, ring))
    app = Inspector(model, live=heard, follow=lambda wanted: verb._ladder(app, ring, wanted))

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await story(app, pilot)
            await pilot.press("q")

    try:
        asyncio.run(run())
    finally:
        listening.stop()


async def until(pilot: Pilot[Any], what: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds / 0.05)):
        if what():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come")


def state(app: Inspector) -> str:
    return str(app.query_one("#state", Static).render())


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return read_keys(keys_of_sample("tampered-message", tmp_path_factory.mktemp("keys")))


@pytest.mark.parametrize("size", SIZES)
def test_a_pipe_is_seen_as_it_fills(size: tuple[int, int], ring: Keyring) -> None:
    octets = SAMPLE.read_bytes()
    ours, theirs = os.pipe()

    async def story(app: Inspector, pilot: Pilot[Any]) -> None:
        assert len(app.model) == 0
        os.write(theirs, octets[: len(octets) // 2])
        await until(pilot, lambda: len(app.model) > 10)
        packets = app.query_one(PacketList)
        assert packets.cursor == len(app.model) - 1 and "live" in state(app)
        await pilot.press("g")
        assert packets.cursor == 0
        before = len(app.model)
        with os.fdopen(theirs, "wb") as file:
            file.write(octets[len(octets) // 2 :])
        await until(pilot, lambda: "ended" in state(app))
        assert len(app.model) > before and packets.cursor == 0 and app.model.whole
        assert app.query_one("#tree", FieldTree).root.children
        await pilot.press("w")
        pane = app.query_one(FindingsPane)
        assert pane.has_class("open") and any("code does not verify" in one.title for one in pane.findings)
        with Inspected_of(SAMPLE, ring) as read:
            assert app.model.packets["summary"].to_list() == read.packets["summary"].to_list()

    play(KeptFrames(os.fdopen(ours, "rb", buffering=0)), ring, story, size)


class Inspected_of:
    """What the inspector shows of a file."""

    def __init__(self, path: Path, ring: Keyring) -> None:
        from analysis.pipeline.source import ReopenableSource

        self.source, self.ring = ReopenableSource(path), ring

    def __enter__(self) -> Inspected:
        return Inspected.read(self.source, self.ring)

    def __exit__(self, *_: object) -> None:
        self.source.close()


def test_a_filter_a_message_and_a_ladder_of_a_home_that_speaks() -> None:
    live, own = opened_live("simulate:install-day", 11, 0, 1, None, True)
    assert own is not None

    async def story(app: Inspector, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "ended" in state(app))
        box = app.query_one("#filter", Input)
        box.value = "protocol == GBCS"
        await until(pilot, lambda: 0 < len(app.model) < len(app.model.packets))
        shown = app.model.shown_at(0)
        assert shown.messages and shown.messages[0].content.kind == "gbcs"
        app.query_one(PacketList).focus()
        await pilot.press("g", "F")
        pane = app.query_one(LadderPane)
        await until(pilot, lambda: len(pane.frames) > 3)

    play(live, own, story)


def test_what_is_not_kept_is_not_followed(ring: Keyring) -> None:
    """Of a long run the first frames go; tree and list stay right, and what would need them says so."""
    live, own = opened_live("simulate:install-day", 11, 0, 1, None, True)
    assert own is not None
    live.most = 1

    async def story(app: Inspector, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "ended" in state(app))
        model = app.model
        assert 500 <= len(model) <= 1000 and model.content.first > 1000
        for row in (0, len(model) // 2, len(model) - 1):
            assert model.shown_at(row).number == model.frame(row)
        box = app.query_one("#filter", Input)
        box.value = "exchange.kind == zcl"
        await until(pilot, lambda: len(app.model) < len(model.packets))
        box.value = ""
        app.query_one(PacketList).focus()
        wanted = next(row for row in range(len(app.model)) if app.model.wanted_at(row) is not None)
        app.query_one(PacketList).choose(wanted)
        await pilot.press("F")
        pane = app.query_one(LadderPane)
        await until(pilot, lambda: "not kept" in str(pane.get_option_at_index(0).prompt))

    play(live, own, story, most=1000)


@pytest.mark.parametrize("size", SIZES)
def test_help_fits_and_scrolls(size: tuple[int, int], ring: Keyring) -> None:
    async def story(app: Inspector, pilot: Pilot[Any]) -> None:
        await pilot.press("question_mark")
        box = app.screen.query_one("#help")
        assert isinstance(app.screen, Help) and box.region.width <= size[0] and box.region.height <= size[1]
        assert box.max_scroll_x == 0
        await pilot.press("j", "j")
        assert box.scroll_y == min(2, box.max_scroll_y)
        await pilot.press("escape")
        assert not isinstance(app.screen, Help)

    play(KeptFrames(io_of(SAMPLE.read_bytes())), ring, story, size)


def test_a_source_that_cannot_be_read_says_why() -> None:
    async def story(app: Inspector, pilot: Pilot[Any]) -> None:
        await until(
            pilot, lambda: "no capture" in state(app) or "neither" in state(app) or "format" in state(app)
        )

    play(KeptFrames(io_of(b"this is no capture at all, and will never be one" * 3)), Keyring(), story)


def io_of(octets: bytes) -> Any:
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "wb") as file:
        file.write(octets)
    return os.fdopen(ours, "rb", buffering=0)


def test_several_captures_one_after_the_other(
    ring: Keyring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.pcapng").write_bytes(b"nothing")
    seen: list[tuple[str, str, str]] = []
    pressed = iter((["f", *"frame>2", "tab", "o"], ["o", "O"], ["q"]))

    def run(self: Inspector) -> Any:
        async def there() -> None:
            async with self.run_test(size=(100, 30)) as pilot:
                await pilot.pause()
                await until(pilot, lambda: self.model.whole)
                seen.append((Path(self.model.name).name, state(self), self.query_one("#filter", Input).value))
                await pilot.press(*next(pressed))

        asyncio.run(there())
        return self.return_value

    monkeypatch.setattr(Inspector, "run", run)
    monkeypatch.setattr(verb.sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(verb.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(verb.sys.stdout, "isatty", lambda: True, raising=False)
    samples = [str(FOLDER / f"{name}.pcapng") for name in ("gbcs-messages", "tampered-message")]
    assert verb.run([samples[0], str(tmp_path), samples[1]], ring) == 3
    names = ["gbcs-messages.pcapng", "tampered-message.pcapng", "gbcs-messages.pcapng"]
    assert [name for name, *_ in seen] == names
    assert ["(1 of 3)" in seen[0][1], "(3 of 3)" in seen[1][1], "(1 of 3)" in seen[2][1]] == [True] * 3
    assert all(": 0 of" not in told for _, told, _ in seen) and "frame>2" in seen[2][2]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of its own is one of Unix")
def test_a_capture_on_stdin_leaves_the_keyboard_to_the_terminal(tmp_path: Path) -> None:
    import pty
    import select

    keys = keys_of_sample("tampered-message", tmp_path)
    words = f'cat "$1" | "{sys.executable}" -m analysis.cli inspect - --keys "{keys}"'
    child, terminal = pty.fork()
    if not child:
        os.environ["TERM"] = "xterm-256color"
        os.execv("/bin/sh", ["sh", "-c", words, "sh", str(SAMPLE)])
    said, asked, until_then = b"", False, time.monotonic() + 120
    while time.monotonic() < until_then:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:  # the other end is closed: it is over
                break
        if b"ended" in said and not asked:
            asked = True
            os.write(terminal, b"q")
    assert asked and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(terminal)
