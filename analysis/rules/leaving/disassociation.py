from collections.abc import Iterator

from analysis.features.identifiers import MAC_COMMANDS
from analysis.features.judging import count, judge, mask
from analysis.rules.declare import Evidence, Frame, View, c, packets, rule
from analysis.rules.refusals.codes import code_of

LEAVES = MAC_COMMANDS["Disassociation Notification"]
REASON = MAC_COMMANDS.field("Disassociation Notification", "reason")


@rule(
    "disassociation",
    "A disassociation command",
    finds="""MAC disassociation notifications. ZigBee PRO does not use the MAC's own disassociation: its devices leave
    by the NWK Leave command.""",
    matters="The command is unsecured, so anybody can send it in the name of a device or its parent.",
    example="""In-home display (90b3d5fffe0000a2): 4 frames with a disassociation: coordinator wants device to
    leave (0x01) (from frame 812 to 1040)""",
    source="IEEE 802.15.4 7.3.3; not used by ZigBee PRO",
    advice="ZigBee devices leave by the NWK Leave command: find out who sent this one",
    family="anomaly", area="leaving", severity="warning", confidence="secondary", cause="forged command",
    covers=("attacks:A22",), requires="MAC commands",
    reads=[packets.where(c.mac_command.known)[c.frame, c.sender, c.mac_command]],
    broken_by="ordinary-day --fault disassociation-spoof --seconds 1500", kept_by="security-review --seconds 1500",
)  # fmt: skip
def disassociation(view: View, given: Frame) -> Iterator[Evidence]:
    """Each sender of MAC commands, with the reason that its notifications give."""

    def says(found: Frame, _: Frame) -> str:
        told = view.command_rows("mac", [LEAVES])
        told = told[mask(told["frame"].isin(found["frame"])) & mask(told["field"] == REASON)]
        known = {int(code): code_of("disassociation", int(code)) for code in told["number"].dropna().unique()}
        words = [f"{one.meaning if one else 'unknown reason'} ({code:#04x})" for code, one in known.items()]
        return f"{count(found)} with a disassociation{': ' * bool(words)}{', '.join(words)}"

    yield from judge(view, given, mask(given["mac_command"] == LEAVES), says)
