"""What a shell offers for values of options and arguments: tables, formats, rules, scenarios, devices of the capture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["COMPLETERS", "completed"]

DEVICES_FROM = 64 * 1024 * 1024
"""Octets of the largest capture that is read to know its devices while somebody types."""


def _tables(_: Any) -> Iterable[str]:
    from analysis.pipeline.passes import DECODED_TABLES

    return DECODED_TABLES


def _formats(_: Any) -> Iterable[str]:
    from analysis.tables.output import FORMATS

    return FORMATS


def _rules(_: Any) -> Iterable[str]:
    from analysis.rules.registry import rules

    return (one.id for one in rules())


def _severities(_: Any) -> Iterable[str]:
    from analysis.findings.model import SEVERITIES

    return SEVERITIES


def _profiles(_: Any) -> Iterable[str]:
    from analysis.rules.profile import profile_names

    return profile_names()


def _scenarios(_: Any) -> Iterable[str]:
    from captures.simulated.scenarios import SCENARIOS

    return [str(one) for one in SCENARIOS]


def _faults(_: Any) -> Iterable[str]:
    from captures.simulated.faults import known

    names: list[str] = sorted(known())
    return names


def _sniffers(_: Any) -> Iterable[str]:
    from captures.sniffers import schemes

    return (f"{one}:" for one in schemes())


def _times(_: Any) -> Iterable[str]:
    from analysis.tables.row_form import TIME_FORMS

    return TIME_FORMS


def _zones(_: Any) -> Iterable[str]:
    from zoneinfo import available_timezones

    return sorted(available_timezones())


def _devices(given: Any) -> Iterable[str]:
    """Names, roles and addresses of the devices of the capture that was typed before."""
    from analysis.cli.command_line.options import keyring
    from analysis.pipeline.decode import TableSink
    from analysis.pipeline.runner import run_passes
    from analysis.tables.python_values import rows_of

    words = [*(given.get("captures") or ()), *(given.get("words") or ()), given.get("capture")]
    capture = next((one for one in words if one and Path(one).is_file()), None)
    if capture is None or Path(capture).stat().st_size > DEVICES_FROM:
        return []
    sink = TableSink(("devices",))
    run_passes(capture, keyring(given.get("keys")), sink)
    rows = [row for batch in sink.batches.get("devices", ()) for row in rows_of(batch)]
    texts = [text for row in rows for text in (row.get("name"), row.get("role"))]
    eui64s = [f"{row['eui64']:016x}" for row in rows if "eui64" in row]
    return dict.fromkeys(text for text in (*texts, *eui64s) if text)


def _sources(incomplete: str) -> list[str]:
    """Live sources, where no file begins so: sniffers, and simulated homes with their faults."""
    lead, plus, begun = incomplete.rpartition("+")
    if plus:
        return [f"{lead}+{one}" for one in _faults(None) if one.startswith(begun)]
    if not incomplete or any(Path().glob(f"{incomplete}*")):
        return []
    found = [*_sniffers(None), *(f"simulate:{one}" for one in _scenarios(None))]
    return [one for one in found if one.startswith(incomplete)]


def _shells(_: Any) -> Iterable[str]:
    from analysis.cli.command_line.shell_scripts import SCRIPTS

    return SCRIPTS


COMPLETERS: dict[str, Callable[[Any], Iterable[str]]] = {
    "table": _tables, "format": _formats, "rule": _rules, "severity": _severities, "profile": _profiles,
    "scenario": _scenarios, "fault": _faults, "sniffer": _sniffers, "time": _times, "zone": _zones, "device": _devices,
    "shell": _shells,
}  # fmt: skip
"""What is offered, by kind; each gets the arguments that were typed before."""


def completed(kind: str, given: Any, incomplete: str) -> list[str]:
    """What a value that begins with `incomplete` may be; nothing where that cannot be told."""
    try:
        if kind == "where":
            return _expressions(given, incomplete)
        if kind == "columns":
            return _columns(given, incomplete)
        if kind == "source":
            return _sources(incomplete)
        return [one for one in COMPLETERS[kind](given) if one.casefold().startswith(incomplete.casefold())]
    except Exception:  # whoever types a command is not to be told what is wrong with a capture
        return []


def _table(given: Any) -> str:
    tables: list[str] = given.get("table") or []
    return tables[0] if len(tables) == 1 else "packets"


def _expressions(given: Any, incomplete: str) -> list[str]:
    from analysis.cli.command_line.settings import named_filters
    from analysis.tables.filter_completion import completions
    from analysis.views.filters import names_of

    if incomplete.rpartition(" ")[2].startswith("@"):
        lead, _, begun = incomplete.rpartition("@")
        return [f"{lead}@{one}" for one in named_filters() if one.startswith(begun)]
    return completions(incomplete, names_of(_table(given)))


def _columns(given: Any, incomplete: str) -> list[str]:
    from analysis.tables.schema import columns_of

    before, _, last = incomplete.rpartition(",")
    lead = f"{before}," if before else ""
    return [lead + one for one in columns_of(_table(given)) if one.startswith(last)]
