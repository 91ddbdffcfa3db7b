"""Requests for a key that the trust centre never answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.features.completeness import completeness
from analysis.features.identifiers import APS_COMMANDS
from analysis.features.judging import mask, plural
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, kept, rule

ASK, GIVE = APS_COMMANDS.some("Request Key", "Transport Key")
PARTNER = APS_COMMANDS.field("Request Key", "partner")


@rule(
    "key-request-unanswered",
    "A device asks for a key and gets none",
    finds="""Request-Key commands of a device after which the trust centre sends it no Transport-Key. Several of which
    most are not answered warn; one informs. What the sniffer may have missed by its own measure is no finding.""",
    matters="""Without the key the two devices cannot talk: a display that was joined to the meter shows no electricity, a
    switch is not switched.""",
    example="""In-home display (90b3d5fffe0000a5): 3 of 3 Request Key to Communications hub (90b3d5fffe0000a2) unanswered,
    for a key with Electricity meter (90b3d5fffe0000a0): the two have no link key and do not talk""",
    source="ZigBee PRO 05-3474 4.4.5, 4.6.3.5 (the trust centre answers a Request-Key with a Transport-Key to both)",
    advice="""See whether both devices are in the hub's device log and were joined to each other (CS03A1, CS03A2, CS03B);
    send the join again; restart the hub if it answers nobody""",
    family="anomaly", area="unanswered", severity="warning", confidence="derived", cause="key establishment",
    hearing=True, needs=("packets", "commands"), requires="readable Request-Key commands",
    broken_by="ordinary-day --fault key-requests-unanswered --seconds 2400", kept_by="install-day --seconds 1500",
)  # fmt: skip
def key_request_unanswered(view: View, *, seconds: float = 15.0, times: int = 2) -> Iterator[Evidence]:
    """One verdict for each device that asks, by whom the key is to be shared with."""
    rows = view.command_rows("aps", [ASK, GIVE])
    asked = rows[mask(rows["command"] == ASK)]
    if asked.empty:
        return
    given = rows[mask(rows["command"] == GIVE)].drop_duplicates("frame")
    air = completeness(view)
    named = pd.DataFrame(asked[mask(asked["field"] == PARTNER)][["frame", "value"]])
    partners = named.set_index("frame")["value"]
    asked = asked.drop_duplicates("frame")
    in_time = mask(
        asked["seconds"] + seconds <= view.duration
    )  # later ones may be answered behind the capture
    for (source, hub), part in asked[in_time].groupby(["source", "destination"], sort=False):
        when = np.sort(given["seconds"][mask(given["destination"] == source)].to_numpy(dtype=float))
        times_asked = part["seconds"].to_numpy(dtype=float)
        came = np.searchsorted(when, times_asked + seconds) > np.searchsorted(when, times_asked)
        lost, total, subject = int((~came).sum()), len(part), Subject.device(source)
        if not lost or air.may_explain(int(hub), lost, total):
            perhaps = f", {lost} perhaps unheard" if lost else ""
            yield kept(subject, f"{total - lost} of {plural(total, 'Request Key')} answered{perhaps}")
            continue
        text = f"{lost} of {total} Request Key to {view.label(hub)} unanswered{_with(view, part, partners)}"
        text += f" (the sniffer missed about {air.missed(int(hub)):.0%} of that device's frames)"
        grave = lost >= times and 2 * lost > total
        yield broken(subject, text, part["frame"][~came], None if grave else "info")


def _with(view: View, part: Frame, partners: Frame) -> str:
    """For whom the key is, and what follows."""
    told = partners[partners.index.isin(part["frame"].tolist())].dropna()
    if told.empty:
        return ": it gets no key"
    return f", for a key with {view.label(int(told.iloc[0]))}: the two have no link key and do not talk"
