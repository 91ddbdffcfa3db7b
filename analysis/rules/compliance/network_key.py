"""The network key: sequence numbers, how a new one comes."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.identifiers import APS_COMMANDS, REQUEST_KEY_TYPES
from analysis.features.judging import count, judge, mask, spread
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.expression import c
from analysis.rules.registry import rules_of
from analysis.rules.rows import packets

rule = rules_of("compliance", "network key")

TRUST_CENTRE_LINK_KEY = REQUEST_KEY_TYPES["trust centre link key"]
REQUEST_KEY, *KEY_UPDATES = APS_COMMANDS.some("Request Key", "Verify Key", "Confirm Key")
ANNOUNCED_BY = APS_COMMANDS.some("Transport Key", "Switch Key")
ASKED = APS_COMMANDS.field("Request Key", "key_type")


@rule(
    "key-sequence-old",
    "The old network key is still used after the new one",
    severity="warning",
    source="ZigBee PRO 05-3474 4.3.1",
    confidence="recalled",
    merges=("rules:Z15",),
    cause="network change",
    unseen="a change of the network key's sequence number",
    advice=(
        "The sender switched and fell back: see whether it restarted or whether two devices share its address"
    ),
)
def key_sequence_old(view: View, *, grace: float = 10.0) -> Iterator[Evidence]:
    """After a Switch-Key a device uses the new network key. It must not send under the old sequence number
    again."""
    for sender, part in _by_sender_with_sequences(view):
        newest = part["nwk_key_seq"].iloc[-1] if len(part) else 0
        changes = part[mask(part["nwk_key_seq"] != part["nwk_key_seq"].iloc[0])]
        start = changes["seconds"].iloc[0]
        old = part["nwk_key_seq"].iloc[0]
        bad = part[mask(part["nwk_key_seq"] == old) & mask(part["seconds"] > start + grace)]
        if bad.empty:
            yield kept(Subject.device(sender), f"changed from key {old} to key {newest} for good")
        else:
            text = f"{count(bad)} under key {old} after the first one under another ({spread(bad)})"
            yield broken(Subject.device(sender), text, view.frames_of(bad))


def _by_sender_with_sequences(view: View) -> Iterator[tuple[object, Frame]]:
    packets = view.good
    if len(packets.codes("nwk_key_seq")[1]) < 2:
        return
    rows = packets[mask(packets["nwk_key_seq"].notna()) & packets.known("sender")]
    rows = rows[~mask(rows["nwk_security"] == "bad_mic")]
    for (sender, _), part in rows.groupby(["sender", "pan"], sort=False):
        # A single frame that no key opens may be a damaged one whose check sequence fits by chance.
        sure = part["nwk_key_seq"].duplicated(keep=False) | (part["nwk_security"] == "ok")
        part = part[mask(sure)]
        if part["nwk_key_seq"].nunique() > 1:
            yield sender, part


@rule(
    "key-sequence-unannounced",
    "A new network key is used that was never distributed",
    severity="warning",
    source="ZigBee PRO 05-3474 4.6.3.4",
    confidence="recalled",
    merges=("rules:Z14",),
    cause="network change",
    absent=1,
    unseen="a change of the network key's sequence number while APS commands are readable",
    advice=(
        "The distribution may lie before the capture or was not heard; otherwise look for a second network"
    ),
)
def key_sequence_unannounced(view: View, *, shut: int = 3, readable: int = 50) -> Iterator[Evidence]:
    """A new network key is sent to all (Transport-Key), then put to use (Switch-Key). A new sequence number
    without either was not agreed by this network, or the capture did not hear the distribution. A key that
    is not held is judged where the network was readable before: its distribution would have been seen."""
    packets = view.good
    if len(packets.codes("nwk_key_seq")[1]) < 2:
        return
    commands = packets.only(aps_command=ANNOUNCED_BY)
    rows = packets.only(nwk_security=["ok", "no_key"])
    rows = rows[mask(rows["nwk_key_seq"].notna())]
    members = rows.only(nwk_security="ok")["nwk_sender"].dropna().unique()
    rows = rows[mask(rows["nwk_sender"].isin([int(eui) for eui in members]))]
    for pan, part in rows.groupby("pan", sort=False):
        opened = part["seconds"][mask(part["nwk_security"] == "ok")].to_numpy(dtype=float)
        used = part["nwk_key_seq"].value_counts()
        sequences = part.drop_duplicates("nwk_key_seq")
        for row in sequences[1:].itertuples():
            closed = row.nwk_security == "no_key"
            if used[row.nwk_key_seq] < (shut if closed else 2):
                continue  # a single frame may be damaged or replayed: other rules judge it
            if closed and (opened < row.seconds).sum() < readable:
                continue
            before = commands[mask(commands["seconds"] <= row.seconds) & mask(commands["pan"] == pan)]
            subject = Subject.network(pan)
            if len(before):
                yield kept(subject, f"key {row.nwk_key_seq} was distributed before its first use")
            else:
                yield broken(subject, f"key {row.nwk_key_seq} used first at frame {row.frame}", [row.frame])


@rule(
    "zigbee-3-key-update",
    "ZigBee 3.0 link key update on a Smart Energy network",
    severity="warning",
    source="ZSE 1.2a (key establishment cluster instead)",
    confidence="recalled",
    merges=("rules:Z16", "disapplied:54"),
    needs=(packets.where(c.aps_command.known),),
    cause="join attack",
    smart_energy=True,
    unseen="APS commands",
    advice="See which device asks: it is not built for Smart Energy",
)
def zigbee_3_key_update(view: View) -> Iterator[Evidence]:
    """Smart Energy devices get their link key by certificate-based key establishment. Request-Key for a
    trust centre key, Verify-Key and Confirm-Key belong to ZigBee 3.0."""
    packets = view.good
    rows = packets[mask(packets["aps_command"].notna())]
    fields = view.command_rows("aps", [REQUEST_KEY])
    asks = fields[mask(fields["field"] == ASKED) & mask(fields["number"] == TRUST_CENTRE_LINK_KEY)]
    update = mask(rows["aps_command"].isin(KEY_UPDATES)) | mask(rows["frame"].isin(asks["frame"]))
    yield from judge(view, rows, update, "{bad} of the ZigBee 3.0 key update")
