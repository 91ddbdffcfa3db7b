"""The report: one HTML file that needs nothing else, with what was captured and what the rules say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from analysis.features.view import View
from analysis.findings.model import CheckResult
from analysis.pipeline.message_store import MessageStore
from analysis.report.tally import FRAMES_PER_FINDING, Tally, clock
from captures.whole_files import write_whole
from dissectors.text import printable

__all__ = ["Tally", "environment", "render_report", "render_tally", "write_report"]


def render_report(
    decoded: Any, result: CheckResult | None, title: str = "", store: MessageStore | None = None
) -> str:
    """The report of a decoded capture as HTML text. Every string that came from a capture is escaped; `store` has the
    messages, for those that findings name."""
    tally, view = Tally(), View.of(decoded)
    tally.see(view, None, ())
    named = [] if result is None else [f for one in result.findings for f in one.frames[:FRAMES_PER_FINDING]]
    tally.list_frames(view, named)
    return render_tally(tally, result, _lost(decoded), title, store)


def environment(*rooms: str) -> Any:
    """Where pages are made: every text is escaped, and none has effects. Templates of `rooms` are found before those of
    this one."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    pages = ChoiceLoader([PackageLoader(room) for room in (*rooms, "analysis.report")])
    return Environment(
        loader=pages, autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip


def render_tally(
    tally: Tally,
    result: CheckResult | None,
    lost: Sequence[str] = (),
    title: str = "",
    store: MessageStore | None = None,
) -> str:
    """The report of a capture that was counted window by window; `lost` says what could not be read, `store` has its
    messages, for those that findings name."""
    from analysis.report import chapters, compliance
    from analysis.report.messages import messages

    overview = chapters.overview(tally, result)
    template = environment().get_template("report.html.j2")
    page: str = template.render(
        title=title or ", ".join(overview["captures"]) or "capture",
        version=version(),
        overview=overview,
        result=result,
        findings=chapters.findings(result),
        matrix=chapters.matrix(result),
        areas=compliance.areas_by_subject(result),
        modified=compliance.modified(result),
        protocols=chapters.protocols(tally),
        traffic=chapters.traffic(tally),
        devices=chapters.devices(tally),
        topology=chapters.topology(tally),
        keys=chapters.keys(tally),
        frames=chapters.frames(tally, result),
        messages=messages(result, store),
        lost=lost,
        clock=lambda seconds: clock(tally.view, seconds, tally.form) if tally.view else "",
    )
    return page


def write_report(
    decoded: Any,
    result: CheckResult | None,
    path: str | Path,
    title: str = "",
    store: MessageStore | None = None,
) -> None:
    """Writes the report to `path`. Raises OSError when it cannot be written."""
    write_whole(path, render_report(decoded, result, title, store))


def _shown(value: Any) -> Any:
    """What stands in the page for `value`: text that others wrote without control characters."""
    return printable(value) if type(value) is str else value


def _lost(decoded: Any) -> list[str]:
    lost = decoded.get("lost") if isinstance(decoded, Mapping) else getattr(decoded, "lost", None)
    return [] if lost is None else [getattr(entry, "text", None) or str(entry) for entry in lost]


def version() -> str:
    """The version of the program; empty where it is not installed."""
    try:
        return metadata.version("hanscope")
    except metadata.PackageNotFoundError:
        return ""
