from analysis.rules.declare import EachDevice, c, declare, packets

declare(
    id="leave-unsecured",
    title="A Leave command without security",
    finds="NWK Leave commands that the network key does not secure.",
    matters="""Such a Leave can come from anybody with a transmitter. A correct device ignores it; a device that
    leaves all the same can be thrown out by anyone.""",
    example="Communications hub (90b3d5fffe00000f): 3 frames with an unsecured Leave (from frame 640 to 655)",
    source="ZigBee PRO 05-3474 3.6.1.10; Zillner (2015)",
    advice="A device must ignore it; if it left all the same, its stack needs an update",
    family="compliance", area="leaving", severity="warning", confidence="recalled", cause="forged command",
    covers=("rules:N13", "attacks:A21"), requires="a NWK Leave command",
    judge=EachDevice(packets.where(c.nwk_command == "Leave"), c.nwk_security == "none", "{bad} with an unsecured Leave"),
    broken_by="ordinary-day --fault leave-spoof --seconds 1500", kept_by="planted: a display tells others to leave",
)  # fmt: skip
