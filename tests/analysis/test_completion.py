"""What a shell, and the inspector, offer while somebody types."""

from __future__ import annotations

import pytest

from analysis.cli import VERBS
from analysis.cli.command_line.arguments import taken
from analysis.cli.command_line.completing import COMPLETERS, completed
from analysis.tables.filter_completion import completions
from analysis.views.filters import names_of, parse_filter
from captures.simulated.scenarios.samples import FOLDER

CAPTURE, KEYS = FOLDER / "gbcs-messages.pcapng", FOLDER / "gbcs-messages.keys.toml"


@pytest.mark.parametrize(
    ("kind", "begun", "offered"),
    [
        ("table", "ite", ["items"]), ("format", "par", ["parquet"]), ("rule", "mac-inv", ["mac-invalid"]),
        ("severity", "crit", ["critical"]), ("scenario", "install", ["install-day"]), ("fault", "replay", ["replay"]),
        ("sniffer", "zep:", ["zep:"]), ("time", "rel", ["relative"]), ("zone", "Europe/Lond", ["Europe/London"]),
        ("columns", "frame,tim", ["frame,time"]), ("where", "nwk_secur", ["nwk_security"]), ("device", "ES", ["ESME"]),
        ("source", "simulate:inst", ["simulate:install-day"]), ("source", "", []), ("source", "tests", []),
        ("source", "simulate:install-day+gbcs-r", ["simulate:install-day+gbcs-replay"]), ("source", "nr", ["nrf:"]),
        ("device", "electricity", ["Electricity meter"]), ("profile", "gbcs-4.0", ["gbcs-4.0"]),
    ],
)  # fmt: skip
def test_values_of_each_kind(kind: str, begun: str, offered: list[str]) -> None:
    given = {"captures": [str(CAPTURE)], "keys": KEYS}
    assert completed(kind, given, begun) == offered


def test_every_kind_that_is_declared_is_known() -> None:
    kinds = {one.declared.complete for found in VERBS.values() for one in taken(found.function)} - {""}
    assert kinds == {*COMPLETERS, "where", "columns", "source"}


def test_no_capture_offers_no_device() -> None:
    assert completed("device", {"captures": ["missing.pcap"]}, "E") == []
    assert completed("device", {}, "E") == []


def test_expressions_go_on() -> None:
    names = names_of("packets")
    assert "message.use_case" in completions("message.", names)
    assert completions("rssi <", names) == []
    assert completions("nwk_security ", names)[:2] == ["nwk_security ==", "nwk_security !="]
    assert completions("nwk_security == bad", names) == ["nwk_security == bad_mic"]
    assert completions("nwk_security in (ok, re", names) == ["nwk_security in (ok, replay"]
    assert completions("fcs_ok == ", names) == ["fcs_ok == true", "fcs_ok == false"]
    assert completions("rssi < -80 a", names) == ["rssi < -80 and"]
    assert all(
        one.startswith("rssi < -80 and not nwk_s") for one in completions("rssi < -80 and not nwk_s", names)
    )
    for one in completions("(mac_type == da", names):
        parse_filter(one + ")")


def test_the_inspector_suggests() -> None:
    import asyncio

    suggesting = pytest.importorskip("analysis.inspector.suggesting")
    suggester = suggesting.FilterSuggester(["frame", "security", "nwk_security"])
    for begun, whole in (("secu", "security"), ("frame == 1 a", "frame == 1 and"), ("", None), ("zzz", None)):
        assert asyncio.run(suggester.get_suggestion(begun)) == whole
