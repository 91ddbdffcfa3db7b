"""Joining as GBCS tells it: who is on the device log, in which window, and the network after a hub was exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial, reduce
from operator import or_

from analysis.features.identifiers import message_code
from analysis.features.judging import mask
from analysis.rules.compliance.gbcs_messages import COMMANDS, RESPONSES, party
from analysis.rules.declare import (
    EachMessage,
    Evidence,
    Frame,
    Item,
    Subject,
    View,
    broken,
    c,
    declare,
    having,
    items,
    kept,
    packets,
)
from analysis.rules.registry import rules_of
from analysis.rules.rows import Rows
from dissectors.gbcs import JOIN_METHODS

AREA = "gbcs joining"
rule = rules_of("compliance", AREA)
declared = partial(declare, family="compliance", area=AREA, confidence="text", kept_by="proving-exercise")

GSME, PPMID = "0", "5"  # as a join command has them
ADD_DEVICE, RESTORE_LOG = message_code("CCS01"), message_code("CCS03")
LISTED = r".*devices_to_backup\S*"


declared(
    id="restored-network",
    title="A hub took over a network",
    finds="After an exchange of the hub, CCS03 gives the new one the identity and device log of the old one.",
    matters="All devices rejoin and establish their keys again: what follows is no attack.",
    example="message 5 (CCS03 command): the device log was restored",
    severity="info", cause="network change", smart_energy=True,
    source="GBCS v4.0 use-case annex CCS02, CCS03",
    covers=("rules:N07", "spec:R130", "disapplied:7"),
    requires="a CCS03 command",
    advice="Each device must rejoin through the trust centre and establish its key again",
    broken_by="planted: a device log is restored",
    judge=EachMessage(
        COMMANDS, c.message_code == RESTORE_LOG, says="the device log was restored", good="of other kinds"
    ),
)  # fmt: skip


@rule(
    "device-log-new-key",
    "A device that was just listed has a key already",
    severity="info",
    source="GBCS v4.0 use-case annex CCS01, CS14",
    confidence="text",
    merges=("spec:R126",),
    reads=[
        Item("CCS01", "command", ".*ieee_address")[c.message, c.seconds, c.value],
        RESPONSES.where(c.outcome == "success", c.answers.known)[c.answers],
        Item("CS14", "alert", LISTED + "MAC_address")[c.message, c.frames, c.seconds, c.value],
        Item("CS14", "alert", LISTED + "hashed_TC_link_key")[c.message, c.value],
    ],
    smart_energy=True,
    cause="join attack",
    unseen="a successful CCS01, and the alert (CS14) that follows it",
    advice="It was on this network before, or the hub took it for another one: see the log of removed devices",
)
def device_log_new_key(
    view: View, added: Frame, good: Frame, listed: Frame, hashes: Frame, *, seconds: float = 300.0
) -> Iterator[Evidence]:
    """The alert after a device was added lists it with an empty hash of its link key: it has none before its first key
    establishment."""
    added = added[added["message"].isin(good["answers"])]
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
    reads=[
        COMMANDS.where(c.message_code == ADD_DEVICE, c.seconds.known)[c.message, c.seconds],
        Item("CCS01", "command", ".*join_timeout", "number")[c.message, c.number],
        packets.where(c.mac_command == "Association Response")[c.frame, c.seconds, c.mac_dst],
        packets.where(c.nwk_command == "Rejoin Request", c.nwk_security == "none")[
            c.frame, c.seconds, c.origin
        ],
    ],
    smart_energy=True,
    cause="join attack",
    unseen="a readable CCS01 command and an association",
    advice="The window was opened by nobody that the capture shows: see who permits joining",
)
def join_window(
    view: View, opened: Frame, timeouts: Frame, joins: Frame, rejoins: Frame, *, old_key_share: float = 1.0
) -> Iterator[Evidence]:
    """Joining is opened by CCS01 for join_timeout seconds. An association answered at another time had no
    permission that the capture shows. A device that comes back under its old link key may do so in the first
    `old_key_share` of the window (v4.0: all of it; later versions: half, the rest is for install codes)."""
    windows = opened.merge(timeouts, on="message")
    if windows.empty:
        return
    spans = [(float(s), float(n)) for s, n in zip(windows["seconds"], windows["number"], strict=True)]
    yield from _in_windows(joins.rename(columns={"mac_dst": "who"}), spans, 1.0, "was associated")
    again = rejoins.rename(columns={"origin": "who"})
    yield from _in_windows(again, spans, old_key_share, "came back without security")


def _in_windows(rows: Frame, spans: list[tuple[float, float]], share: float, how: str) -> Iterator[Evidence]:
    for row in rows.itertuples():
        if any(start <= row.seconds <= start + share * length for start, length in spans):
            yield kept(Subject.device(row.who), f"{how} within a window at frame {row.frame}")
        elif row.seconds > spans[0][0]:
            text = f"{how} at frame {row.frame}, outside a window"
            yield broken(Subject.device(row.who), text, [row.frame])


@rule(
    "join-not-listed",
    "A device got a key that was never added to the device log",
    severity="warning",
    source="GBCS v4.0 use-case annex CCS01; GBCS v0.8.1 page 195",
    confidence="text",
    merges=("rules:N05", "attacks:A04", "spec:R088"),
    reads=[
        items.where(c.object.search("(?:register_device: ieee|mac|MAC)_address$"), c.value.known)[c.value],
        packets.where(c.aps_command == "Transport Key", c.target >= 1 << 32)[c.frame, c.target],
    ],
    smart_energy=True,
    cause="join attack",
    unseen="a readable CCS01 command and a Transport-Key to a device",
    advice="Only devices of the log may join: see how this one came in",
)
def join_not_listed(view: View, named: Frame, keys: Frame) -> Iterator[Evidence]:
    """The hub lets only devices join that were added to its device log by CCS01. A network key for another
    device means that the log was filled before the capture began, or that the hub lets anybody in."""
    listed = {str(value).lower() for value in named["value"]}
    for target, part in keys.groupby("target", sort=False) if listed else ():
        if f"{int(target):016x}" in listed:
            yield kept(Subject.device(target), "is in the device log")
        else:
            text = f"got a key at frame {int(part['frame'].iloc[0])}, never listed"
            yield broken(Subject.device(target), text, part["frame"])


def _join(part: str) -> Rows:
    return Item("CS03.*", "command", part)


DEVICE_TYPE, METHOD = _join(r"join_device\.device_type"), _join(r"join_device\.join_method")
PAIR = ((c.recipient_role == "GSME") & having(DEVICE_TYPE.where(c.value == PPMID))) | (
    (c.recipient_role == "PPMID") & having(DEVICE_TYPE.where(c.value == GSME))
)
CERTIFIED = having(_join(r"join_device\.certificate.*"))

declared(
    id="join-method-code",
    title="The join method does not fit the message code",
    finds="Each join method has its own message code: 000D method A as initiator, 00AB A as responder, 000E B, 00AF C.",
    matters="A device that carries it out joins in another way than it was authorised for.",
    example="message 8 (CS03B command): another join method than the code's",
    severity="error", cause="gbcs protection",
    source="GBCS v0.8.1 13.7.4.5.3 (page 196)",
    covers=("spec:R119",),
    requires="join commands (CS03) with a readable payload",
    advice="The device must answer invalidMessageCodeForJoinMethodAndRole: see whether it does",
    broken_by="planted: a join command of another method than its code's",
    judge=EachMessage(
        COMMANDS.where(c.message_code.isin(*JOIN_METHODS), having(_join(".*"))),
        reduce(or_, (
            (c.message_code == code) & having(METHOD.where(c.value != str(method)))
            for code, method in JOIN_METHODS.items()
        )),
        says="another join method than the code's",
    ),
)  # fmt: skip

declared(
    id="join-peer-certificate",
    title="A join command with a certificate too many, or too few",
    finds="""Gas meter and prepayment display talk GBCS to one another: a join of these two brings the other's certificate
    for key agreement along. No other join does.""",
    matters="Without it the two have no key for top-ups at the display.",
    example="message 8 (CS03A1 command): the certificate does not fit the pair",
    severity="error", cause="gbcs protection",
    source="GBCS v0.8.1 13.7.4.5 (page 195)",
    covers=("spec:R118",), needs=("devices",),
    requires="join commands (CS03) to or about a gas meter or display, with a readable payload",
    advice="The device must refuse it with invalid or missing certificate: see its answer",
    broken_by="planted: a gas meter joins a display whose certificate it does not get",
    judge=EachMessage(
        COMMANDS.where(c.recipient_role.known, having(DEVICE_TYPE.where(c.value.fullmatch(r"\d+")))),
        (PAIR & ~CERTIFIED) | (CERTIFIED & ~PAIR), says="the certificate does not fit the pair",
    ),
)  # fmt: skip
