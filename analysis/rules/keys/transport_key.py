"""Transport-Key commands (ZigBee PRO 05-3474 4.4.3): how a key that travels is protected."""

from typing import Any

from analysis.features.stations import NO_SHORT
from analysis.rules.declare import EachDevice, c, declare, packets

JOIN = "a join: an APS Transport-Key command"
KEYS_SENT = packets.where(c.aps_command == "Transport Key")
SHARED: dict[str, Any] = {"area": "keys", "cause": "key exposure"}

declare(
    id="transport-key-in-clear",
    title="A key was sent in clear",
    finds="Transport-Key commands without APS security, and with no NWK security either, as in a join.",
    matters="""A joining device gets the network key in such a command, which must be enciphered under a key of that
    device alone. Otherwise everybody in reach can read it.""",
    example="""Communications hub (90b3d5fffe00000f): 1 frame with a Transport-Key that has no security at all (at
    frame 52)""",
    source="ZigBee PRO 05-3474 4.4.3; KillerBee zbdsniff; ZigBee Exploited (2015)",
    advice="Renew the network key; find out why the trust centre sent it without the joiner's link key",
    family="anomaly", severity="critical", confidence="secondary", covers=("rules:Z03", "attacks:A02"), requires=JOIN,
    judge=EachDevice(
        KEYS_SENT, (c.aps_security == "none") & (c.nwk_security == "none"),
        "{bad} with a Transport-Key that has no security at all", good="carry a key under security",
    ),
    broken_by="ordinary-day --fault clear-key --seconds 1500", kept_by="install-day --seconds 1500", **SHARED,
)  # fmt: skip

declare(
    id="transport-key-network-only",
    title="A key was sent under the network key alone",
    finds="""Transport-Key commands to one device inside a frame under the network key but without APS security. A new
    network key for all is broadcast so (4.6.3.4).""",
    matters="Every device of the network can read them. ZigBee wants APS security on each key that travels.",
    example="""Communications hub (90b3d5fffe00000f): 1 frame with a Transport-Key that only the network key protects
    (at frame 410)""",
    source="ZigBee PRO 05-3474 4.4.3; ZSE 1.2a 5.4",
    advice="Every device of the network could read this key; see which key it was and renew it",
    family="anomaly", severity="warning", confidence="recalled", covers=("rules:Z03",), requires=JOIN,
    judge=EachDevice(
        KEYS_SENT.where(~(c.nwk_dst >= NO_SHORT)), (c.aps_security == "none") & ~(c.nwk_security == "none"),
        "{bad} with a Transport-Key that only the network key protects",
    ),
    broken_by="planted: a link key under the network key alone", kept_by="install-day --seconds 1500", **SHARED,
)  # fmt: skip

declare(
    id="transport-key-well-known",
    title="A key was sent under a key that everybody knows",
    finds='Transport-Key commands that the default trust centre link key ("ZigBeeAlliance09") or a touchlink key opens.',
    matters="""These keys are published: a network key that is transported under them is as good as sent in clear. A
    GB HAN never uses them: each device has an install code.""",
    example="""Communications hub (90b3d5fffe00000f): 1 frame with a Transport-Key that a well-known key opens (at
    frame 52)""",
    source="ZSE 1.2a 07-5356-19 5.4; ZigBee Exploited (2015); KillerBee zbdsniff",
    advice="Smart Energy devices join with an install code; remove the device and renew the network key",
    family="anomaly", severity="critical", confidence="secondary", covers=("rules:Z02", "attacks:A03"),
    requires=JOIN + " that a known key opens",
    judge=EachDevice(
        KEYS_SENT.where(c.aps_security.isin("ok", "replay")), c.aps_key.search("^well-known"),
        "{bad} with a Transport-Key that a well-known key opens",
    ),
    broken_by="ordinary-day --fault well-known-key --seconds 1500", kept_by="install-day --seconds 1500", **SHARED,
)  # fmt: skip

declare(
    id="transport-key-key-id",
    title="A network key was not sent under the key-transport key",
    finds="Transport-Key commands under another key than the key-transport, key-load or link key.",
    matters="""The trust centre sends a network key under the key-transport key, which is derived from the link key of
    that one device, and a link key under the key-load key.""",
    example="Communications hub (90b3d5fffe00000f): 1 frame with a key under the wrong kind of key (at frame 52)",
    source="ZigBee PRO 05-3474 4.5.3",
    advice="Look at the trust centre's stack",
    family="compliance", severity="warning", confidence="recalled", covers=("rules:Z04",),
    requires="a Transport-Key command under APS security",
    judge=EachDevice(
        KEYS_SENT.where(c.aps_key_id.known), ~c.aps_key_id.isin("key-transport", "key-load", "link"),
        "{bad} with a key under the wrong kind of key",
    ),
    broken_by="planted: a network key under the network key", kept_by="install-day --seconds 1500", **SHARED,
)  # fmt: skip
