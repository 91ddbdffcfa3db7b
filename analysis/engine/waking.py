"""Which rules a live source judges again when new rows have come.

Strategy: most rules are about few rows (leave commands, one cluster), and most of what comes is about something else. So
what is new is looked at alone, once for all rules: a rule that awaits certain rows (`Rule.awaits`) wakes when one of them
is there, any other one when a table that it reads has grown.
"""

from __future__ import annotations

from typing import NamedTuple

from analysis.engine.checking import Checking
from analysis.engine.selections import Selections
from analysis.features.view import LONG, Known, View
from analysis.pipeline.heard_tables import Heard
from analysis.rules.rows import Rows

__all__ = ["Waking"]

ASKED = (*LONG, "messages", "items")
"""Tables whose new rows are looked at; of others it counts whether there are any."""


class Wish(NamedTuple):
    """What wakes a rule: any row of the tables that it reads whole, or certain rows, as they stand in their table."""

    rule: str
    whole: frozenset[str]
    rows: tuple[Rows, ...]


class Waking:
    """What each rule awaits, with the values of its parameters, which is the same for all that comes.

    Args:
        checking: the rules.
    """

    def __init__(self, checking: Checking) -> None:
        self._wishes = []
        for rule in checking.rules:
            values = checking.settings.parameters(rule.id, rule.parameters)
            whole = frozenset(rule.needs) - {table for rows in rule.awaits for table in rows.tables}
            certain = tuple(
                (one if one.of is None else Rows(one.table, one.of)).bound(values) for one in rule.awaits
            )
            self._wishes.append(Wish(rule.id, whole, certain))

    def woken(self, at: Heard, view: View) -> set[str]:
        """The ids of the rules that have something new to judge.

        Args:
            at: what there is, and how much of it is new.
            view: of it.
        """
        new, grown, found = Selections(_new_rows(at, view)), at.grown, dict[Rows, bool]()

        def come(rows: Rows) -> bool:
            if rows not in found:
                found[rows] = not grown.isdisjoint(rows.tables) and len(new.selected(rows)) > 0
            return found[rows]

        return {
            one.rule for one in self._wishes if not grown.isdisjoint(one.whole) or any(map(come, one.rows))
        }


def _new_rows(at: Heard, view: View) -> View:
    tables = dict(at.window.tables)
    for name in ASKED:
        whole = tables[name]
        tables[name] = whole.slice(max(len(whole) - at.fresh.get(name, 0), 0))
    return View.of(tables, None, Known(view.start_ns, view.addresses, view.smart_energy_pans))
