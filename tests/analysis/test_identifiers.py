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
    "range(1, 0x80)": "no identifier: how many attributes a class may have",
    "0x9E3779B97F4A7C15": "no identifier: a hash",
    "0xFFFFFFFFFFFFFFFE": "no identifier: a hash",
    "NO_SHORT = 0xFFF8": "the first broadcast address (05-3474 table 3.69): no table has it",
    "BROADCAST_PAN = 0xFFFF": "no table has it",
    "* 0x10000": "no identifier: PAN and short address in one number",
    "key & 0xFFFF": "no identifier: the short address in that number",
    "k & 0xFFFF": "no identifier: the short address in that number",
    "ZBFAKEBEACON_SEQUENCE = 0xD8": "the sequence number that a known tool writes",
    "limit: int = 0x80000000": "a parameter: half of what a counter can count",
    "FAST_ASSOCIATION = 0x80": "a bound between two kinds of status",
    "OWN_CLUSTERS, OWN_PROFILES, ANY_PROFILE =": "bounds of ranges",
    "(c.attribute > 0)": "no identifier: an attribute, no method",
    "COMMAND_EVENTS = {": "event codes of GBCS, for which the tables have no names",
    "OF_NETWORK_OPERATORS, CONFIGURABLE =": "ranges of alert codes by their high octet",
    "key >> 8 & 0xFFFF), key & 0xFF": "no identifier: parts of a number",
    'attribute(METERING, "FunctionalNotificationFlags"):': "a mask of bits, as GBCS 10.2.2.2 lists them",
    'attribute(METERING, "NotificationFlags4"):': "a mask of bits, as GBCS 10.2.2.2 lists them",
    ".astype(int) & 0x0F": "no identifier: the low half of an octet",
}
"""What may stay, by a piece of its line, and why."""


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
    """The lines with a number, or a field's name, that nobody looked up."""
    source = path.read_text("utf-8")
    tree, lines = ast.parse(source), source.splitlines()
    places = {node.lineno for node in compared(tree)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if is_number(node) and (ast.get_source_segment(source, node) or "").lower().startswith("0x"):
            places.add(node.lineno)  # type: ignore[attr-defined]
    return {lines[place - 1].strip() for place in places}


def test_no_number_of_a_rule_stands_for_a_name() -> None:
    found = {(str(path.relative_to(ROOT)), line) for path in FILES for line in looked_up_by_nobody(path)}
    nameless = {(path, line) for path, line in found if not any(known in line for known in LEFT)}
    assert nameless == set(), "look it up by its name (analysis.features.identifiers)"
    stale = {known for known in LEFT if not any(known in line for _, line in found)}
    assert stale == set(), "no longer there: take it out of the list"


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
