"""The form in which rows and times are printed, as options say it: ``--columns``, ``--time``, ``--tz``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from analysis.cli.command_line.choosing import zone_called
from analysis.cli.console import UsageError

if TYPE_CHECKING:
    from datetime import tzinfo

    from analysis.tables.row_form import RowForm

__all__ = ["columns_named", "row_form", "zone_shown"]


def row_form(
    columns: str | None, times: str | None, zone: str | None, known: Sequence[str]
) -> RowForm | None:
    """What the options ask for; None where they ask for nothing.

    Args:
        known: the columns that there are.

    Raises:
        UsageError: there is no such column, form of times, or time zone.
    """
    if columns is None and times is None and zone is None:
        return None
    from analysis.tables.row_form import TIME_FORMS, RowForm

    if times is not None and times not in TIME_FORMS:
        raise UsageError(f"--time: unknown form {times!r}", ", ".join(TIME_FORMS))
    chosen = times or ("local" if zone is not None else "utc")
    return RowForm(columns_named(columns, known), chosen, zone_shown(times, zone))


def zone_shown(times: str | None, zone: str | None) -> tzinfo | None:
    """The zone in which times are shown; None for that of this machine.

    Raises:
        UsageError: there is none of that name.
    """
    if times == "utc":
        return UTC
    return None if zone is None and times == "local" else zone_called(zone)


def columns_named(text: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """The columns of a list such as ``frame,time``; none where there is no list.

    Raises:
        UsageError: one of them is not among those that are known.
    """
    names = tuple(dict.fromkeys(one.strip() for one in (text or "").split(",") if one.strip()))
    if text is not None and not names:
        raise UsageError("--columns names none", ", ".join(known[:6]) + " ...")
    for name in names:
        if name not in known:
            from analysis.tables.filter_language import close_names

            close = close_names(name, known, 3)
            hint = f"{' or '.join(close)}?" if close else "hanscope fields lists them"
            raise UsageError(f"--columns: no column {name!r}", hint)
    return names
