"""What rules are written with, in one place: ``from analysis.rules.declare import c, declare, packets, EachDevice``.

`docs/writing_rules.md` begins with a rule and ends with its test.
"""

from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import CAPTURE, CHANNEL, NETWORK, Subject
from analysis.rules.expression import RuleError, c, p
from analysis.rules.judgement import AtMost, EachDevice, EachField, EachItem, EachMessage
from analysis.rules.named_rows import (
    TO_CLIENT,
    TO_SERVER,
    Attribute,
    ClusterCommands,
    Command,
    Field,
    FieldQuantity,
    Item,
    Quantity,
)
from analysis.rules.registry import declare, rule
from analysis.rules.rows import (
    all_messages,
    all_packets,
    attributes,
    commands,
    devices,
    field,
    having,
    items,
    messages,
    packets,
)

__all__ = [
    "CAPTURE", "CHANNEL", "NETWORK", "TO_CLIENT", "TO_SERVER", "AtMost", "Attribute", "ClusterCommands", "Command",
    "EachDevice", "EachField", "EachItem", "EachMessage", "Evidence", "Field", "FieldQuantity", "Frame", "Item",
    "Quantity", "RuleError", "Subject", "View", "all_messages", "all_packets", "attributes", "broken", "c",
    "commands", "declare", "devices", "field", "having", "items", "kept", "messages", "p", "packets", "rule",
]  # fmt: skip
