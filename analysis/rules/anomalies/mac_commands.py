"""MAC commands (IEEE 802.15.4 7.5), which are never secured in ZigBee: what the rules about them share."""

from __future__ import annotations

from analysis.features.identifiers import MAC_COMMANDS
from analysis.features.view import Frame, View

__all__ = [
    "ANSWER",
    "ANY_MAC_COMMAND",
    "ASSOCIATION",
    "DATA_REQUEST",
    "DISASSOCIATION",
    "ORPHAN",
    "REALIGNMENT",
    "mac_commands",
]

ASSOCIATION, ANSWER, DISASSOCIATION, DATA_REQUEST, ORPHAN, REALIGNMENT = MAC_COMMANDS.some(
    "Association Request", "Association Response", "Disassociation Notification", "Data Request",
    "Orphan Notification", "Coordinator Realignment",
)  # fmt: skip
ANY_MAC_COMMAND = "MAC commands"


def mac_commands(view: View, command: int) -> Frame:
    """Good frames with the MAC command `command`."""
    packets = view.good
    return packets.only(mac_command=command)
