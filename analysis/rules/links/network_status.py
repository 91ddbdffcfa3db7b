"""What routers and devices say themselves of links and routes that failed (Network Status, `network_statuses.csv`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from analysis.features.identifiers import NWK_COMMANDS
from analysis.features.judging import plural
from analysis.features.names import missing
from analysis.features.stations import NO_SHORT
from analysis.rules.declare import Evidence, Frame, RuleError, Subject, View, broken, c, commands, kept, rule
from analysis.rules.refusals.codes import Code, rows_of
from dissectors.layout import rows_in

HOUR = 3600.0
NETWORK_STATUS = NWK_COMMANDS["Network Status"]
STATUS, TARGET = (NWK_COMMANDS.field("Network Status", name) for name in ("status", "target"))
TOLD = commands.where(c.layer == "nwk", c.command == NETWORK_STATUS, c.field.isin(STATUS, TARGET))[
    c.frame, c.seconds, c.source, c.field, c.number
]


class NetworkStatus(NamedTuple):
    """A status: its code with what to do, from how many an hour it warns (None: never; 0: no fault), and what follows."""

    code: Code
    hourly: int | None
    consequence: str
    rule: str


@cache
def statuses() -> dict[int, NetworkStatus]:
    """`network_statuses.csv` by number.

    Raises:
        RuleError: a row names a status that response_codes.csv does not have.
    """
    known = {
        row["meaning"]: (int(row["code"], 0), Code(row["meaning"], row["what"], row["do"]))
        for row in rows_of("response_codes")
        if row["of"] == "nwk"
    }
    out = {}
    for row in rows_in("analysis.rules.links", "network_statuses"):
        if row["status"] not in known:
            raise RuleError(f"network_statuses.csv: no status {row['status']}")
        number, code = known[row["status"]]
        hourly = int(row["hourly"]) if row["hourly"] else None
        out[number] = NetworkStatus(code, hourly, row["consequence"], row["rule"])
    return out


@rule(
    "links-fail",
    "A device says that links or routes fail",
    finds="""Network Status commands that tell a failure: no route, a link, a parent or a target lost, what was held for a
    sleeping child thrown away, no room for routes, counters or keys that do not fit. One informs; again and again within
    an hour about one device warns. Address conflicts have a rule of their own.""",
    matters="The device that could not pass a frame on is the only one that knows where it was lost.",
    example="""Electricity meter (90b3d5fffe0000a0): says 12 times (12 within an hour) of Gas meter (90b3d5fffe0000a1):
    indirect transaction expiry (0x06); what was sent to it is thrown away; to do: sleepy child did not poll in time""",
    source="ZigBee PRO 05-3474 3.4.3 (Network Status), 3.6.3.7 (route maintenance); network_statuses.csv",
    advice="Look at the device that is named: its power and range, and the router between",
    family="anomaly", area="links", severity="warning", confidence="derived", cause="weak link",
    requires="Network Status commands", reads=[TOLD],
    broken_by="ordinary-day --fault routes-fail --seconds 3000",
)  # fmt: skip
def links_fail(view: View, told: Frame, *, apart: float = 10.0) -> Iterator[Evidence]:
    """One verdict for each device that says so, what it says, and of whom."""
    rows = told.pivot_table(
        index=["frame", "seconds", "source"], columns="field", values="number", aggfunc="first", observed=True
    )
    rows = rows.reset_index() if len(rows) else told[:0].assign(**{STATUS: [], TARGET: []})
    if STATUS not in rows:
        return
    if TARGET not in rows:  # commands that were cut
        rows = rows.assign(**{TARGET: np.nan})
    rows = rows[rows[STATUS].notna()]
    together = _together(rows, apart)
    for (source, status, target), part in rows.groupby(
        ["source", STATUS, TARGET], sort=False, dropna=False, observed=True
    ):
        known = statuses().get(int(status))
        subject = Subject.device(source)
        if known is not None and (known.hourly == 0 or known.rule):
            yield kept(subject, f"{plural(len(part), 'Network Status command')}: {known.code.meaning}")
            continue
        seconds = part["seconds"].to_numpy(dtype=float)
        fresh = np.diff(seconds, prepend=-np.inf) > apart
        times = seconds[fresh]
        most = int((np.searchsorted(times, times + HOUR) - np.arange(len(times))).max())
        most_of_all = max(most, together.get((source, -1 if missing(target) else target), 0))
        grave = known is not None and known.hourly is not None and most_of_all >= known.hourly
        yield broken(
            subject,
            _sentence(view, int(status), target, len(times), most),
            part["frame"],
            None if grave else "info",
        )


def _together(rows: Frame, apart: float) -> dict[tuple[Any, Any], int]:
    """By who says it and of whom: failures of any kind within an hour, for a way fails in several words."""
    out = {}
    rows = rows[rows[STATUS].isin([number for number, one in statuses().items() if one.hourly])]
    for (source, target), part in rows.groupby(["source", TARGET], sort=False, dropna=False, observed=True):
        times = part["seconds"].to_numpy(dtype=float)
        times = times[np.diff(times, prepend=-np.inf) > apart]
        most = int((np.searchsorted(times, times + HOUR) - np.arange(len(times))).max())
        out[source, -1 if missing(target) else target] = most
    return out


def _sentence(view: View, status: int, target: Any, times: int, most: int) -> str:
    known = statuses().get(status)
    text = f"says {plural(times, 'time')}{f' ({most} within an hour)' if most > 1 else ''}"
    if not missing(target) and int(target) < NO_SHORT:
        text += f" of {device_of(view, int(target))}"
    if known is None:
        return f"{text}: status {status:#04x}, which no table has"
    text += f": {known.code.meaning} ({status:#04x})"
    text += f"; {known.consequence}" if known.consequence else ""
    return f"{text}; to do: {known.code.do}"


def device_of(view: View, short: int) -> str:
    """Whom a short address means, where only one device has it."""
    found = {eui64 for key, eui64 in view.addresses.items() if key & (1 << 16) - 1 == short}
    return view.label(next(iter(found)) if len(found) == 1 else short)
