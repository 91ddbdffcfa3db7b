"""Leave and disassociation: who tells devices to go."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import NWK_COMMANDS
from analysis.features.judging import events, judge, mask, plural
from analysis.features.view import View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import NETWORK
from analysis.rules.anomalies.mac_commands import ANY_MAC_COMMAND, DISASSOCIATION
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "leaving")

LEAVE, LINK_STATUS = NWK_COMMANDS.some("Leave", "Link Status")
OTHERS = NWK_COMMANDS.field("Leave", "request")


@rule(
    "disassociation",
    "A disassociation command",
    severity="warning",
    source="IEEE 802.15.4 7.3.3; not used by ZigBee PRO",
    confidence="secondary",
    merges=("attacks:A22",),
    cause="forged command",
    unseen=ANY_MAC_COMMAND,
    advice="ZigBee devices leave by the NWK Leave command: find out who sent this one",
)
def disassociation(view: View) -> Iterator[Evidence]:
    """ZigBee PRO does not use the MAC's own disassociation. The command is unsecured, so anybody can send
    it in the name of a device or its parent."""
    rows = view.good[mask(view.good["mac_command"].notna())]
    yield from judge(view, rows, mask(rows["mac_command"] == DISASSOCIATION), "{bad} with a disassociation")


@rule(
    "leave-flood",
    "Many devices are told to leave",
    severity="error",
    source="Zillner (2015); Zigator injection set",
    confidence="secondary",
    merges=("attacks:A21",),
    cause="forged command",
    unseen="NWK Leave commands or MAC disassociations",
    advice="Unless the hub removes devices on purpose: see who sends the commands and whether devices obey",
)
def leave_flood(view: View, *, commands: int = 5, window: float = 60.0) -> Iterator[Evidence]:
    """Several Leave commands or disassociations within a minute are not how a network is run: somebody
    throws devices out."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == LEAVE) | mask(packets["mac_command"] == DISASSOCIATION)]
    if rows.empty:
        return
    seconds = rows["seconds"].to_numpy(dtype=float)
    within = np.searchsorted(seconds, seconds + window, side="right") - np.arange(len(seconds))
    at = int(within.argmax())
    burst = rows.iloc[at : at + int(within[at])]
    most = events(burst)
    if most >= commands:
        yield broken(NETWORK, f"{plural(most, 'command')} to leave within {window:.0f} s", burst["frame"])
    else:
        yield kept(NETWORK, f"{plural(events(rows), 'command')} to leave, at most {most} in {window:.0f} s")


@rule(
    "leave-source",
    "A Leave request from a device that may not give one",
    severity="warning",
    source="ZigBee PRO 05-3474 3.6.1.10",
    confidence="recalled",
    merges=("rules:N13", "attacks:A21"),
    needs=("packets", "commands"),
    cause="forged command",
    unseen="a readable NWK Leave command with its request bit",
    advice="Only the trust centre or the parent may tell a device to leave",
)
def leave_source(view: View) -> Iterator[Evidence]:
    """A Leave with the request bit tells another device to go. It counts only from the trust centre
    (0x0000) or from the device's parent; a device that leaves by itself announces it to all."""
    packets = view.good
    rows = packets.only(nwk_command=LEAVE, nwk_security="ok")
    requests = view.command_rows("nwk", [LEAVE])
    requests = requests[mask(requests["field"] == OTHERS) & mask(requests["number"] == 1)]
    rows = rows[mask(rows["frame"].isin(requests["frame"]))]
    relays = set(packets.only(nwk_command=LINK_STATUS)["nwk_src"].dropna().tolist()) | {0}
    yield from judge(
        view, rows, ~mask(rows["nwk_src"].isin(list(relays))), "{bad} telling another device to leave"
    )
