"""Checking window by window: what is judged where, and how it is put together."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from analysis.engine.checking import check, check_capture
from analysis.engine.merging import PIECES_KEPT, SUBJECTS_KEPT, Sayings
from analysis.findings.model import Evidence, broken, kept
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from analysis.pipeline.passes import DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.windows import Window, WindowSink
from analysis.report import Tally, render_report, render_tally
from analysis.rules.registry import REGISTRY, rules
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import write_han

WHEN = (1.0, 2.0)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """A capture of a home with a fault, and its keys."""
    folder = tmp_path_factory.mktemp("home")
    han = simulate("install-day", seed=5, seconds=900, faults=["counter-reset"])
    write_han(han, folder / "han.pcapng")
    Path(folder / "keys.toml").write_text(keys_text(han), encoding="utf-8")
    return str(folder / "han.pcapng"), read_keys(folder / "keys.toml")


def test_a_capture_of_one_window_gives_what_checking_its_tables_gives(home: Any) -> None:
    at_once, streamed = check(decode(*home)), check_capture(*home).result
    assert at_once.findings == streamed.findings
    assert at_once.verdicts == streamed.verdicts
    assert at_once.incidents == streamed.incidents


def test_every_frame_is_judged_by_one_window(home: Any) -> None:
    parts: list[Window] = []

    class Parts(WindowSink):
        def restart(self, decode_pass: DecodePass) -> None:
            super().restart(decode_pass)
            parts.clear()

    reading = run_passes(*home, Parts(parts.append, 320), block_frames=40)
    assert len(parts) > 2
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    judged = Counter(
        frame
        for part in parts
        for frame in part.tables["packets"].column("frame").to_pylist()
        if part.judges((frame,))
    )
    assert set(judged) == set(range(1, reading.session.frames + 1))
    assert set(judged.values()) == {1}
    for part in parts[1:-1]:
        frames = part.tables["packets"].column("frame").to_pylist()
        assert frames[0] < part.start and frames[-1] >= part.end, "a stretch before and behind"
    assert all(len(part.tables["devices"]) for part in parts[1:])


def test_a_fault_is_found_in_whichever_window_it_is(home: Any) -> None:
    whole = check_capture(*home).result
    for size in (400, 700):
        parts = check_capture(*home, window=size).result
        assert not parts.failures
        assert {"nwk-counter-back", "nonce-reuse"} & {f.rule for f in parts.findings}
        assert {v.rule for v in parts.verdicts} == {v.rule for v in whole.verdicts}


def test_the_report_of_several_windows_counts_each_frame_once(home: Any) -> None:
    one, many = (check_capture(*home, watcher=Tally, window=n).watcher for n in (10_000, 400))
    for name in ("frames", "octets", "damaged", "protocols", "pans", "security", "channels"):
        assert getattr(one, name) == getattr(many, name), name
    assert (one.hops.sent, one.hops.parents, one.hops.routes) == (
        many.hops.sent,
        many.hops.parents,
        many.hops.routes,
    )
    assert sum(link.frames for link in one.hops.links.values()) == sum(
        n.frames for n in many.hops.links.values()
    )
    assert "hanscope" in render_tally(many, None)
    assert "hanscope" in render_report(decode(*home), None)


def said(*pieces: tuple[int, Evidence], heard: dict[int, float] | None = None) -> list[Evidence]:
    every = Sayings(REGISTRY["weak-signal"])
    for window, evidence in pieces:
        every.add(evidence, WHEN, window)
    return [one.evidence for one in every.told(heard or {})]


def test_broken_in_one_window_is_broken() -> None:
    (one,) = said((0, kept("meter", "fine")), (1, broken("meter", "bad", [7])), (2, kept("meter", "fine")))
    assert (one.text, one.frames, one.holds) == ("bad", (7,), False)


def test_the_gravest_text_stands_for_all_windows_and_frames_are_joined() -> None:
    pieces = (
        broken("meter", "2 frames", [7, 9], "info"),
        broken("meter", "5 frames", [11], "error"),
        broken("meter", "1 frame", [12]),
    )
    (one,) = said(*enumerate(pieces))
    assert one.text == "5 frames; and in 2 more parts of the capture"
    assert (one.frames, one.severity) == ((7, 9, 11, 12), "error")
    (same,) = said((0, broken("meter", "bad", [1])), (1, broken("meter", "bad", [2])))
    assert (same.text, same.frames) == ("bad", (1, 2))


def test_several_events_of_one_subject_stay_apart() -> None:
    events = [broken("meter", f"rejoin at frame {n}", [n]) for n in (3, 4, 5)]
    assert said((0, events[0]), (0, events[1]), (1, events[2])) == events


def test_a_silent_device_that_speaks_again_was_not_silent() -> None:
    silence = broken("meter", "silent", [3], silent=(0x1234, 60.0))
    assert said((0, silence), heard={0x1234: 60.0}) == [silence]
    assert not said((0, silence), heard={0x1234: 500.0})
    assert said((0, silence), (1, kept("meter", "in order")), heard={0x1234: 500.0})[0].holds


def test_what_is_kept_of_an_endless_capture_is_bounded() -> None:
    pieces = [(n % 50, broken("meter", f"event {n}", [n])) for n in range(2000)]
    told = said(*pieces)
    assert len(told) <= PIECES_KEPT + 50 and "more that are not listed" in told[-1].text
    many = [(1, kept(f"message {n}", "fine")) for n in range(SUBJECTS_KEPT + 500)]
    assert len(said(*many)) <= SUBJECTS_KEPT + PIECES_KEPT + 2


def test_frames_of_a_neighbour_are_left_to_it() -> None:
    middle = Window({}, 1, 100, 200, last=False)
    assert middle.judges((100,)) and middle.judges((99, 100)) and middle.judges(())
    assert not middle.judges((99,)) and not middle.judges((200, 210))
    assert Window({}, 1, 100, 200, last=True).judges((200,))
    assert Window({}, 0, 0, 200, last=False).judges((0,))


@pytest.mark.parametrize("fault", ["cloned-address", "counter-reset", "replay"])
def test_a_counter_is_judged_by_what_was_heard_windows_ago(fault: str, tmp_path: Path) -> None:
    han = simulate("ordinary-day", seed=7, seconds=2400, faults=[fault])
    write_han(han, tmp_path / "han.pcapng")
    (tmp_path / "keys.toml").write_text(keys_text(han), encoding="utf-8")
    source, chosen = (
        (str(tmp_path / "han.pcapng"), read_keys(tmp_path / "keys.toml")),
        rules_of("counters", "replay"),
    )
    whole = check_capture(*source, chosen=chosen).result
    parts = check_capture(*source, chosen=chosen, window=600).result
    assert whole.findings and not parts.failures
    assert {(f.rule, f.device) for f in parts.findings} == {(f.rule, f.device) for f in whole.findings}


def rules_of(*areas: str) -> list[str]:
    return [r.id for r in rules() if r.area in areas]
