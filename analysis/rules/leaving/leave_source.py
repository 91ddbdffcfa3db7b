from collections.abc import Iterator

from analysis.features.identifiers import NWK_COMMANDS
from analysis.features.judging import judge, mask
from analysis.rules.declare import Evidence, Frame, View, c, commands, packets, rule

LEAVE = NWK_COMMANDS["Leave"]
TO_ANOTHER = NWK_COMMANDS.field("Leave", "request")

LEAVES = packets.where(c.nwk_command == LEAVE, c.nwk_security == "ok")[c.frame, c.sender, c.nwk_src]
REQUESTS = commands.where(
    c.layer == "nwk", c.command == LEAVE, c.field == TO_ANOTHER, c.number == 1
)[c.frame]  # fmt: skip
RELAYS = packets.where(c.nwk_command == "Link Status")[c.nwk_src]


@rule(
    "leave-source",
    "A Leave request from a device that may not give one",
    finds="""Leave commands with the request bit, which tell another device to go, from neither the trust centre
    (0x0000) nor a router.""",
    matters="""A Leave counts only from the trust centre or from the device's parent; a device that leaves by itself
    announces it to all.""",
    example="In-home display (90b3d5fffe0000a2): 2 frames telling another device to leave (from frame 410 to 411)",
    source="ZigBee PRO 05-3474 3.6.1.10",
    advice="Only the trust centre or the parent may tell a device to leave",
    family="anomaly", area="leaving", severity="warning", confidence="recalled", cause="forged command",
    covers=("rules:N13", "attacks:A21"), requires="a readable NWK Leave command with its request bit",
    reads=[LEAVES, REQUESTS, RELAYS],
    broken_by="planted: a display tells others to leave", kept_by="planted: one child is told to leave, over and over",
)  # fmt: skip
def leave_source(view: View, leaves: Frame, requests: Frame, relays: Frame) -> Iterator[Evidence]:
    """Who sends link status is a router, and may be the parent of the device that it tells to leave."""
    rows = leaves[leaves["frame"].isin(requests["frame"])]
    allowed = {0, *relays["nwk_src"].dropna().unique()}
    yield from judge(
        view, rows, ~mask(rows["nwk_src"].isin(allowed)), "{bad} telling another device to leave"
    )
