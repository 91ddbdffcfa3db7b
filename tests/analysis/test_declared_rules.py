"""Declared rules: conditions mean what they say, on tables of Arrow as on tables made by hand; what is wrong is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from analysis.engine.judging import evidence_of
from analysis.engine.selections import Selections
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.findings.subject import NETWORK, Subject
from analysis.rules import registry
from analysis.rules.declare import (
    AtMost,
    Attribute,
    Command,
    EachDevice,
    EachField,
    EachItem,
    EachMessage,
    Field,
    Item,
    RuleError,
    all_packets,
    attributes,
    c,
    declare,
    field,
    having,
    messages,
    p,
    packets,
)  # fmt: skip
from analysis.rules.expression import Condition
from analysis.rules.registry import REGISTRY, rule, rules
from tests.analysis.frames import GAS, HUB, METER, decoded, packet, table

ROWS = [
    packet(0.0, METER, HUB, nwk_command=4, rssi=-50, aps_cluster=0x0702, summary="one"),
    packet(1.0, GAS, HUB, nwk_command=None, rssi=None, aps_cluster=0x0700, summary="two[3].x"),
    packet(2.0, HUB, METER, nwk_command=8, rssi=-90, aps_cluster=None, summary="Three"),
    packet(3.0, GAS, HUB, nwk_command=4, rssi=-70, fcs_ok=False, summary="one"),
]


def view() -> View:
    return View.of(decoded(ROWS))


def numbers(condition: Condition, rows: Any = all_packets) -> list[int]:
    return list(Selections(view()).frame(rows.where(condition)[c.frame])["frame"])


@pytest.mark.parametrize(
    ("condition", "frames"),
    [
        (c.nwk_command == 4, [1, 4]),
        (c.nwk_command != 4, [3]),  # a frame without a command is no other command
        (~(c.nwk_command == 4), [2, 3]),
        (c.nwk_command.unknown, [2]),
        (c.nwk_command.isin(8, 9, 10, 11, 12, 13), [3]),
        (c.nwk_command == 0x1234, []),  # more than the column has room for
        (c.nwk_command != 0x1234, [1, 3, 4]),
        (c.rssi < -60, [3, 4]),
        (c.rssi <= -69.5, [3, 4]),
        (c.rssi.between(-70, -50), [1, 4]),
        (c.seconds >= 2, [3, 4]),
        ((c.nwk_command == 4) & (c.rssi > -60), [1]),
        ((c.nwk_command == 8) | (c.aps_cluster == 0x0700), [2, 3]),
        (c.fcs_ok == False, [4]),  # noqa: E712
        (c.summary == "one", [1, 4]),
        (c.summary.fullmatch("one|two.*"), [1, 2, 4]),
        (c.summary.search("^t", ignore_case=True), [2, 3]),
        (c.nwk_command.has_bits(0x0C), [1, 3, 4]),
        (c.sender == GAS, [2, 4]),
        (c.receiver.isin(METER, 1), [3]),
        (c.origin.is_hub, [3]),
        (c.nwk_src != c.nwk_dst, [1, 2, 3, 4]),
        (c.pan == 0x1A62, [1, 2, 3, 4]),
    ],
)
def test_a_condition_means_what_it_says(condition: Condition, frames: list[int]) -> None:
    assert numbers(condition) == frames
    few = all_packets.where(c.frame >= 1)
    selected = Selections(view()).selected(few)
    assert list(selected.frames[selected.mask(condition)]) == frames


def test_packets_are_those_that_are_not_damaged() -> None:
    assert numbers(c.frame.known, packets) == [1, 2, 3]


def test_a_rule_gets_plain_frames_of_what_it_names() -> None:
    frame = Selections(view()).frame(packets.where(c.rssi.known)[c.sender, c.rssi, c.summary])
    assert type(frame) is pd.DataFrame and list(frame.columns) == ["sender", "rssi", "summary"]
    assert all(type(frame[name]) is pd.Series for name in frame) and list(frame.index) == [0, 1]
    assert frame["sender"].tolist() == [METER, HUB]


def test_each_distinct_selection_is_made_once() -> None:
    selections = Selections(view())
    one, other = (
        selections.selected(packets.where(c.nwk_command == 4)[column]) for column in (c.frame, c.rssi)
    )
    assert one is other


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: c.nwk_comand, "no table has a column nwk_comand: nwk_command?"),
        (lambda: packets.where(c.cluster == 6), "packets have no column cluster: aps_cluster?"),
        (lambda: packets[c.cluster], "packets have no column cluster"),
        (lambda: packets.where(c.nwk_security == "okay"), "packets.nwk_security never holds 'okay'"),
        (
            lambda: packets.where(c.rssi == "weak"),
            "packets.rssi never holds 'weak': it is a number",
        ),
        (lambda: packets.where(c.summary == 3), "it is a text"),
        (lambda: packets.where(c.rssi.search("3")), "holds no text"),
        (lambda: packets.where(c.summary.search("(")), "is no regular expression"),
        (lambda: packets.where(c.summary.has_bits(3)), "holds no numbers"),
        (lambda: packets.where(c.nwk_src.has_role("ESME")), "is not a device"),
        (lambda: packets.where(c.time == 3), "never holds"),
        (lambda: packets.where("rssi > 3"), "is no condition"),
        (lambda: Field(0x0702, None, 0x00, "no_such_field"), "no field no_such_field of command 0x00"),
        (lambda: Field(0x0F02, None, 0x00, "x"), "no cluster 0x0f02"),
        (lambda: Command(0x0704, "to-client", 0x00, "no_such_field"), "no field no_such_field"),
        (lambda: Attribute(0x0702, 0xFEFE), "no attribute 0xfefe"),
        (lambda: Item("ECS999", "command", "x"), "no use case ECS999"),
        (lambda: Item("CS02b", "command", "no_such_object"), "no object no_such_object"),
        (lambda: having(attributes), "messages have items, and no attributes"),
        (lambda: EachDevice(packets, c.rssi < -90, "x", per=c.nwk_src), "packets.nwk_src is not a device"),
        (lambda: EachDevice(packets, c.cluster == 3, "x"), "packets have no column cluster"),
        (lambda: EachMessage(packets, c.rssi < -90, "x"), "EachMessage is about messages, not about packets"),
        (lambda: AtMost(Item("CS02b", "", ".*"), 1, 1, "x", per=c.use_case), "is not a device"),
    ],
)
def test_what_is_wrong_is_told_where_it_is_written(wrong: Callable[[], Any], told: str) -> None:
    with pytest.raises(RuleError, match=re.escape(told)):
        wrong()


def test_conditions_are_not_put_together_with_and() -> None:
    with pytest.raises(TypeError, match="put together with"):
        bool((c.rssi < -90) and (c.rssi > -95))


def judged(judge: Any, tables: Any = None, **parameters: Any) -> list[Evidence]:
    some = next(rule for rule in rules() if rule.judge)
    rule = replace(some, judge=judge, parameters=parameters)
    return list(evidence_of(rule, View.of(tables) if tables is not None else view(), parameters))


def test_each_device_has_one_verdict() -> None:
    low = EachDevice(
        packets.where(c.rssi.known), c.rssi < p.level, "{bad} below {level}, {rssi} dBm", "above"
    )
    meter, hub = judged(low, level=-80)
    assert meter.holds and meter.subject == Subject.device(METER) and meter.text == "1 frame above"
    assert not hub.holds and hub.text == "1 frame below -80, -90 dBm (at frame 3)" and hub.frames == (3,)


def test_at_most_counts_within_a_time() -> None:
    often = AtMost(packets, p.times, 1.5, "{most} within {within:.0f} s", "{all:thing}")
    (one,) = judged(often, times=1)
    assert (
        not one.holds
        and one.subject == NETWORK
        and one.text == "2 frames within 2 s"
        and one.frames == (1, 2)
    )
    assert [e.holds for e in judged(replace(often, per=c.sender), times=1)] == [True, True, True]


def home(**tables: Any) -> dict[str, Any]:
    return {"packets": table("packets", ROWS), **{name: table(name, rows) for name, rows in tables.items()}}


def test_each_field_is_told_with_its_command() -> None:
    def row(frame: int, name: str, value: int) -> dict[str, Any]:
        return {
            "frame": frame, "time": ROWS[0]["time"], "layer": "zcl", "source": METER, "destination": HUB,
            "cluster": 0x0704, "direction": "to-client", "command": 0, "command_name": "Request Tunnel Response",
            "field": name, "value": str(value), "number": float(value), "meaning": "Busy" if value else "Success",
        }  # fmt: skip

    tables = home(commands=[row(1, "tunnel_status", 1), row(1, "tunnel_id", 7), row(3, "tunnel_status", 0)])
    status = Field(0x0704, "to-client", 0x00, "tunnel_status")
    (one,) = judged(EachField(status, c.number != 0), tables)
    assert (
        one.text == f"Request Tunnel Response to {HUB:016x}: tunnel_status = 1 (Busy) (1 time)"
        and one.frames == (1,)
    )
    asked = Command(0x0704, "to-client", 0x00, "tunnel_status", "tunnel_id").where(
        field("tunnel_status") == 1
    )
    rows = Selections(View.of(tables)).frame(asked[c.frame, c.source, field("tunnel_id")])
    assert rows.to_dict("list") == {"frame": [1], "source": [METER], "tunnel_id": [7.0]}


def test_each_message_and_each_item_have_a_verdict() -> None:
    first = {
        "message": 1,
        "frames": [1],
        "kind": "gbcs",
        "message_code": 0x0062,
        "use_case": "CS02b",
        "cra": "command",
    }
    tables = home(
        messages=[
            first,
            {**first, "message": 2, "frames": [2], "message_code": 0x0063},
            {**first, "payload_kind": "gbt"},
        ],
        items=[{"message": 1, "item": 0, "object": "cells[2].x", "value": "3", "number": 3.0}],
    )
    broken, kept = judged(EachMessage(messages, c.message_code == 0x0063, "code {message_code:#06x}"), tables)
    assert broken.subject == Subject.of_message(2, "CS02b", "command") and broken.text == "code 0x0063"
    assert (
        kept.holds
        and kept.subject == Subject.messages("CS02b command")
        and kept.text == "1 message as required"
    )
    rows = Item("CS02b", "command", ".*").where(c.object.search("cells"))
    (item,) = judged(EachItem(rows, c.number > 2), tables)
    assert item.text == "cells[2].x = 3" and item.frames == (1,)
    with_x = having(Item("CS02b", "command", ".*").where(c.number > p.least))
    (said,) = judged(EachMessage(messages.where(with_x), c.message == 1, "{message}"), tables, least=2)
    assert said.text == "1" and messages.where(with_x).tables == ("messages", "items")
    assert not judged(EachMessage(messages.where(with_x), c.message == 1, "{message}"), tables, least=3)


def test_messages_have_the_roles_of_their_parties() -> None:
    message = {"message": 1, "frames": [1], "kind": "gbcs", "message_code": 0x62, "cra": "command"}
    devices = [{"eui64": METER, "role": "ESME"}, {"eui64": HUB, "role": "router"}]
    ends = {"originator": f"{METER:016X}", "recipient": f"{HUB:016x}"}
    tables = home(messages=[message | ends, message | {"message": 2}], devices=devices)
    form = EachMessage(messages, c.originator_role == "ESME", "from {originator_role} to {recipient_role}")
    broken, kept = judged(form, tables)
    assert broken.text == "from ESME to unknown" and kept.holds  # what a radio is to its network is no role
    (none,) = judged(EachMessage(messages, c.originator_role.known, "x"), home(messages=[message]))
    assert none.holds


SAID: dict[str, Any] = {
    "id": "a-rule", "title": "T", "finds": "F", "matters": "M", "example": "E", "source": "S", "advice": "A",
    "severity": "info", "confidence": "text", "requires": "R", "judge": EachDevice(attributes, c.number > p.most, "{bad} > {most}"),
    "parameters": {"most": 3},
}  # fmt: skip


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"parameters": {}}, "rule a-rule: no parameter most"),
        ({"judge": EachDevice(attributes, c.number > p.most, "{worst}")}, "a sentence names worst"),
        ({"judge": EachDevice(attributes, c.number > p.most, "{bad")}, "expected '}'"),
        ({"severity": "grave"}, "severity 'grave' is none of info, warning, error, critical"),
        ({"confidence": "sure"}, "confidence 'sure' is none of"),
        ({"family": "x"}, "family 'x' is none of"),
        ({"id": "Not Kebab"}, "an id is written in-kebab-case"),
        ({"id": "disassociation"}, "two rules are called disassociation"),
        ({"advice": ""}, "it does not say its advice"),
    ],
)
def test_a_rule_that_is_wrong_is_not_registered(other: dict[str, Any], told: str) -> None:
    before = {rule.id for rule in rules()}
    with pytest.raises(RuleError, match=re.escape(told)):
        declare(**{**SAID, **other})
    assert set(REGISTRY) == before


def test_what_a_rule_needs_joins_what_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for reads, needs, tables in (
        ([attributes[c.number]], ("devices",), ("attributes", "devices")),
        ([attributes[c.number]], (), ("attributes",)),
        ([], (), ("packets",)),
    ):
        monkeypatch.setattr(registry, "REGISTRY", {})
        said = {key: text for key, text in SAID.items() if key not in ("judge", "parameters", "example")}
        rule(said.pop("id"), said.pop("title"), reads=reads, besides=[packets], needs=needs, **said)(
            lambda *_: []
        )
        one = registry.REGISTRY["a-rule"]
        assert one.needs == tables and one.reads == (*reads, packets)
        assert [rows.table for rows in one.awaits] == [rows.table for rows in one.reads]


def test_what_has_a_name_is_called_by_it() -> None:
    assert packets.where(c.nwk_command == "Leave") == packets.where(c.nwk_command == 4)
    assert packets.where(c.aps_cluster.isin("Price", "Metering")) == packets.where(
        c.aps_cluster.isin(0x0700, 0x0702)
    )
    by_number = Field(0x0704, "to-client", 0x00, "tunnel_status")
    assert Field("Tunneling", "to-client", "Request Tunnel Response", "tunnel_status") == by_number
    with pytest.raises(RuleError, match="no NWK command 'Leeve': Leave"):
        packets.where(c.nwk_command == "Leeve")
    with pytest.raises(RuleError, match="no command 'Request Tunel' to-client of cluster 0x0704"):
        Command("Tunneling", "to-client", "Request Tunel")
