"""What a mirror serves against what its meter reports to it: never older, and never what the meter did not say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.features.judging import mask, plural
from analysis.features.readings import Series, series
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.declare import Quantity, c, rule
from analysis.rules.values.demand import OF_SERIES, SHARED

__all__ = ["TOTALS", "mirrored"]

TOTALS = Quantity("total").where(c.number.known)[(*OF_SERIES, c.destination)]


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A register that a hub serves, the reports of its meter, and of each reading the place of the last report before it
    (-1: none)."""

    served: Series
    report: Series
    at: npt.NDArray[np.intp]


def mirrored(view: View, totals: Frame, late: float) -> Iterator[Mirrored]:
    """Each register of a hub with the meter whose reports it gave at some time; a report counts `late` seconds
    behind it."""
    hubs = list(view.hub_addresses())
    reported = totals[mask(totals["destination"].isin(hubs)) & ~mask(totals["source"].isin(hubs))]
    told = list(series(reported[_arrived(view, reported)]))
    for one in series(totals[mask(totals["source"].isin(hubs))]):
        given = one.numbers[one.numbers > 0]  # nought is what any register begins with
        mine = [r for r in told if r.attribute == one.attribute and np.isin(given, r.numbers).any()]
        if mine:
            yield Mirrored(one, mine[0], np.searchsorted(mine[0].seconds + late, one.seconds) - 1)


def _arrived(view: View, reports: Frame) -> npt.NDArray[np.bool_]:
    """Which reports were sent to the hub itself: what a router was to pass on may have got lost there."""
    frames = view.packets.of_frames(reports["frame"])
    known = mask(frames["target"].notna()) & mask(frames["receiver"].notna())
    short = frames[known & ~mask(frames["target"] == frames["receiver"])]
    return ~mask(reports["frame"].isin(short["frame"].tolist()))


@rule(
    "mirror-differs",
    "A mirror serves what its meter never reported",
    finds="""A register of a hub that gave what a meter reported to it, and gives more than that meter reports before and
    after.""",
    matters="Displays and the supplier read the mirror: the gas that is shown and billed is another's, or made up.",
    example="""Communications hub (90b3d5fffe0000a2): CurrentSummationDelivered is served 4 times as 4,719,000, and Gas
    meter (90b3d5fffe0000a1) reported 4,710,000 before (frame 300) and 4,710,200 after (frame 412)""",
    source="GBCS v0.8 10.4.2.8 (half-hourly readings); ZSE 1.2 D.3.2.4.4 (mirror: what the meter reported)",
    advice="""Compare the gas meter's own screen. If that is right, the mirror holds another register (a meter of before,
    a wrong endpoint): restart the hub, let the meter ask for its mirror again""",
    cause="values", requires="readings of a mirror between two reports of its meter", reads=[TOTALS],
    broken_by="home: the gas mirror serves another register", **SHARED,
)  # fmt: skip
def mirror_differs(view: View, totals: Frame, *, late: float = 5.0) -> Iterator[Evidence]:
    """Registers only rise, so what a mirror gives lies at or below the next report; the report before counts as well,
    should the meter itself fall."""
    for pair in mirrored(view, totals, 0.0):
        one, report = pair.served, pair.report
        after = np.searchsorted(report.seconds, one.seconds + late)
        known = (pair.at >= 0) & (after < len(report.numbers))
        before = report.numbers[np.maximum(pair.at, 0)]
        most = np.maximum(before, report.numbers[np.minimum(after, len(report.numbers) - 1)])
        above, subject = known & (one.numbers > most), Subject.device(one.source)
        if not above.any():
            yield kept(subject, f"{one.name} as {view.label(report.source)} reported it")
            continue
        first = int(np.flatnonzero(above)[0])
        last, following = int(pair.at[first]), int(after[first])
        text = (
            f"{one.name} is served {plural(int(above.sum()), 'time')} as {one.numbers[first]:,.0f}, and "
            f"{view.label(report.source)} reported {report.numbers[last]:,.0f} before (frame {report.frames[last]}) "
            f"and {report.numbers[following]:,.0f} after (frame {report.frames[following]})"
        )
        yield broken(subject, text, one.frames[above])
