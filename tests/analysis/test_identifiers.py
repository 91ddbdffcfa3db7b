"""Rules name what they compare: each cluster, command, field, attribute, status, code is looked up by its name when the
rule is imported, and this finds the numbers that nobody looked up."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.features.identifiers import (
    ALERTS,
    CLUSTERS,
    MAC_COMMANDS,
    NWK_COMMANDS,
    STATUS,
    ZDP_COMMANDS,
    attribute,
    class_attribute,
    enumeration,
    interface_class,
    message_code,
    to_client,
    to_server,
)
from analysis.features.names import UnknownName

ROOT = Path(__file__).parents[2] / "analysis"
FILES = sorted([*(ROOT / "rules").rglob("*.py"), *(ROOT / "features").rglob("*.py")])
NAMED = {
    "alert_code", "aps_cluster", "aps_command", "aps_key_id", "aps_profile", "attribute", "attribute_name", "class_id",
    "cluster", "command", "command_name", "field", "mac_command", "message_code", "nwk_command", "status", "zcl_command",
    "zcl_status",
}  # fmt: skip
"""Columns whose values have names."""
LEFT = {
    ("features/identifiers.py", "0x80"): "no identifier: how many attributes a class may have",
    ("features/judging.py", "0x9E3779B97F4A7C15"): "no identifier: a hash",
    ("features/judging.py", "0xBF58476D1CE4E5B9"): "no identifier: a hash",
    ("features/judging.py", "0xFFFFFFFFFFFFFFFE"): "no identifier: a hash",
    ("features/stations.py", "0xFFF8"): "the first broadcast address (05-3474 table 3.69): no table has it",
    ("features/stations.py", "0xFFFF"): "the broadcast PAN: no table has it",
    ("features/stations.py", "0x10000"): "no identifier: PAN and short address in one number",
    ("features/view.py", "0xFFFF"): "no identifier: the short address in that number",
    ("rules/anomalies/beacons.py", "0xD8"): "the sequence number that a known tool writes",
    ("rules/anomalies/counters.py", "0x80000000"): "a parameter: half of what a counter can count",
    ("rules/anomalies/joining.py", "0x80"): "a bound between two kinds of status",
    ("rules/compliance/aps_security.py", "0xFC00"): "a bound of a range",
    ("rules/compliance/aps_security.py", "0xC000"): "a bound of a range",
    ("rules/compliance/aps_security.py", "0xFFFF"): "a bound of a range",
    ("rules/compliance/dlms_modifications.py", "rows['attribute'] > 0"): "no identifier: an attribute, no method",
    ("rules/compliance/gas_logs.py", "0x0054"): "event codes of GBCS, for which the tables have no names",
    ("rules/compliance/gas_logs.py", "0x0055"): "event codes of GBCS, for which the tables have no names",
    ("rules/compliance/gbcs_alerts.py", "0x80"): "a range of alert codes by its high octet",
    ("rules/compliance/gbcs_alerts.py", "0x81"): "a range of alert codes by its high octet",
    ("rules/compliance/metering.py", "0xFF"): "no identifier: parts of a number",
    ("rules/compliance/metering.py", "0xFFFF"): "no identifier: parts of a number",
    ("rules/compliance/network.py", "0xFFFF"): "no identifier: the short address in a number",
    ("rules/compliance/prepayment.py", "0xFFFFFFFF"): "no identifier: half of a counter",
    ("rules/compliance/routing.py", "0xFFFF"): "no identifier: the short address in a number",
    ("rules/compliance/zigbee_modifications.py", "0x00E0FFF3"): "a mask of bits, as GBCS 10.2.2.2 lists them",
    ("rules/compliance/zigbee_modifications.py", "0x000002C0"): "a mask of bits, as GBCS 10.2.2.2 lists them",
    ("rules/compliance/zigbee_modifications.py", "0x0F"): "no identifier: the low half of an octet",
}  # fmt: skip
"""What may stay, and why."""


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool)


def plain(node: ast.AST, words: bool) -> bool:
    """Whether a value, or one of a list of them, is written out (an index or the base of a number is none)."""
    if is_number(node) or (words and isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return True
    if isinstance(node, ast.Subscript | ast.Call | ast.ListComp):
        return False
    return any(plain(inner, words) for inner in ast.iter_child_nodes(node))


def columns(node: ast.AST) -> set[str]:
    """The columns with named values that an expression reads."""
    keys = {
        n.slice.value
        for n in ast.walk(node)
        if isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant)
    }
    return (keys | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}) & NAMED


def compared(tree: ast.AST) -> Iterator[ast.AST]:
    """Comparisons of such columns with values that are written out; selections by them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and (found := columns(node.left)):
            if any(
                plain(one, bool(found & {"field", "attribute_name", "command_name"}))
                for one in node.comparators
            ):
                yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "only" and any(
                k.arg in NAMED and plain(k.value, False) for k in node.keywords
            ):
                yield node
            if (
                node.func.attr == "isin"
                and columns(node.func.value)
                and any(plain(a, False) for a in node.args)
            ):
                yield node


def looked_up_by_nobody(path: Path) -> set[str]:
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    out = {ast.unparse(node) for node in compared(tree)}
    for node in ast.walk(tree):
        written = (ast.get_source_segment(source, node) or "") if is_number(node) else ""
        out |= {written} if written.lower().startswith("0x") else set()
    return out


def test_no_number_of_a_rule_stands_for_a_name() -> None:
    found = {(str(path.relative_to(ROOT)), one) for path in FILES for one in looked_up_by_nobody(path)}
    assert found - set(LEFT) == set(), "look it up by its name (analysis.features.identifiers)"
    assert set(LEFT) - found == set(), "no longer there: take it out of the list"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: CLUSTERS["Meterin"],
        lambda: MAC_COMMANDS["Data Requests"],
        lambda: STATUS["NOT_THERE"],
        lambda: ALERTS["Supply Outage"],
        lambda: enumeration("NoSuchEnumeration"),
        lambda: to_client(CLUSTERS["Price"], "Get Current Price"),  # the other direction
        lambda: to_server(CLUSTERS["Metering"], "Consumer Top Up"),  # another cluster
        lambda: to_client(CLUSTERS["OTA Upgrade"], "Image Block Response").field("current_file_version"),
        lambda: attribute(CLUSTERS["Time"], "CurrentSummationDelivered"),
        lambda: NWK_COMMANDS.field("Leave", "path_cost"),
        lambda: ZDP_COMMANDS.field("Device_annce", "key_type"),
        lambda: message_code("ECS999"),
        lambda: message_code("CS06"),  # two codes
        lambda: interface_class("associations"),
        lambda: class_attribute(interface_class("account"), "value_passive"),
    ],
)
def test_a_wrong_name_fails(wrong) -> None:
    with pytest.raises(UnknownName):
        wrong()


def test_names_are_what_they_were_as_numbers() -> None:
    assert CLUSTERS["Metering"] == 0x0702 and STATUS["NOT_FOUND"] == 0x8B
    assert to_server(CLUSTERS["Prepayment"], "Consumer Top Up").id == 0x04
    assert (message_code("CS06", "Activation Alert"), message_code("ECS70")) == (0x00CA, 0x0062)
    assert NWK_COMMANDS.field("Link Status", "neighbour") == "neighbour"
    assert class_attribute(interface_class("account"), "max_provision_period") == 19
