"""Joining as GBCS tells it: who is on the device log, in which window, and the network after a hub was exchanged."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.compliance.gbcs_messages import MESSAGE_RULE, gbcs, judge_messages
from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import mask
from analysis.view import View


@rule(
    "restored-network",
    "A hub took over a network",
    severity="info",
    source="GBCS v4.0 use-case annex CCS02, CCS03",
    confidence="text",
    merges=("rules:N07", "spec:R129", "spec:R130", "disapplied:7"),
    cause="network change",
    unseen="a CCS03 command",
    advice="Each device must rejoin through the trust centre and establish its key again",
    **MESSAGE_RULE,
)
def restored_network(view: View) -> Iterator[Evidence]:
    """CCS03 gives a new hub the identity and device log of the old one."""
    rows = gbcs(view, "command")
    yield from judge_messages(
        view, rows, mask(rows["message_code"] == 3), "the device log was restored", "of other kinds"
    )


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
def join_window(view: View) -> Iterator[Evidence]:
    """Joining is opened by CCS01 for join_timeout seconds. An association answered at another time had no
    permission that the capture shows."""
    items, commands = view.tables["items"], gbcs(view, "command")
    opened = commands[mask(commands["message_code"] == 1) & mask(commands["seconds"].notna())]
    timeout = items[mask(items["object"].astype(str).str.endswith("join_timeout"))][["message", "number"]]
    windows = opened.merge(timeout, on="message")
    if windows.empty:
        return
    packets = view.good
    answers = packets.only(mac_command=0x02)
    spans = [
        (float(s), float(s) + float(n)) for s, n in zip(windows["seconds"], windows["number"], strict=True)
    ]
    for row in answers.itertuples():
        inside = any(a <= row.seconds <= b for a, b in spans)
        if inside:
            yield kept(view.label(row.mac_dst), f"joined within a window at frame {row.frame}")
        elif row.seconds > spans[0][0]:
            yield broken(
                view.label(row.mac_dst), f"was associated at frame {row.frame}, outside a window", [row.frame]
            )


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
    """The hub lets only devices join that CCS01 added to its log."""
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
    keys = packets.only(aps_command=0x05)
    keys = keys[mask(keys["target"].notna()) & mask(keys["target"] >= 1 << 32)]
    for target, part in keys.groupby("target", sort=False):
        if f"{int(target):016x}" in listed:
            yield kept(view.label(target), "is in the device log")
        else:
            yield broken(
                view.label(target),
                f"got a key at frame {int(part['frame'].iloc[0])}, never listed",
                part["frame"],
            )
