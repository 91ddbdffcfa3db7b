"""No code and no object of the tables comes out unnamed; unknown ones never raise."""

import pytest

from dissectors.dlms.cosem.data import build_data, read_node
from dissectors.dlms.cosem.obis import target_of
from dissectors.gbcs import dissect_message
from dissectors.gbcs.asn1.structures import STRUCTURES
from dissectors.gbcs.catalogue.names import alert_name, eui64, role_name, use_case, use_cases
from dissectors.gbcs.catalogue.objects import ValueNames, names_of, object_title, objects_of, unit_of
from dissectors.gbcs.payloads.building import access_response, gbz_alert, notification
from dissectors.gbcs.payloads.values import Values
from dissectors.gbcs.sealing import MessageHeader, grouping, signed
from dissectors.layout.tables import table


def test_every_message_code_has_use_case_and_title():
    for code, row in use_cases().items():
        assert row.use_case and row.title, hex(code)
    assert len(use_cases()) >= 240


def test_every_alert_code_has_a_name():
    for row in table("gbcs", "alert_codes"):
        assert alert_name(int(row["alert_code"], 16)), row


def test_every_object_of_every_use_case_has_a_title():
    targets = {target for code in use_cases() for target in objects_of(code)}
    assert len(targets) > 250
    assert [t for t in targets if not object_title(t)] == []


def test_every_object_of_the_obis_table_has_a_title():
    for row in (r for r in table("dlms", "obis") if r["gbcs_name"]):
        target = target_of(int(row["class_id"]), row["obis"], int(row["index"]), row["member"] == "method")
        assert (object_title(target) or "").startswith(row["gbcs_name"])


def test_logs_have_columns_and_energy_has_a_unit():
    log = target_of(7, "0-0:99.1.0.255", 2)
    columns = names_of(0x0037, log).children[0].children[0].children
    assert [c.name for c in columns] == ["timestamp", "primaryValue", "secondaryValue"]
    assert unit_of(log, "primaryValue") == "Wh"
    assert unit_of(target_of(1, "1-0:32.31.0.4", 2)) == "V"


@pytest.mark.parametrize("code", sorted({code for code, _ in STRUCTURES}))
def test_every_structure_belongs_to_a_known_use_case(code):
    assert use_case(code) is not None


def test_unknown_codes_are_said_and_never_raise():
    ends = bytes(7) + b"\1", bytes(7) + b"\2"
    cases = [
        (2, 0x7777, access_response([], 1)),
        (2, 0x7777, b"\x30\x03\x02\x01\x05"),
        (3, 0x7777, gbz_alert(0xEEEE, 5, b"\1\2\3")),
        (3, 0x00CC, notification(("structure", [("long-unsigned", 0xEEEE), ("octet-string", b"x")]), 1)),
        (7, 0x0027, b"\x01\x09\x01\x01\x77\x77\x00\x04\x01\x00\x55\x00"),
    ]
    for cra, code, payload in cases:
        message = dissect_message(signed(grouping(MessageHeader(cra, 1, *ends, code), payload), b""))
        assert message.fields and message.issues
        assert all(i.severity != "error" for i in message.issues), message.issues
    assert role_name(99) == "unknown role 99" and eui64(bytes(8)) == "00-00-00-00-00-00-00-00"


def test_what_gbcs_takes_away_is_said_with_its_source():
    from dissectors.gbcs.payloads.building import NULL, Ask, access_request

    payload = access_request([Ask(1, 18, "0-0:44.0.0.255", 2, NULL)], 5, invoke=1)
    body = grouping(MessageHeader(1, 5, bytes(8), bytes(8), 0x0059), payload)
    texts = [i.text for i in dissect_message(signed(body, None), version="4.4").issues]
    assert any("image transfer" in t and "GBCS v0.8.1 page 129" in t for t in texts)
    assert any("long-invoke-id" in t for t in texts)
    assert not any("image transfer" in i.text for i in dissect_message(signed(body, None)).issues)


def test_data_nested_too_deeply_are_an_issue_and_still_in_a_leaf():
    deep = b"\x02\x01" * 70 + b"\x00"
    payload = b"\xda\x20\x00\x00\x01\x00\x00\x01" + deep + b"\x01\x01\x00"
    octets = signed(grouping(MessageHeader(2, 1, bytes(8), bytes(8), 0x0059), payload), b"")
    message = dissect_message(octets)
    leaves = [leaf for f in message.fields for leaf in f.leaves()]
    assert sum(leaf.length for leaf in leaves) == len(octets)
    assert any("nested deeper" in i.text for i in message.issues)


def test_what_refers_to_an_object_or_chooses_has_no_unit():
    """The objects that get_protected_attributes asks for: a class and an option are no readings, whatever the log holds."""
    target = target_of(30, "0-0:43.2.1.255", 1, True)
    log = target_of(7, "1-0:99.1.0.255", 2)
    for one in (target, log):
        body = build_data(("structure", [("long-unsigned", 1), ("enum", 0), ("enum", 2)]))
        node = read_node(body, 0, len(body))[0]
        names = ValueNames("value")
        names.children = [ValueNames(name) for name in ("class_id", "restriction_type", "activeImportKind")]
        values = Values(one, names)
        leaves = values.named(node, "activeImport").children[1:]
        assert [leaf.meaning for leaf in leaves] == ["long-unsigned: 1", "enum: 0", "enum: 2"]
        assert [row["unit"] for row in values.rows(node, "ActiveImportRegister")] == [None] * 3
