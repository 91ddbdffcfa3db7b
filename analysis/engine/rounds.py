"""The rules over tables that grow: what they say is told as soon as a rule has said it, raised, changed, withdrawn.

Strategy: judging goes in rounds, each over one view of what there is. Judged are the rules for which new rows have come
(`analysis.engine.waking`), those first that were judged longest ago, and of these the cheap ones first, by what they
cost so far; the costliest not every time. A round in which something new comes ends soon, and the rules that are left
have the next view: so none waits for longer than a turn of all takes. Then, as long as nothing new comes or for a part
of the round, those are judged that were not for some seconds: a rule may look at more than what it says, at the time
that has passed above all. Each has a clock of its own for that, which slows down while it finds nothing else than
before. At the end every rule is judged by all that there is, as `hanscope check` does it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from analysis.engine.checking import Checking
from analysis.engine.waking import Waking
from analysis.features.view import Known, View
from analysis.findings.model import Finding, Rule
from analysis.pipeline.heard_tables import Heard, HeardTables

__all__ = ["Change", "Rounds", "Told"]

COSTLY, SHARE = 0.05, 10.0
"""Seconds of processor time from which on a rule is costly; it is not judged again before so many times what it took."""
AGAIN = 0.25
"""Seconds after which rules that were put off are looked at again."""
SLICE = 0.2
"""Seconds of processor time after which a round ends in which something new has come."""
CATCH_UP = 0.25
"""Of the time of a round, what may be spent on rules for which nothing new came while others wait."""
UNASKED, UNASKED_MOST = 2.0, 16.0
"""Seconds after which a rule for which nothing new came is judged again: it may look at more than what it says. Twice as
many each time that it says what it said before, to so many at most."""
REST = 0.25
"""Seconds between two rounds, at most; half of what the round took if that is less."""
TOLD_AGAIN = 1.0
"""Seconds after which other words for a finding that stands are told."""
AT_ONCE = 0.05
"""Seconds between two tellings within a round."""
LARGE = 10_000
"""Frames of a view that is taken apart at once when it has been left."""
Key = tuple[str, str]


class Change(NamedTuple):
    """What judging changed.

    Attributes:
        state: raised, changed or withdrawn.
        reason: why it was withdrawn.
    """

    state: str
    finding: Finding
    reason: str = ""


class Told(NamedTuple):
    """What is new.

    Attributes:
        more: what else there is to say, of whoever judges more than rules.
        last: nothing more will be told.
        trouble: why judging broke off.
    """

    changes: list[Change]
    more: Any = None
    last: bool = False
    trouble: str = ""


class Standing:
    """The findings that stand, by rule and device, and when each was told last."""

    def __init__(self) -> None:
        self.findings: dict[Key, Finding] = {}
        self.waiting = False
        self._told: dict[Key, float] = {}

    def changes(self, found: Sequence[Finding], first: int, now: float | None = None) -> Iterator[Change]:
        """What is other than it was.

        Args:
            found: what there is now.
            first: the first frame that is kept: what was found before it stands.
            now: seconds; a finding whose words alone are other ones is told again after `TOLD_AGAIN` of them (it is
                `waiting` until then); None: at once.
        """
        self.waiting = False
        current = {(one.rule, one.device): one for one in found}
        for key, one in current.items():
            before = self.findings.get(key)
            if before is not None and before.evidence == one.evidence:
                continue
            if before is not None and now is not None and now - self._told[key] < TOLD_AGAIN:
                current[key], self.waiting = before, True
                continue
            self._told[key] = now or 0.0
            yield Change("raised" if before is None else "changed", one)
        for key, one in self.findings.items():
            if key in current:
                continue
            if one.frames and min(one.frames) < first:
                current[key] = one
            else:
                del self._told[key]
                yield Change("withdrawn", one, "later frames do not bear it out")
        self.findings = current


class Rounds:
    """Judges tables that grow, until they do not any more.

    Args:
        heard: the tables.
        checking: the rules.
        tell: given what is new; called in the thread that runs this.

    Attributes:
        judged: how often rules were judged.
    """

    def __init__(self, heard: HeardTables, checking: Checking, tell: Callable[[Told], None]) -> None:
        self.heard, self.checking, self.tell = heard, checking, tell
        self.standing = Standing()
        self.judged = 0
        self._costs = {rule.id: 0.0 for rule in checking.rules}
        self._ended_at = dict.fromkeys(self._costs, 0.0)
        self._seen = dict.fromkeys(self._costs, 0)
        self._unasked = dict.fromkeys(self._costs, UNASKED)
        self._waking = Waking(checking)
        self._growth, self._told_at, self._changed = 0, 0.0, False
        self._due: set[str] = set()
        self._at: Heard | None = None
        self._view: View | None = None
        self._start: Known | None = None

    def run(self) -> None:
        """Judge until the tables are told to have ended; the last that is told is `Told.last`."""
        trouble = ""
        try:
            while not self.heard.ended:
                self.heard.wait(AGAIN if self._due or self._behind() or self.standing.waiting else None)
                if not self.heard.ended:
                    self._round()
            self._judge_all()
        except Exception as error:  # told, rather than missed: whoever listens goes on without findings
            trouble = f"judging broke off: {type(error).__name__}: {error}"
        self._tell(last=True, trouble=trouble)

    def more(self, view: View, at: Heard, findings: Sequence[Finding]) -> tuple[Sequence[Finding], Any]:
        """What there is to say behind a round: findings, and anything else. For those who judge more than rules."""
        return findings, None

    def _round(self) -> None:
        began, until = time.monotonic(), time.thread_time() + SLICE
        view = self._look()
        for rule in self._in_turn(began):
            if self.heard.ended or (self.heard.changed and time.thread_time() >= until):
                break
            self._judge(rule, view)
            if self._changed and time.monotonic() - self._told_at >= AT_ONCE:
                self._tell()
        self._tell()
        if self._due and self.heard.changed:
            return
        self._catch_up(view, time.monotonic() + CATCH_UP * (time.monotonic() - began))
        self._tell()
        self.heard.rest(min(REST, (time.monotonic() - began) / 2))

    def _look(self) -> View:
        """The view of all that there is; the one of the last round where nothing has come since."""
        if self._view is not None and not self.heard.changed:
            return self._view
        large = self._at is not None and len(self._at.window.tables["packets"]) > LARGE
        earlier, at = self._view, self.heard.heard()
        self._at, tables = at, at.window.tables
        before = self._start and replace(self._start, packets=at.window.longer) if at.first > 1 else None
        if earlier is None:
            view = View.of(tables, None, before)
        else:
            view = View.grown(tables, before, earlier, tables.keys() - at.grown)
        self._view = view
        if large:
            del earlier
            gc.collect()  # columns know their table and the table its columns
        self._start = view.known()
        self._growth += 1
        self._changed = True
        self._due |= self._waking.woken(at, view)
        self.checking.look_again(view)
        return view

    def _in_turn(self, now: float) -> list[Rule]:
        """The rules that are due, in their order."""
        costs, ended = self._costs, self._ended_at
        due = [
            rule
            for rule in self.checking.rules
            if rule.id in self._due
            and (costs[rule.id] < COSTLY or now - ended[rule.id] >= SHARE * costs[rule.id])
        ]
        return sorted(due, key=lambda rule: (self._seen[rule.id], costs[rule.id]))

    def _behind(self) -> list[Rule]:
        """The rules that have not seen all that there is, those first that were judged longest ago."""
        behind = [rule for rule in self.checking.rules if self._seen[rule.id] < self._growth]
        return sorted(behind, key=lambda rule: self._seen[rule.id])

    def _catch_up(self, view: View, until: float) -> None:
        """Judge the rules that are behind and were not judged of late; until some time where something new has come."""
        for rule in self._behind():
            if self.heard.ended or (self.heard.changed and time.monotonic() >= until):
                return
            if (
                rule.id not in self._due
                and time.monotonic() - self._ended_at[rule.id] >= self._unasked[rule.id]
            ):
                self._judge(rule, view)

    def _judge(self, rule: Rule, view: View) -> None:
        began = time.thread_time()
        changed = self.checking.retake(rule, view)
        self._changed = self._changed or changed
        patience = UNASKED if changed or rule.id in self._due else 2 * self._unasked[rule.id]
        self._unasked[rule.id] = min(patience, UNASKED_MOST)
        took = time.thread_time() - began
        known = self._costs[rule.id]
        self._costs[rule.id] = (
            min(took, 2 * known) if known else took
        )  # the first one in a view pays for others
        self._ended_at[rule.id] = time.monotonic()
        self._seen[rule.id] = self._growth
        self._due.discard(rule.id)
        self.judged += 1

    def _judge_all(self) -> None:
        view = self._look()
        for rule in self._behind():
            self._judge(rule, view)

    def _tell(self, *, last: bool = False, trouble: str = "") -> None:
        if not (self._changed or self.standing.waiting or last):
            return
        changes: list[Change] = []
        more = None
        now = time.monotonic()
        if self._view is not None and self._at is not None and not trouble:
            found, more = self.more(self._view, self._at, self.checking.findings())
            changes = list(self.standing.changes(found, self._at.first, None if last else now))
        self._told_at, self._changed = now, False
        if changes or more is not None or last:
            self.tell(Told(changes, more, last, trouble))
