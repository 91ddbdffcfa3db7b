"""The report: one HTML file that needs nothing else, with what was captured and what the rules say of it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from analysis.findings import CheckResult
from analysis.view import View

__all__ = ["render_report", "write_report"]


def render_report(decoded: Any, result: CheckResult | None, title: str = "") -> str:
    """The report of a decoded capture as HTML text. Every string that came from a capture is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from analysis.report import chapters

    view = View.of(decoded)
    environment = Environment(
        loader=PackageLoader("analysis.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    overview = chapters.overview(view, result)
    return environment.get_template("report.html.j2").render(
        title=title or ", ".join(overview["captures"]) or "capture",
        version=_version(),
        overview=overview,
        result=result,
        findings=chapters.findings(result),
        matrix=chapters.matrix(result),
        protocols=chapters.protocols(view),
        traffic=chapters.traffic(view),
        devices=chapters.devices(view),
        topology=chapters.topology(view),
        keys=chapters.keys(view),
        frames=chapters.frames(view, result),
        lost=_lost(decoded),
        clock=lambda seconds: chapters.clock(view, seconds),
    )


def write_report(decoded: Any, result: CheckResult | None, path: str | Path, title: str = "") -> None:
    """Writes the report to `path`. Raises OSError when it cannot be written."""
    Path(path).write_text(render_report(decoded, result, title), encoding="utf-8")


def _lost(decoded: Any) -> list[str]:
    lost = decoded.get("lost") if isinstance(decoded, Mapping) else getattr(decoded, "lost", None)
    return [] if lost is None else [getattr(entry, "text", None) or str(entry) for entry in lost]


def _version() -> str:
    try:
        return metadata.version("hanscope")
    except metadata.PackageNotFoundError:
        return ""
