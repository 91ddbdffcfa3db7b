"""MAC commands (IEEE 802.15.4 7.5), which are never secured in ZigBee: what the rules about them share."""

from __future__ import annotations

from analysis.features.view import Frame, View

__all__ = [
    "ANSWER",
    "ASSOCIATION",
    "DATA_REQUEST",
    "DISASSOCIATION",
    "MAC_COMMANDS",
    "ORPHAN",
    "REALIGNMENT",
    "mac_commands",
]

ASSOCIATION, ANSWER, DISASSOCIATION, DATA_REQUEST, ORPHAN, REALIGNMENT = 0x01, 0x02, 0x03, 0x04, 0x06, 0x08
MAC_COMMANDS = "MAC commands"


def mac_commands(view: View, command: int) -> Frame:
    """Good frames with the MAC command `command`."""
    packets = view.good
    return packets.only(mac_command=command)
