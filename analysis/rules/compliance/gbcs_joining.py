"""Joining as GBCS tells it: who is on the device log, in which window, and the network after a hub was exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.features.identifiers import APS_COMMANDS, MAC_COMMANDS, NWK_COMMANDS, message_code
from analysis.features.judging import mask
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.gbcs_messages import (
    MESSAGE_RULE,
    carried_out,
    gbcs,
    judge_messages,
    message_items,
    party,
    payload_commands,
)
from analysis.rules.registry import rules_of
from dissectors.gbcs import JOIN_METHODS

rule = rules_of("compliance", "gbcs joining")

CREDENTIALS_RULE: dict[str, Any] = {"needs": ("messages", "items"), "cause": "gbcs protection"}
GSME, PPMID = 0, 5
ADD_DEVICE, RESTORE_LOG = message_code("CCS01"), message_code("CCS03")
ASSOCIATED = MAC_COMMANDS["Association Response"]
REJOIN, TRANSPORT_KEY = NWK_COMMANDS["Rejoin Request"], APS_COMMANDS["Transport Key"]


@rule(
    "restored-network",
    "A hub took over a network",
    severity="info",
    source="GBCS v4.0 use-case annex CCS02, CCS03",
    confidence="text",
    merges=("rules:N07", "spec:R130", "disapplied:7"),
    cause="network change",
    unseen="a CCS03 command",
    advice="Each device must rejoin through the trust centre and establish its key again",
    **MESSAGE_RULE,
)
def restored_network(view: View) -> Iterator[Evidence]:
    """After an exchange of the hub, CCS03 gives the new one the identity and device log of the old one.
    This is told so that what follows is understood: all devices rejoin and establish their keys again."""
    rows = gbcs(view, "command")
    yield from judge_messages(
        view, rows, mask(rows["message_code"] == RESTORE_LOG), "the device log was restored", "of other kinds"
    )


@rule(
    "device-log-new-key",
    "A device that was just listed has a key already",
    severity="info",
    source="GBCS v4.0 use-case annex CCS01, CS14",
    confidence="text",
    merges=("spec:R126",),
    needs=("messages", "items"),
    smart_energy=True,
    cause="join attack",
    unseen="a successful CCS01, and the alert (CS14) that follows it",
    advice="It was on this network before, or the hub took it for another one: see the log of removed devices",
)
def device_log_new_key(view: View, *, seconds: float = 300.0) -> Iterator[Evidence]:
    """The alert after a device was added lists it with an empty hash of its link key: it has none before its first key
    establishment."""
    added = message_items(view, "CCS01", "command", ".*ieee_address")
    added = added[mask(added["message"].isin(carried_out(view)))]
    listed = message_items(view, "CS14", "alert", r".*devices_to_backup\S*MAC_address")
    hashes = message_items(view, "CS14", "alert", r".*devices_to_backup\S*hashed_TC_link_key")
    key = hashes.set_index(["message", hashes.groupby("message").cumcount()])["value"].to_dict()
    place = listed.groupby("message").cumcount().tolist()
    for (_, row), number in zip(listed.iterrows(), place, strict=True):
        near = added[
            mask(added["seconds"] <= row["seconds"]) & mask(added["seconds"] > row["seconds"] - seconds)
        ]
        if not mask(near["value"] == row["value"]).any():
            continue
        subject = party(row["value"])
        if key.get((row["message"], number)):
            yield broken(subject, "listed with a link key right after it was added", row["frames"])
        else:
            yield kept(subject, "listed without a link key yet")


@rule(
    "join-window",
    "A device joins outside a joining window",
    severity="warning",
    source="GBCS v4.0 use-case annex CCS01",
    confidence="text",
    merges=("rules:N04", "rules:N05", "spec:R125", "spec:R127", "spec:R128", "disapplied:6", "attacks:A05"),
    needs=("messages", "items", "packets"),
    smart_energy=True,
    cause="join attack",
    unseen="a readable CCS01 command and an association",
    advice="The window was opened by nobody that the capture shows: see who permits joining",
)
def join_window(view: View, *, old_key_share: float = 1.0) -> Iterator[Evidence]:
    """Joining is opened by CCS01 for join_timeout seconds. An association answered at another time had no
    permission that the capture shows. A device that comes back under its old link key may do so in the first
    `old_key_share` of the window (v4.0: all of it; later versions: half, the rest is for install codes)."""
    items, commands = view.tables["items"], gbcs(view, "command")
    opened = commands[mask(commands["message_code"] == ADD_DEVICE) & mask(commands["seconds"].notna())]
    timeout = items[mask(items["object"].astype(str).str.endswith("join_timeout"))][["message", "number"]]
    windows = opened.merge(timeout, on="message")
    if windows.empty:
        return
    spans = [(float(s), float(n)) for s, n in zip(windows["seconds"], windows["number"], strict=True)]
    packets = view.good
    for rows, who, share, how in (
        (packets.only(mac_command=ASSOCIATED), "mac_dst", 1.0, "was associated"),
        (
            packets.only(nwk_command=REJOIN, nwk_security="none"),
            "origin",
            old_key_share,
            "came back without security",
        ),
    ):
        yield from _in_windows(view, rows, spans, who, share, how)


def _in_windows(
    view: View, rows: Frame, spans: list[tuple[float, float]], who: str, share: float, how: str
) -> Iterator[Evidence]:
    for row in rows.itertuples():
        subject = Subject.device(getattr(row, who))
        if any(start <= row.seconds <= start + share * length for start, length in spans):
            yield kept(subject, f"{how} within a window at frame {row.frame}")
        elif row.seconds > spans[0][0]:
            yield broken(subject, f"{how} at frame {row.frame}, outside a window", [row.frame])


@rule(
    "join-not-listed",
    "A device got a key that was never added to the device log",
    severity="warning",
    source="GBCS v4.0 use-case annex CCS01; GBCS v0.8.1 page 195",
    confidence="text",
    merges=("rules:N05", "attacks:A04", "spec:R088"),
    needs=("messages", "items", "packets"),
    smart_energy=True,
    cause="join attack",
    unseen="a readable CCS01 command and a Transport-Key to a device",
    advice="Only devices of the log may join: see how this one came in",
)
def join_not_listed(view: View) -> Iterator[Evidence]:
    """The hub lets only devices join that were added to its device log by CCS01. A network key for another
    device means that the log was filled before the capture began, or that the hub lets anybody in."""
    items = view.tables["items"]
    named = items[
        mask(
            items["object"]
            .astype(str)
            .str.endswith(("register_device: ieee_address", "mac_address", "MAC_address"))
        )
    ]
    listed = {str(v).lower() for v in named["value"].dropna()}
    if not listed:
        return
    packets = view.good
    keys = packets.only(aps_command=TRANSPORT_KEY)
    keys = keys[mask(keys["target"].notna()) & mask(keys["target"] >= 1 << 32)]
    for target, part in keys.groupby("target", sort=False):
        if f"{int(target):016x}" in listed:
            yield kept(Subject.device(target), "is in the device log")
        else:
            yield broken(
                Subject.device(target),
                f"got a key at frame {int(part['frame'].iloc[0])}, never listed",
                part["frame"],
            )


@rule(
    "join-method-code",
    "The join method does not fit the message code",
    severity="error",
    source="GBCS v0.8.1 13.7.4.5.3 (page 196)",
    confidence="text",
    merges=("spec:R119",),
    unseen="join commands (CS03) with a readable payload",
    advice="The device must answer invalidMessageCodeForJoinMethodAndRole: see whether it does",
    **CREDENTIALS_RULE,
)
def join_method_code(view: View) -> Iterator[Evidence]:
    """Each join method has its own message code: 000D method A as initiator, 00AB A as responder, 000E B,
    00AF C."""
    rows = payload_commands(view, "CS03.*")
    rows = rows[mask(rows["message_code"].isin(list(JOIN_METHODS)))]
    said = [v.get("join_device.join_method") for v in rows["values"]]
    wrong = [
        s is not None and s != str(JOIN_METHODS[int(c)])
        for s, c in zip(said, rows["message_code"], strict=True)
    ]
    yield from judge_messages(view, rows, wrong, "another join method than the code's")


@rule(
    "join-peer-certificate",
    "A join command with a certificate too many, or too few",
    severity="error",
    source="GBCS v0.8.1 13.7.4.5 (page 195)",
    confidence="text",
    merges=("spec:R118",),
    unseen="join commands (CS03) to or about a gas meter or display, with a readable payload",
    advice="The device must refuse it with invalid or missing certificate: see its answer",
    needs=("messages", "items", "devices"),
    cause="gbcs protection",
)
def join_peer_certificate(view: View) -> Iterator[Evidence]:
    """Gas meter and prepayment display talk GBCS to one another: a join of these two brings the other's
    certificate for key agreement along. No other join does."""
    rows = payload_commands(view, "CS03.*")
    roles = {f"{eui:016x}": role for eui, role in view.roles.items()}
    recipient = rows["recipient"].astype(str).str.lower().map(roles)
    peer = [str(v.get("join_device.device_type", "")) for v in rows["values"]]
    known = mask(recipient.notna()) & mask([p.isdigit() for p in peer])
    pair = [
        (r == "GSME" and p == str(PPMID)) or (r == "PPMID" and p == str(GSME))
        for r, p in zip(recipient, peer, strict=True)
    ]
    brought = [any(n.startswith("join_device.certificate") for n in v) for v in rows["values"]]
    wrong = [p != b for p, b in zip(pair, brought, strict=True)]
    picked = rows[known]
    yield from judge_messages(
        view,
        picked,
        [w for w, k in zip(wrong, known, strict=True) if k],
        "the certificate does not fit the pair",
    )
