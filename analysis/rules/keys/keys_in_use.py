"""Under which keys data travels."""

from analysis.rules.declare import EachDevice, c, declare, packets

DATA = packets.where(c.aps_type == "data")
LINK_KEY_CLUSTERS = (
    "Price", "Demand Response and Load Control", "Metering", "Messaging", "Tunneling", "Prepayment", "Calendar",
    "Device Management", "Events", "Sub-GHz", "Time", "OTA Upgrade", "Keep-Alive",
)  # fmt: skip

declare(
    id="well-known-key-opens-frames",
    title="A published key opens frames of this network",
    finds="Frames under APS security, other than a Transport-Key, that the published default link key opens.",
    matters="They show a pair of devices without a secret between them.",
    example="""In-home display (90b3d5fffe0000a2): 12 frames under APS security that a well-known key opens (from
    frame 90 to 204)""",
    source="ZSE 1.2a 07-5356-19 5.4",
    advice="Find the devices that still hold the default key and give them keys of their own",
    family="anomaly", area="keys", severity="error", confidence="secondary", cause="key exposure", covers=("rules:Z02",),
    requires="frames under APS security that a known key opens", needs=("keys",),
    judge=EachDevice(
        packets.where(c.aps_security.isin("ok", "replay"), ~(c.aps_command == "Transport Key")),
        c.aps_key.search("^well-known"), "{bad} under APS security that a well-known key opens",
    ),
    broken_by="planted: a Request-Key under the well-known key", kept_by="ordinary-day --seconds 1500",
)  # fmt: skip

declare(
    id="smart-energy-without-link-key",
    title="Smart Energy data without APS security",
    finds="Data on metering, price, prepayment, tunnel and the other Smart Energy clusters without APS security.",
    matters="""They travel under the link key of the two devices, not only under the network key that every device of
    the home holds.""",
    example="Gas meter (90b3d5fffe0000a1): 6 frames without APS security on cluster 0x0702 (from frame 300 to 420)",
    source="ZSE 1.2a 07-5356-19 5.4.6; CPA security characteristics",
    advice="The receiver must drop it; find out why the sender holds no link key",
    family="compliance", area="keys", severity="warning", confidence="recalled", cause="unprotected data",
    covers=("rules:Z10", "rules:C01"), requires="APS data on Smart Energy clusters", smart_energy=True,
    judge=EachDevice(
        DATA.where(c.aps_profile == "Smart Energy", c.aps_cluster.isin(*LINK_KEY_CLUSTERS)), c.aps_security == "none",
        "{bad} without APS security on cluster {aps_cluster:#06x}", good="under a link key",
    ),
    broken_by="ordinary-day --fault unsecured-data --seconds 1500", kept_by="ordinary-day --seconds 1500",
)  # fmt: skip

declare(
    id="smart-energy-key-id",
    title="Smart Energy data under the wrong kind of APS key",
    finds="APS data frames under another key than the link key itself (key identifier 0).",
    matters="The key-transport and key-load keys are for Transport-Key commands only.",
    example="""Gas meter (90b3d5fffe0000a1): 2 frames of APS data under a key that is not the link key (from frame 300
    to 420)""",
    source="ZSE 1.2a 07-5356-19 5.4.6",
    advice="Data is sent under the link key itself (key identifier 0); look at the sender's stack",
    family="compliance", area="keys", severity="warning", confidence="recalled", cause="unprotected data",
    covers=("rules:Z10",), requires="APS-secured data frames", smart_energy=True,
    judge=EachDevice(
        DATA.where(c.aps_key_id.known), ~(c.aps_key_id == "link"),
        "{bad} of APS data under a key that is not the link key",
    ),
    broken_by="planted: data under the key-load key", kept_by="ordinary-day --seconds 1500",
)  # fmt: skip
