"""Every rule is played on decoded traffic: `played.csv` says by what, or why by nothing.

A rule that was only ever given rows made from its own pattern may be dumb: it names a field that no frame has. So here
stands for each rule a scenario or a fault of the simulated home after which it judges (all of them with
``HANSCOPE_ALL_FAULTS=1``), a plant of `tests/analysis/planted`, or the talk below: frames made by our builders, put into
a simulated capture, and read by the decoder."""

import csv
import os
import struct
from functools import cache
from pathlib import Path

import pytest

from analysis.rules.registry import rules
from captures.simulated.remote.answers import GBZ_VALUES
from captures.simulated.scenarios import SCENARIOS
from dissectors.errors import DissectionError
from dissectors.gbcs import Keystore, build, dissect_message
from dissectors.gbcs.building import Header
from dissectors.gbcs.payloads import notification
from dissectors.gbcs.templates import command_payload, response_payload
from tests.analysis.fault_matrix import rows_meant
from tests.analysis.planted.catalogue import Plant, try_plant
from tests.analysis.planted.messages import Desk
from tests.analysis.planted.recording import SECOND, Recording
from tests.analysis.planted.speech import say, tell, zcl
from tests.analysis.test_planted import PLANTS

PLAYED = Path(__file__).with_name("played.csv")
EVERY = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))
NOW = 820_000_000
"""Seconds since 2000."""


@cache
def rows() -> dict[str, dict[str, str]]:
    with PLAYED.open(newline="", encoding="utf-8") as lines:
        return {r["rule"]: r for r in csv.DictReader(line for line in lines if not line.startswith("#"))}


def test_every_rule_is_played_or_says_why_not() -> None:
    known = {r.id for r in rules()}
    assert set(rows()) == known, (sorted(known - set(rows())), sorted(set(rows()) - known))
    where = {"scenario": set(SCENARIOS), "fault": set(rows_meant()), "plant": set(PLANTS), "talk": {"talk"}}
    for rule, row in rows().items():
        if row["by"] == "none":
            assert len(row["name"]) > 20, rule
        else:
            assert row["name"] in where[row["by"]], row


COMMANDS = (
    # from, to, cluster, to the client?, command, payload
    ("GSME", "CHF", 0x0705, True, 0x06, struct.pack("<BBIIBI", 0, 1, NOW, 500, 1, 1000)),
    (
        "GSME",
        "CHF",
        0x0705,
        True,
        0x05,
        struct.pack("<BB", 0, 1) + b"\x04code" + struct.pack("<iI", 1500, NOW),
    ),
    ("GSME", "CHF", 0x0705, True, 0x03, struct.pack("<BiBi", 0, 1500, 0, 2500)),
    ("GSME", "CHF", 0x0702, True, 0x0B, struct.pack("<BHI", 2, 0, 0)),
    ("GSME", "CHF", 0x0702, True, 0x06, struct.pack("<IIBBBIB", 1, NOW, 1, 0, 1, 1, 0)),
    ("GSME", "CHF", 0x0709, True, 0x00, struct.pack("<BHIB", 3, 0x0054, NOW, 0) + b"\x02\x00\x62"),
    ("IHD", "ESME", 0x0709, False, 0x00, struct.pack("<BHIIBH", 3, 0, 0, NOW, 5, 0)),
    ("ESME", "HCALCS", 0x0006, False, 0x00, b""),
    ("PPMID", "ESME", 0x0702, False, 0x0C, b"\x02"),
    ("PPMID", "ESME", 0x0800, False, 0x00, struct.pack("<HBB", 2, 5, 5) + bytes(48)),
    ("PPMID", "CHF", 0x0019, False, 0x06, struct.pack("<BHHI", 0, 0x1234, 1, 2)),
    ("CHF", "ESME", 0x0704, True, 0x00, struct.pack("<HBH", 0xFFFF, 2, 1500)),
)
MESSAGES = (
    # use case, and who gets it: the hub's own go to the meter here, for no key of the hub is at hand
    ("ECS35g", "ESME"), ("GCS61", "GSME"), ("GCS31", "GSME"), ("CCS01", "ESME"), ("CCS06", "ESME"), ("CS02a", "ESME"),
    ("CS06", "ESME"), ("CS06", "ESME"),
)  # fmt: skip
ALERTS = (0x8F20, 0x8F21, 0x8F22, 0x8002)


