from analysis.rules.declare import EachDevice, c, declare, packets

declare(
    id="disassociation",
    title="A disassociation command",
    finds="""MAC disassociation notifications. ZigBee PRO does not use the MAC's own disassociation: its devices leave
    by the NWK Leave command.""",
    matters="The command is unsecured, so anybody can send it in the name of a device or its parent.",
    example="In-home display (90b3d5fffe0000a2): 4 frames with a disassociation (from frame 812 to 1040)",
    source="IEEE 802.15.4 7.3.3; not used by ZigBee PRO",
    advice="ZigBee devices leave by the NWK Leave command: find out who sent this one",
    family="anomaly", area="leaving", severity="warning", confidence="secondary", cause="forged command",
    covers=("attacks:A22",), requires="MAC commands",
    judge=EachDevice(
        packets.where(c.mac_command.known), c.mac_command == "Disassociation Notification", "{bad} with a disassociation",
    ),
    broken_by="ordinary-day --fault disassociation-spoof --seconds 1500", kept_by="security-review --seconds 1500",
)  # fmt: skip
