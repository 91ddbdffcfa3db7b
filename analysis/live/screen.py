"""The terminal's view of a live source: who is there, what runs, what was found."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from dissectors.text import printable

__all__ = ["Screen", "event_line"]

COLOURS = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}
OUTCOMES = {"ok": "green", "failed": "red", "refused": "red", "unanswered": "yellow", "incomplete": "yellow"}
ROUTINE = ("poll", "delivery", "transfer")
"""Kinds of exchanges that pass by all the time: they are shown when they do not end well."""
MARKS = {"reached": "+", "failed": "!", "implied": "+", "under way": "."}
STATES = {"reached": "green", "failed": "bold red", "implied": "green", "under way": "yellow"}
DRAWN = 0.25
"""Seconds between two drawings, at least."""


def event_line(event: dict[str, Any], names: dict[str, str]) -> str:
    """An event in a line; empty for what only a screen shows.

    >>> event_line({"event": "rate", "frames": 3, "rate": 1.0, "dropped": 0}, {})
    ''
    """
    kind = event["event"]
    if kind == "exchange":
        if event["kind"] in ROUTINE and event.get("outcome") == "ok":
            return ""
        ends = " to ".join(
            names.get(str(one), str(one)) for one in (event.get("initiator"), event.get("responder")) if one
        )
        said = event.get("missing") or event.get("status") or ""
        words = [
            event.get("start", "")[11:23],
            event["kind"],
            event.get("name", ""),
            f"({ends})" if ends else "",
        ]
        return (
            " ".join(one for one in words if one)
            + f": {event.get('outcome')}"
            + (f", {said}" if said else "")
        )
    if kind == "message":
        return f"{event.get('time', '')[11:23]} message {event.get('message')}: {event.get('summary') or event['kind']}"
    if kind == "finding":
        tail = f" ({event['reason']})" if event.get("reason") else f": {event['evidence']}"
        return f"finding {event['state']}: {event['severity']} {event['title']} [{event['device']}]{tail}"
    if kind == "device":
        called = event.get("name") or event.get("role") or "device"
        return f"device {called} {event.get('eui64') or event.get('short', '')}: {event.get('join_state', 'heard')}"
    if kind == "step":
        said = f" ({event['text']})" if event.get("text") else ""
        check = f"; check: {event['check_next']}" if event.get("check_next") else ""
        return f"step {event['state']}: {event['title']}{said}{check}"
    if kind == "awaited" and not event["title"]:
        return "nothing is awaited: every step that comes by itself is reached"
    if kind == "awaited":
        return f"awaited: {event['title']}; should it not come: {event['check']}"
    if kind == "alert":
        said = f": {event['trouble']}" if event.get("trouble") else ", well again"
        return f"alert to {event['to']}{said} ({event['failed']:,} failed, {event['left_out']:,} left out)"
    if kind == "end":
        return f"end: {event['frames']:,} frames, {event['dropped']:,} not shown"
    return ""


class Screen:
    """Draws events into a terminal, whole screens of them."""

    def __init__(self, title: str, seen: dict[str, dict[str, Any]] | None = None) -> None:
        """`seen`: rows of the devices as they stand, kept by somebody else; else those that events told."""
        from rich.console import Console
        from rich.live import Live

        self.title = title
        self.devices: dict[str, dict[str, Any]] = {}
        self.seen = self.devices if seen is None else seen
        self.exchanges: deque[str] = deque(maxlen=200)
        self.findings: dict[tuple[str, str], dict[str, Any]] = {}
        self.steps: dict[str, dict[str, Any]] = {}
        self.awaited: tuple[dict[str, Any], float] | None = None
        self.rate: dict[str, Any] = {"frames": 0, "rate": 0.0, "dropped": 0}
        self._due = 0.0
        self._live = Live(console=Console(), screen=True, auto_refresh=False)

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    @property
    def names(self) -> dict[str, str]:
        """What devices are called, by address."""
        return {one: row["name"] for one, row in self.devices.items() if row.get("name")}

    def tell(self, event: dict[str, Any]) -> None:
        """Take an event in; draw when it is time."""
        kind = event["event"]
        if kind == "device":
            self.devices[event.get("eui64") or str(event.get("short"))] = event
        elif kind == "finding":
            key = (event["rule"], event["device"])
            self.findings.pop(key, None)
            if event["state"] != "withdrawn":
                self.findings[key] = event
        elif kind == "step":
            self.steps[event["step"]] = event
            self._ring(event["state"] == "failed")
        elif kind == "awaited":
            if self.awaited is None or self.awaited[0]["title"] != event["title"]:
                self.awaited = event, time.monotonic()
                self._ring(not event["title"])
        elif kind == "rate":
            self.rate = event
        elif line := event_line(event, self.names):
            self.exchanges.append(line)
        now = time.monotonic()
        if now >= self._due:
            self._due = now + DRAWN
            self._live.update(self.drawn(), refresh=True)

    def _ring(self, worth: bool) -> None:
        """The terminal's bell: a step failed, or all is reached, and whoever installs may look elsewhere."""
        if worth:
            self._live.console.bell()

    def drawn(self) -> Any:
        """All of it, as rich draws it."""
        from rich.layout import Layout
        from rich.panel import Panel
        from rich.text import Text

        height = self._live.console.height
        rate = self.rate
        head = "   ".join(
            (
                self.title, f"{rate['frames']:,} frames", f"{rate['rate']:g} a second",
                f"{rate['dropped']:,} not shown", "ctrl+c ends it",
            )
        )  # fmt: skip
        lines = [Text(printable(one), no_wrap=True, overflow="ellipsis") for one in self.exchanges]
        found = [
            Text(
                printable(event_line(one, self.names)),
                COLOURS[one["severity"]],
                no_wrap=True,
                overflow="ellipsis",
            )
            for one in reversed(self.findings.values())
        ]
        room = max(4, (height - 3) // 3)
        layout = Layout()
        layout.split_column(
            Layout(Text(printable(head), "bold", no_wrap=True, overflow="ellipsis"), size=1),
            self._steps()
            if self.steps
            else Layout(Panel(self._table(), title=_count(len(self.seen), "device")), size=room),
            Layout(Panel(_stacked(lines[-(height - 2 * room - 3) :]), title="exchanges and messages")),
            Layout(
                Panel(_stacked(found[: room - 2]), title=_count(len(self.findings), "finding")), size=room
            ),
        )
        return layout

    def _steps(self) -> Any:
        """The steps of the device that is followed, and how long which one has been waited for."""
        from rich.layout import Layout
        from rich.panel import Panel
        from rich.text import Text

        lines = []
        for one in self.steps.values():
            text = f"{MARKS.get(one['state'], '?')} {one['title']}: {one['state']}"
            text += f" ({one['text']})" if one.get("text") else ""
            lines.append(
                Text(printable(text), STATES.get(one["state"], ""), no_wrap=True, overflow="ellipsis")
            )
        if self.awaited is not None:
            event, since = self.awaited
            waited = event_line(event, {}) + (
                f" (for {time.monotonic() - since:.0f} s)" if event["title"] else ""
            )
            lines.append(Text(printable(waited), "bold yellow" if event["title"] else "bold green"))
        device = next(iter(self.steps.values()))["device"]
        return Layout(
            Panel(_stacked(lines), title=Text(printable(f"steps of {device}"))), size=len(lines) + 4
        )

    def _table(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        rows = sorted(self.seen.values(), key=lambda row: not row.get("frames"))  # remote parties last
        for row in rows[: max(2, self._live.console.height // 3 - 2)]:
            cells = (row.get("name") or row.get("role", ""), row.get("eui64") or row.get("short", ""))
            signal = "" if row.get("rssi") is None else f"{row['rssi']:g} dBm"
            words = (*cells, row.get("join_state", ""), signal, f"{row.get('frames', 0):,} frames")
            table.add_row(*(Text(printable(str(one))) for one in words))
        return table


def _stacked(lines: list[Any]) -> Any:
    from rich.console import Group

    return Group(*lines)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
