"""What changes around the devices: neighbours on the channel, moves to another channel or PAN identifier."""

from collections.abc import Iterator

from analysis.features.identifiers import CLUSTERS, NWK_COMMANDS, attribute
from analysis.features.judging import count, mask
from analysis.features.view import View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.named_rows import Attribute
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "surroundings")

SUB_GHZ = CLUSTERS["Sub-GHz"]
CHANNEL_CHANGE, NETWORK_UPDATE = attribute(SUB_GHZ, "ChannelChange"), NWK_COMMANDS["Network Update"]


@rule(
    "neighbour-network",
    "Another network on the channel",
    severity="info",
    source="IEEE 802.15.4 (shared channels)",
    confidence="derived",
    cause="interference",
    unseen="secured frames of two networks, one of which a held key opens",
    advice="Harmless as such; it shares the air time, and its frames stay shut without its key",
)
def neighbour_network(view: View, *, least: int = 20) -> Iterator[Evidence]:
    """The network of the given keys is readable, and another PAN identifier carries secured frames of which
    none is: a neighbour within reach."""
    packets = view.good
    secured = packets[mask(packets["nwk_security"].isin(["ok", "no_key", "bad_mic"]))]
    opened = mask(secured["nwk_security"] == "ok")
    if not opened.any():
        return
    for pan, part in secured.groupby("pan", sort=False):
        subject = Subject.network(pan)
        if len(part) >= least and not mask(part["nwk_security"] == "ok").any():
            text = f"{count(part)} under a key that is not held, on channel {part['channel'].iloc[0]}"
            yield broken(subject, text, part["frame"])
        else:
            yield kept(subject, "opened with a held key")


@rule(
    "pan-id-moved",
    "The network took another PAN identifier",
    severity="info",
    source="ZigBee PRO 05-3474 3.4.10 (Network Update)",
    confidence="secondary",
    cause="network change",
    unseen="NWK commands",
    advice="Look at both PAN identifiers; it is the answer to a conflict, true or provoked",
)
def pan_id_moved(view: View) -> Iterator[Evidence]:
    """A Network Update command tells all devices the new PAN identifier. Filters on the old one lose sight
    of the network from here on."""
    packets = view.good
    rows = packets.only(nwk_type="command")
    for pan, part in rows.groupby("pan", sort=False):
        moved = part[mask(part["nwk_command"] == NETWORK_UPDATE)]
        subject = Subject.network(pan)
        if len(moved):
            yield broken(subject, f"{count(moved)} with a Network Update", moved["frame"])
        else:
            yield kept(subject, f"{count(part)} with NWK commands, no Network Update")


@rule(
    "sub-ghz-channel-moves",
    "The sub-GHz network is about to change its channel",
    severity="info",
    source="ZSE 1.4 Sub-GHz cluster (ChannelChange); GBCS alert 0x8F21",
    confidence="secondary",
    needs=(Attribute("Sub-GHz"),),
    cause="network change",
    unseen="reads of the Sub-GHz cluster",
    advice="Set the sniffer to the new channel, or it hears no more of the gas meter",
)
def sub_ghz_channel_moves(view: View) -> Iterator[Evidence]:
    """A hub that wants to leave its sub-GHz channel says so in the attribute ChannelChange, which devices
    read; 0 means that no change is near."""
    rows = view.tables["attributes"].only(cluster=SUB_GHZ, attribute=CHANNEL_CHANGE, direction="to-client")
    rows = rows[mask(rows["number"].notna())]
    for source, part in rows.groupby("source", sort=False):
        told = part[mask(part["number"] != 0)]
        if len(told):
            meaning = told["meaning"].iloc[0]
            where = meaning if isinstance(meaning, str) and meaning else f"{int(told['number'].iloc[0]):#x}"
            yield broken(Subject.device(source), f"announces {where} in {count(told)}", told["frame"])
        else:
            yield kept(Subject.device(source), f"{count(part)} without a change")
