"""Keys that travel so that others can read them."""

from collections.abc import Iterator

from analysis.features.identifiers import APS_COMMANDS
from analysis.features.judging import judge, mask
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.rules.registry import rules_of
from analysis.tables.lazy import matching

rule = rules_of("anomaly", "key exposure")

TRANSPORT_KEY = APS_COMMANDS["Transport Key"]
JOIN = "a join: an APS Transport-Key command"


@rule(
    "transport-key-in-clear",
    "A key was sent in clear",
    severity="critical",
    source="ZigBee PRO 05-3474 4.4.3; KillerBee zbdsniff; ZigBee Exploited (2015)",
    confidence="secondary",
    merges=("rules:Z03", "attacks:A02"),
    cause="key exposure",
    unseen=JOIN,
    advice="Renew the network key; find out why the trust centre sent it without the joiner's link key",
)
def transport_key_in_clear(view: View) -> Iterator[Evidence]:
    """A joining device gets the network key in a Transport-Key command, which must be enciphered under a
    key of that device alone. Without APS security (and with no NWK security either, as in a join) everybody
    in reach can read it."""
    packets = view.good
    rows = packets.only(aps_command=TRANSPORT_KEY)
    clear = mask(rows["aps_security"] == "none") & mask(rows["nwk_security"] == "none")
    yield from judge(
        view,
        rows,
        clear,
        "{bad} with a Transport-Key that has no security at all",
        good="carry a key under security",
    )


@rule(
    "transport-key-network-only",
    "A key was sent under the network key alone",
    severity="warning",
    source="ZigBee PRO 05-3474 4.4.3; ZSE 1.2a 5.4",
    confidence="recalled",
    merges=("rules:Z03",),
    cause="key exposure",
    unseen=JOIN,
    advice="Every device of the network could read this key; see which key it was and renew it",
)
def transport_key_network_only(view: View) -> Iterator[Evidence]:
    """A Transport-Key command inside a frame under the network key but without APS security can be read by
    every device of the network. ZigBee wants APS security on each key that travels."""
    packets = view.good
    rows = packets.only(aps_command=TRANSPORT_KEY)
    bare = mask(rows["aps_security"] == "none") & ~mask(rows["nwk_security"] == "none")
    yield from judge(view, rows, bare, "{bad} with a Transport-Key that only the network key protects")


@rule(
    "transport-key-well-known",
    "A key was sent under a key that everybody knows",
    severity="critical",
    source="ZSE 1.2a 07-5356-19 5.4; ZigBee Exploited (2015); KillerBee zbdsniff",
    confidence="secondary",
    merges=("rules:Z02", "attacks:A03"),
    cause="key exposure",
    unseen=JOIN + " that a known key opens",
    advice="Smart Energy devices join with an install code; remove the device and renew the network key",
)
def transport_key_well_known(view: View) -> Iterator[Evidence]:
    """The default trust centre link key ("ZigBeeAlliance09") and the touchlink keys are published. A
    network key that is transported under them is as good as sent in clear. A GB HAN never uses them: each
    device has an install code."""
    packets = view.good
    rows = packets.only(aps_command=TRANSPORT_KEY, aps_security=["ok", "replay"])
    known = matching(rows["aps_key"], "well-known", "match")
    yield from judge(view, rows, known, "{bad} with a Transport-Key that a well-known key opens")


@rule(
    "well-known-key-opens-frames",
    "A published key opens frames of this network",
    severity="error",
    source="ZSE 1.2a 07-5356-19 5.4",
    confidence="secondary",
    merges=("rules:Z02",),
    needs=("packets", "keys"),
    cause="key exposure",
    unseen="frames under APS security that a known key opens",
    advice="Find the devices that still hold the default key and give them keys of their own",
)
def well_known_key_opens_frames(view: View) -> Iterator[Evidence]:
    """Any APS frame, not only a Transport-Key, that the published default link key opens shows a pair of
    devices without a secret between them."""
    packets = view.good
    rows = packets.only(aps_security=["ok", "replay"])
    rows = rows[~mask(rows["aps_command"] == TRANSPORT_KEY)]
    known = matching(rows["aps_key"], "well-known", "match")
    yield from judge(view, rows, known, "{bad} under APS security that a well-known key opens")
