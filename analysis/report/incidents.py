"""Incidents as cards, one for each cause: what was found of it, when, and who said what to whom then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from analysis.features.view import View
from analysis.findings.model import CheckResult, Finding, Incident
from analysis.report.axes import Clock
from analysis.report.charts import Lane, Mark, Span, lanes
from analysis.report.markup import Markup
from analysis.report.tally import FRAMES_PER_FINDING, Tally, clock
from analysis.tables.row_form import RowForm
from analysis.views.ladder import show_times
from analysis.views.ladder_svg import svg
from analysis.wireshark.display_filter import frames_filter

__all__ = ["cards", "overview_lanes"]

LADDERS, STEPS = 20, 40
"""Incidents with a ladder, and frames of one, at most."""
LANES, MARKS = 12, 80
"""Lanes of a drawing, and moments in one, at most."""
Links = Callable[[int], str]


def cards(
    tally: Tally, result: CheckResult | None, findings: Sequence[dict[str, Any]], links: Links
) -> list[Any]:
    """A card for each incident; `findings` are those of the page, `links` says where a frame is shown there."""
    if result is None or tally.view is None:
        return []
    out = []
    for number, one in enumerate(result.incidents):
        groups = _by_subject(one, findings)
        ladder = _ladder(tally, one, result.findings, links) if number < LADDERS else None
        named = {frame for index in one.findings for frame in result.findings[index].frames}
        out.append(
            {
                **{"incident": one, "groups": groups, "strip": _strip(tally, groups, links)},
                **{"ladder": ladder, "wireshark": frames_filter(named) if named else None},
            }
        )
    return out


def _by_subject(incident: Incident, findings: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Its findings by whom they are about: what several rules say of one message stands together."""
    out: dict[Any, list[dict[str, Any]]] = {}
    for index in incident.findings:
        out.setdefault(findings[index]["finding"].about, []).append(findings[index])
    return [*out.values()]


def _strip(tally: Tally, groups: Sequence[list[dict[str, Any]]], links: Links) -> Markup:
    """When its findings happened, frame by frame, a lane for each whom they are about; empty for a single moment."""
    rows = []
    for group in groups[:LANES]:
        first = group[0]["finding"]
        frames = sorted({at for one in group for at in one["finding"].frames if at in tally.moments})
        marks = [
            Mark(
                tally.moments[at],
                f"frame {at}, {clock(_view(tally), tally.moments[at], tally.form)}",
                links(at),
            )
            for at in frames[:: len(frames) // MARKS + 1]
        ]
        if marks:
            rows.append(Lane(first.device, first.severity, marks, f"#finding-{group[0]['number']}"))
    moments = [mark.seconds for row in rows for mark in row.marks]
    if not moments or max(moments) - min(moments) < 0.001:
        return Markup("")
    return lanes(_around(tally, min(moments), max(moments)), rows, "when it happened")


def _around(tally: Tally, begin: float, end: float) -> Span:
    margin = max((end - begin) * 0.04, 0.5)
    return Span(begin - margin, end + margin, Clock.of(_view(tally).start_ns, tally.form))


def _view(tally: Tally) -> View:
    if tally.view is None:
        raise ValueError("nothing was counted yet")
    return tally.view


def _ladder(tally: Tally, incident: Incident, findings: Sequence[Finding], links: Links) -> Any:
    named = [findings[index].frames for index in incident.findings]
    frames = [row[place] for place in range(FRAMES_PER_FINDING) for row in named if place < len(row)]
    made = tally.ladder_frames.ladder(f"incident {incident.number}", "", _view(tally), frames, STEPS)
    if not made.steps:
        return None
    if tally.form is None or tally.form.times in ("utc", "local"):
        show_times(made, tally.form or RowForm())
    more = len({frame for row in named for frame in row} - {f for step in made.steps for f in step.frames})
    return {"chart": Markup(svg(made, links)), "steps": len(made.steps), "more": more}


def overview_lanes(tally: Tally, result: CheckResult | None) -> Markup:
    """When each incident was, over the whole capture."""
    if result is None or tally.view is None or not result.incidents:
        return Markup("")
    rows = [
        Lane(
            f"{one.number}. {one.title}", one.severity,
            [Mark(when, f"{clock(tally.view, when, tally.form)} {said}", f"#incident-{one.number}")
             for when, said in one.timeline[:MARKS]],
            f"#incident-{one.number}",
        )
        for one in result.incidents[:LANES]
    ]  # fmt: skip
    span = Span(0.0, max(tally.duration, 1e-3), Clock.of(tally.view.start_ns, tally.form))
    return lanes(span, rows, "when the incidents were")
