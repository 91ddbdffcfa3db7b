"""The report: one HTML file that needs nothing else, with what was captured and what the rules say of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.features.view import View
from analysis.findings.model import CheckResult
from analysis.pipeline.message_store import MessageStore
from analysis.report.tally import Tally, clock
from captures.whole_files import write_whole
from dissectors.modules import needed
from dissectors.text import printable

if TYPE_CHECKING:
    from analysis.report.named_frames import NamedFrame

__all__ = ["Tally", "environment", "read_script", "render_report", "render_tally", "write_report"]


def render_report(
    decoded: Any,
    result: CheckResult | None,
    title: str = "",
    store: MessageStore | None = None,
    shown: Mapping[int, NamedFrame] | None = None,
) -> str:
    """The report of a decoded capture as HTML text. Every string that came from a capture is escaped; `store` has the
    messages, `shown` the frames, for those that findings name."""
    tally, view = Tally(), View.of(decoded)
    tally.see(view, None, ())
    tally.name_frames(view, [] if result is None else [one.frames for one in result.findings])
    return render_tally(tally, result, _lost(decoded), title, store, shown)


def environment(*rooms: str) -> Any:
    """Where pages are made: every text is escaped, and none has effects. Templates of `rooms` are found before those of
    this one."""
    jinja2 = needed("jinja2", extra="demo", use="a page")
    pages = jinja2.ChoiceLoader([jinja2.PackageLoader(room) for room in (*rooms, "analysis.report")])
    return jinja2.Environment(
        loader=pages, autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip


def render_tally(
    tally: Tally,
    result: CheckResult | None,
    lost: Sequence[str] = (),
    title: str = "",
    store: MessageStore | None = None,
    shown: Mapping[int, NamedFrame] | None = None,
) -> str:
    """The report of a capture that was counted window by window. `lost`: what could not be read; `store` has messages,
    `shown` the frames, down to their octets, for those that findings name."""
    from analysis.report import chapters, compliance, incidents, topology
    from analysis.report.markup import Markup
    from analysis.report.messages import messages
    from analysis.report.plugged import plugged
    from analysis.views.ladder_svg import STYLE

    overview, devices, shown = chapters.overview(tally, result), chapters.devices(tally), shown or {}
    listed, found = chapters.frames(tally, result), chapters.findings(result)
    there = {row["frame"] for row in listed} | shown.keys()

    def link(frame: int) -> str:
        return f"#f-{frame}" if frame in there else ""

    script, name = read_script(), title or ", ".join(overview["captures"]) or "capture"
    heading = title or ", ".join(one.rpartition("/")[2] for one in overview["captures"]) or name
    page: str = environment().get_template("report.html.j2").render(
        title=name, heading=heading, version=version(), overview=overview, result=result,
        script=Markup(script), policy=policy(script), ladder_style=Markup(STYLE), link=link, shown=shown,
        cards=incidents.cards(tally, result, found, link), lanes=incidents.overview_lanes(tally, result),
        findings=found, matrix=chapters.matrix(result), areas=compliance.areas_by_subject(result),
        modified=compliance.modified(result), protocols=chapters.protocols(tally), traffic=chapters.traffic(tally),
        devices=devices, plugged=plugged(overview, devices, result),
        topology=topology.topology(tally.view, tally.hops) if tally.view else None,
        keys=chapters.keys(tally), frames=listed, messages=messages(result, store), lost=lost,
        clock=lambda seconds: clock(tally.view, seconds, tally.form) if tally.view else "",
    )  # fmt: skip
    return page


def read_script() -> str:
    """The script of the page, which needs no other and asks for nothing."""
    return (resources.files("analysis.report") / "templates" / "report.js").read_text("utf-8").strip()


def policy(script: str) -> str:
    """What the page may do (Content Security Policy, level 3): run this script alone, and load nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:"


def write_report(
    decoded: Any,
    result: CheckResult | None,
    path: str | Path,
    title: str = "",
    store: MessageStore | None = None,
    shown: Mapping[int, NamedFrame] | None = None,
) -> None:
    """Writes the report to `path`. Raises OSError when it cannot be written."""
    write_whole(path, render_report(decoded, result, title, store, shown))


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
