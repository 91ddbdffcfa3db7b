"""Devices that are there, and answer nobody."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import groups_in, plural
from analysis.features.names import missing
from analysis.features.presence import heard_rows
from analysis.rules.declare import Evidence, Subject, View, broken, kept, rule
from analysis.rules.unanswered.requests import SHARED, requests, station_of


@rule(
    "answers-nobody",
    "A device is there and answers nobody any more",
    finds="""A device that answered, and from some time on acknowledges the requests of several others, or of several
    kinds, and answers none of them.""",
    matters="Its radio works and its software does not: displays stand still, and from afar it seems to be there.",
    example="""Electricity meter (90b3d5fffe0000a0): answers nobody since frame 812, for 2,803 s: 214 requests of 3
    devices delivered and unanswered, 2,104 before were answered; 180 other frames of it were heard meanwhile""",
    source="ZCL 07-5123 2.4 (a request is answered); robust comparison with the device's own answers",
    advice="Restart the device; if it hangs again, read its firmware version and event log, and exchange it",
    severity="warning", confidence="derived", cause="silence", hearing=True,
    requires="twenty requests to one device with what became of them",
    broken_by="home: the meter acknowledges and answers nobody", kept_by="ordinary-day --seconds 1500", **SHARED,
)  # fmt: skip
def answers_nobody(
    view: View, *, least: int = 20, times: int = 8, seconds: float = 900.0
) -> Iterator[Evidence]:
    """Each device by the requests to it, of whomever, behind its last answer."""
    rows = view.once(requests)
    rows = rows[(rows["outcome"] != "incomplete").to_numpy(dtype=bool)]
    outcomes, begins = rows["outcome"].to_numpy(dtype=object), rows["start"].astype("int64").to_numpy() / 1e9
    frames, askers = rows["first_frame"].to_numpy(dtype=np.int64), rows["initiator"].to_numpy(dtype=object)
    for own in groups_in(rows, "responder"):
        if len(own) < least or missing(rows["responder"].iloc[own[0]]):
            continue
        station = station_of(view, rows["responder"].iloc[own[0]])
        answered = np.flatnonzero(np.isin(outcomes[own], ("ok", "refused")))
        last = int(answered[-1]) if len(answered) else -1
        after, subject = own[last + 1 :], Subject.device(station)
        delivered = after[outcomes[after] == "unanswered"]
        lasts = float(begins[after[-1]] - begins[own[last]]) if len(after) and last >= 0 else 0.0
        who = len({str(one) for one in askers[delivered]})
        what = int(rows["what"].iloc[delivered].nunique())
        if (
            last < 0
            or lasts < seconds
            or len(delivered) < times
            or who + what < 3
            or 2 * len(delivered) < len(after)
        ):
            yield kept(
                subject, f"{plural(len(answered), 'answer')} to {plural(len(own), 'request')}, up to the end"
            )
            continue
        heard = heard_rows(view)
        mine = (heard["sender"] == station).to_numpy(dtype=bool)
        mine &= heard["frame"].to_numpy(dtype=np.int64) > int(frames[after[0]])
        text = (
            f"answers nobody since frame {frames[after[0]]}, for {lasts:,.0f} s: {plural(len(delivered), 'request')} of "
            f"{plural(who, 'device')} delivered and unanswered, {len(answered):,} before were answered; "
            f"{plural(int(mine.sum()), 'other frame')} of it were heard meanwhile"
        )
        yield broken(subject, text, sorted(set(frames[delivered].tolist())))