def talk(recording: Recording) -> None:
    """What no scenario says: commands of the HAN, messages with their answers, alerts."""
    at = recording.moment(0.07, 0.09)
    for sender, receiver, cluster, to_client, command, payload in COMMANDS:
        asdu = zcl(command, payload, to_client=to_client)
        at = recording.quiet(at + SECOND)
        say(recording, recording[sender], recording[receiver], at, cluster, asdu)
    hub, meter = recording["CHF"], recording["ESME"]
    for attribute, kind, value, cluster in (
        (0x0011, 0x18, b"\x01", 0x0000),
        (0x0000, 0x1B, b"\0\0\x20\0", 0x0702),
    ):
        record = struct.pack("<HB", attribute, kind) + value
        at = recording.quiet(at + SECOND)
        say(
            recording,
            hub,
            recording["GSME"],
            at,
            cluster,
            zcl(0x0A, record, to_client=cluster == 0, general=True),
        )
    tell(recording, hub, meter.short, recording.quiet(at + SECOND), b"\x04\x40", receiver=meter)
    desk = Desk(recording)
    desk.at = recording.quiet(at + 2 * SECOND)
    for number, (name, role) in enumerate(MESSAGES):
        device = recording[role].eui64.to_bytes(8, "big")
        octets = desk.command(name, recipient=device, counter=desk.counter(number))
        desk.send(octets)
        try:
            answer = build.response(dissect_message(octets, desk.keystore), keystore=desk.keystore)
        except DissectionError:  # no template
            continue
        desk.send(answer, back=True)
    period = {(1, f"0-0:94.44.117.{n}", 2): ("octet-string", _time(hour)) for n, hour in ((1, 1), (2, 7))}
    desk.send(
        desk.command(
            "ECS47a", counter=desk.counter(90), payload=command_payload(0x011E, desk.counter(90), period)
        )
    )
    for number, code in enumerate(ALERTS, 100):
        desk.send(_alert(desk, code, number), back=True)


def _time(hour: int) -> bytes:
    """A DLMS date-time of 1 January 2026, UTC."""
    return bytes((0x07, 0xEA, 1, 1, 0xFF, hour, 0, 0, 0, 0x80, 0, 0xFF))


def _alert(desk: Desk, code: int, number: int) -> bytes:
    """A generic critical alert of the meter, with nothing but code and time."""
    body = [("long-unsigned", code), ("octet-string", _time(0))]
    payload = notification(("structure", body), desk.counter(number))
    return build.alert(
        0x1000, originator=desk.target, recipient=desk.party, counter=desk.counter(number), payload=payload,
        keystore=desk.keystore,
    )  # fmt: skip


@cache
def judged() -> frozenset[str]:
    one = Plant("talk", (), "prepayment", (1.0,), talk)
    told = try_plant(one, 1, 1.0)
    assert not told.result.failures, told.result.failures
    return frozenset(v.rule for v in told.result.verdicts if v.state != "not seen")


@pytest.mark.parametrize("rule", [r for r, row in rows().items() if row["by"] == "talk"])
def test_the_talk_makes_it_judge(rule: str) -> None:
    assert rule in judged()


@pytest.mark.skipif(not EVERY, reason="the whole matrix: HANSCOPE_ALL_FAULTS=1")
@pytest.mark.parametrize("by", ["scenario", "fault"])
def test_scenarios_and_faults_make_them_judge(by: str) -> None:
    from captures.simulated.scenarios import simulate
    from tests.analysis.fault_matrix import RUNS
    from tests.analysis.worse_heard import Sniffer, checked_han

    heard = Sniffer(0.0, 0.0)
    dumb = {}
    for name in sorted({row["name"] for row in rows().values() if row["by"] == by}):
        wanted = {rule for rule, row in rows().items() if (row["by"], row["name"]) == (by, name)}
        meant = rows_meant().get(name)
        han = (
            simulate(name, seed=900)
            if by == "scenario" or meant is None
            else simulate(meant.scenario, seed=RUNS[0][0], seconds=meant.seconds, faults=[name])
        )
        states = {v.rule for v in checked_han(han, heard, 1).verdicts if v.state != "not seen"}
        dumb |= {name: wanted - states} if wanted - states else {}
    assert not dumb, dumb


def test_no_value_that_a_simulated_answer_gives_goes_astray() -> None:
    """Values are named by component and attribute: what the template does not know would be lost without a word."""
    for code, given in GBZ_VALUES.items():
        header = Header(2, 1, bytes(8), bytes(8), code)
        payload = response_payload(code, header, Keystore(bytes(8)), given)
        for (_, attribute), value in given.items():
            assert attribute.to_bytes(2, "little") + b"\x00\x21" + value.to_bytes(2, "little") in payload
