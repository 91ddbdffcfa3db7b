"""Security of the NWK layer: what must be enciphered, and whether it verifies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import APS_COMMANDS, NWK_COMMANDS
from analysis.features.judging import count, groups_in, judge, mask, runs
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.expression import c
from analysis.rules.registry import rules_of
from analysis.rules.rows import packets
from analysis.tables.lazy import matching

rule = rules_of("compliance", "nwk security")

REJOINS = NWK_COMMANDS.some("Rejoin Request", "Rejoin Response")
REJOIN, LEAVE = NWK_COMMANDS.some("Rejoin Request", "Leave")
TRANSPORT_KEY = APS_COMMANDS["Transport Key"]


@rule(
    "nwk-unsecured-frame",
    "A network frame without NWK security",
    severity="error",
    source="ZigBee PRO 05-3474 4.3; ZSE 1.2a 07-5356-19 5.4",
    confidence="recalled",
    merges=("rules:Z01", "rules:C04"),
    needs=(packets.where(c.nwk_security == "none"),),
    cause="forged command",
    unseen="NWK data or command frames",
    advice="See who sent it; a receiver must not act on it unless it belongs to a join or rejoin",
)
def nwk_unsecured_frame(view: View) -> Iterator[Evidence]:
    """In an operating network every NWK data and command frame is enciphered under the network key. Only
    the last hop of a join (an APS Transport-Key to a device that has no network key yet) and an unsecured
    rejoin are not."""
    packets = view.good
    rows = packets[mask(packets["nwk_type"].isin(["data", "command"]))]
    plain = mask(rows["nwk_security"] == "none")
    joining = mask(rows["nwk_command"].isin([*REJOINS, LEAVE])) | mask(rows["aps_type"] == "command")
    bad = plain & ~joining
    yield from judge(
        view, rows, bad, "{bad} of {all} without NWK security", "sender", "secured (or part of a join)"
    )


@rule(
    "rejoin-unsecured",
    "A device asks to rejoin without security",
    severity="info",
    source="ZigBee PRO 05-3474 4.6.3.3; ZSE 1.2a 5.4.2; Wang (RAID 2022)",
    confidence="recalled",
    merges=("rules:N11", "attacks:A20"),
    needs=(packets.where(c.nwk_command == "Rejoin Request"),),
    cause="join attack",
    unseen="a NWK Rejoin Request",
    advice=(
        "See whether a Transport-Key followed, and under which key: only the device's own link key will do"
    ),
)
def rejoin_unsecured(
    view: View, *, recent: float = 1900.0, answer_within: float = 10.0
) -> Iterator[Evidence]:
    """A device that lost the network key may rejoin without NWK security and gets the key again under its
    own link key. An attacker uses the same way to ask for the key in the name of a device. Whether the key
    that followed was protected is judged by the Transport-Key rules."""
    packets = view.good
    rows = packets.only(nwk_command=REJOIN)
    hub = packets.only(nwk_src=0)
    hub = hub[mask(hub["nwk_src_eui64"].notna())]
    changed = hub["nwk_src_eui64"].nunique() > 1
    secured = packets[mask(packets["nwk_security"].isin(["ok", "no_key"]))]
    for row in rows.itertuples():
        subject = Subject.device(row.origin)
        if row.nwk_security != "none":
            yield kept(subject, f"asked to rejoin at frame {row.frame}, secured")
            continue
        gap = row.seconds - secured["seconds"]
        before = mask(secured["sender"] == row.origin) & mask((gap > 0) & (gap < recent))
        text = f"asked to rejoin without NWK security at frame {row.frame}"
        if before.any() and not changed:
            keys = mask(packets["aps_command"] == TRANSPORT_KEY) | mask(packets["aps_security"] == "no_key")
            after = mask(
                (packets["seconds"] > row.seconds) & (packets["seconds"] < row.seconds + answer_within)
            )
            answer = packets[keys & after & mask(packets["target"] == row.origin)]
            yield broken(
                subject, f"{text}, though it held the network key", [row.frame, *answer["frame"]], "warning"
            )
        else:
            yield broken(subject, text, [row.frame])


@rule(
    "rejoin-key-well-known",
    "An unsecured rejoin was answered with a key under a published key",
    severity="critical",
    source="ZigBee PRO 05-3474 4.6.3.3; Zillner (2015); Wang (RAID 2022)",
    confidence="secondary",
    merges=("rules:N11", "attacks:A20"),
    needs=(packets.where((c.nwk_command == "Rejoin Request") | (c.aps_command == "Transport Key")),),
    cause="key exposure",
    unseen="an unsecured NWK Rejoin Request and the Transport-Key that follows it",
    advice="Whoever listened has the network key: renew it, and stop insecure rejoins at the trust centre",
)
def rejoin_key_well_known(view: View, *, seconds: float = 30.0) -> Iterator[Evidence]:
    """The Transport-Key that answers an unsecured rejoin must be under the link key that key establishment
    gave the device. Under the published default key, or in clear, it hands the network key to anybody."""
    packets = view.good
    asked = packets.only(nwk_command=REJOIN, nwk_security="none")
    keys = packets.only(aps_command=TRANSPORT_KEY)
    weak = matching(keys["aps_key"], "well-known", "match") | mask(keys["aps_security"] == "none")
    for row in asked.itertuples():
        after = (keys["seconds"] >= row.seconds) & (keys["seconds"] <= row.seconds + seconds)
        if not mask(after).any():
            continue
        bad = keys[mask(after) & mask(weak)]
        if bad.empty:
            yield kept(
                Subject.device(row.sender), f"rejoin at frame {row.frame} was answered under a secret key"
            )
        else:
            text = f"rejoin without security at frame {row.frame}, then a key that anybody can read"
            yield broken(Subject.device(row.sender), text, [row.frame, *view.frames_of(bad)])


@rule(
    "mic-fails",
    "Frames whose integrity code is wrong",
    severity="warning",
    source="ZigBee PRO 05-3474 annex A",
    confidence="recalled",
    merges=("rules:Z18", "rules:C04"),
    needs=(packets.where((c.nwk_security == "bad_mic") | (c.aps_security == "bad_mic")),),
    cause="wrong key",
    unseen="secured frames that a held key opens",
    advice=(
        "Wrong key, damage on the air, or a forgery: compare sender, signal strength and counter with"
        " its good frames"
    ),
)
def mic_fails(view: View, *, most: float = 0.9, row: int = 5) -> Iterator[Evidence]:
    """While other frames of the same sender open well with the key, these do not. The frame check sequence
    was right, so this is not simply damage on the air; where the capture has none, several in a row to one receiver are
    no damage either."""
    packets = view.good
    rows = packets.only(nwk_security=["ok", "bad_mic"])
    rows = rows[mask(rows["fcs_ok"] == True) | _in_a_row(rows, row)]  # noqa: E712
    bad = mask(rows["nwk_security"] == "bad_mic") | mask(rows["aps_security"] == "bad_mic")
    codes, keys = rows.codes("sender")
    failed = np.bincount(codes[bad & (codes >= 0)], minlength=len(keys) + 1)[codes] / np.maximum(
        rows.sizes("sender"), 1
    )
    shown = (failed < most) & (codes >= 0)  # a sender whose frames all fail simply has another key
    yield from judge(view, rows[shown], bad[shown], _with_reason)


def _in_a_row(rows: Frame, least: int) -> np.ndarray:
    """Frames without a check sequence that are good, or fail together with as many others of one sender to one receiver
    as no damage takes one behind the other."""
    unknown = mask(rows["fcs_ok"].isna())
    if not unknown.any():
        return unknown
    failing = mask(rows["nwk_security"] == "bad_mic") | mask(rows["aps_security"] == "bad_mic")
    out = unknown & ~failing
    secured = np.flatnonzero(unknown & (failing | mask(rows["aps_security"].isin(["ok", "replay"]))))
    for own in groups_in(rows.iloc[secured], "sender", "target"):
        bad = failing[secured[own]]
        begins, ends = runs(bad)
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            out[secured[own[begin:end]]] |= end - begin >= least
    return out


def _with_reason(bad: Frame, rows: Frame) -> str:
    """How many fail, and why, as the dissection says of most of them."""
    said: Counter[str] = Counter()
    for name in ("nwk_reason", "aps_reason"):
        codes, words = bad.codes(name)
        times = np.bincount(codes + 1, minlength=len(words) + 1)[1:].tolist()
        said.update({word: many for word, many in zip(words, times, strict=True) if many})
    why = f": {min(said, key=lambda word: (-said[word], word))}" if said else ""
    return f"{count(bad)} of {len(rows)} fail their integrity check{why}"
