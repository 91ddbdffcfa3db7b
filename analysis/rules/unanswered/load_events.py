"""Load control events that nobody tells what became of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.completeness import completeness
from analysis.features.judging import mask, plural
from analysis.features.names import missing
from analysis.rules.declare import (
    TO_CLIENT,
    TO_SERVER,
    Command,
    Evidence,
    Frame,
    Subject,
    View,
    broken,
    c,
    kept,
    rule,
)

WHEN = (c.frame, c.seconds, c.source, c.destination)
EVENTS = Command("Demand Response and Load Control", TO_CLIENT, "Load Control Event")[WHEN]
REPORTS = Command("Demand Response and Load Control", TO_SERVER, "Report Event Status")[WHEN]
MOMENT = 5.0  # seconds; what is nearer is a retry, or another hop


@rule(
    "load-event-unreported",
    "A device does not say what it made of load control",
    finds="""Load control events to one device of which it tells nothing by Report Event Status, not even that it got
    them. Two and more warn; what the sniffer may have missed informs.""",
    matters="The meter does not know whether the load is switched: heating stays cold, or a limit is not kept.",
    example="""Auxiliary load switch (90b3d5fffe0000a6): 5 load control events of Electricity meter (90b3d5fffe0000a0),
    and no Report Event Status""",
    source="ZSE 1.2 07-5356 D.2.3.3.1 (an event is answered with Report Event Status, received first)",
    advice="See whether the switch is joined to the meter (CS03A1, CS03A2); restart it, and try boost at the switch",
    family="anomaly", area="unanswered", severity="warning", confidence="derived", cause="silence", hearing=True,
    smart_energy=True, requires="load control events to one device, and a minute behind them", reads=[EVENTS, REPORTS],
    broken_by="home: a switch never reports what it made of load control",
)  # fmt: skip
def load_event_unreported(
    view: View, events: Frame, reports: Frame, *, seconds: float = 60.0, times: int = 2
) -> Iterator[Evidence]:
    """Each pair of server and client."""
    air = completeness(view)
    for (server, client), part in events.groupby(["source", "destination"], sort=False):
        when = part["seconds"].to_numpy(dtype=float)
        fresh = np.diff(when, prepend=-np.inf) > MOMENT
        due = int((when[fresh] + seconds <= view.duration).sum())
        if not due or missing(client):
            continue
        mine = mask(reports["source"] == client) & mask(reports["seconds"] >= when[0])
        subject = Subject.device(client)
        if mine.any():
            yield kept(subject, f"{plural(int(mine.sum()), 'status')} to {plural(due, 'load control event')}")
            continue
        text = f"{plural(due, 'load control event')} of {view.label(server)}, and no Report Event Status"
        grave = due >= times and not air.may_explain(int(client), due, due)
        yield broken(subject, text, part["frame"], "warning" if grave else "info")
