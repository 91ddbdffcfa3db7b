"""Which rules a live source judges again when new rows have come.

Strategy: most rules are about few rows (leave commands, one cluster), and most of what comes is about something else. So
what is new is looked at alone, once for all rules: a rule that awaits certain rows (`Rule.awaits`) wakes when one of them
is there, any other one when a table that it reads has grown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.engine.checking import Checking
from analysis.engine.selections import Selections
from analysis.features.view import LONG, Known, View
from analysis.findings.model import Rule
from analysis.pipeline.heard_tables import Heard
from analysis.rules.profile import Profile
from analysis.rules.rows import Rows

__all__ = ["woken"]

ASKED = (*LONG, "messages", "items")
"""Tables whose new rows are looked at; of others it counts whether there are any."""


def woken(checking: Checking, at: Heard, view: View) -> set[str]:
    """The ids of the rules that have something new to judge.

    Args:
        at: what there is, and how much of it is new.
        view: of it.
    """
    new = Selections(_new_rows(at, view))
    return {rule.id for rule in checking.rules if _wakes(rule, at.grown, new, checking.settings)}


def _wakes(rule: Rule, grown: frozenset[str], new: Selections, settings: Profile) -> bool:
    asked = {table for rows in rule.awaits for table in rows.tables}
    if not grown.isdisjoint(set(rule.needs) - asked):
        return True
    wanted = [rows for rows in rule.awaits if not grown.isdisjoint(rows.tables)]
    if not wanted:
        return False
    values = settings.parameters(rule.id, rule.parameters)
    return any(len(new.selected(_asked(rows, values))) for rows in wanted)


def _asked(rows: Rows, values: Mapping[str, Any]) -> Rows:
    """The rows as they stand in their table, parameters with their values."""
    return (rows if rows.of is None else Rows(rows.table, rows.of)).bound(values)


def _new_rows(at: Heard, view: View) -> View:
    tables = dict(at.window.tables)
    for name in ASKED:
        whole = tables[name]
        tables[name] = whole.slice(max(len(whole) - at.fresh.get(name, 0), 0))
    return View.of(tables, None, Known(view.start_ns, view.addresses, view.smart_energy_pans))
