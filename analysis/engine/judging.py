"""From declared rules to evidence: their rows (`analysis.engine.selections`), what breaks them, and the sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, singledispatch
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.engine.selections import Selected, Selections
from analysis.engine.sentences import NAMED, Count, Number, Values
from analysis.features.judging import plural
from analysis.features.messages import judge_items, judge_messages
from analysis.features.view import View
from analysis.findings.model import FRAMES_KEPT, Evidence, Rule, broken, kept
from analysis.findings.subject import NETWORK, Subject
from analysis.rules.expression import Condition, Parameter, bound
from analysis.rules.judgement import AtMost, EachDevice, EachField, EachItem, EachMessage, words_of

__all__ = ["evidence_of"]

Mask = npt.NDArray[np.bool_]


def evidence_of(rule: Rule, view: View, parameters: Mapping[str, Any]) -> Iterator[Evidence]:
    """What a rule says of a view: of what it declares, or of what its function makes of the rows that it declares."""
    if rule.judge is not None:
        yield from judged(_bound(rule.judge, parameters), Scope(view, view.once(Selections), parameters))
    elif rule.function is not None:
        frames = [view.once(Selections).frame(rows.bound(parameters)) for rows in rule.reads]
        yield from rule.function(view, *frames, **parameters)


def _bound(judgement: Any, parameters: Mapping[str, Any]) -> Any:
    """A judgement with values in place of its parameters."""
    found: dict[str, Any] = {"rows": judgement.rows.bound(parameters)}
    for name in judgement.__slots__:
        value = getattr(judgement, name)
        if isinstance(value, Condition):
            found[name] = bound(value, parameters)
        elif isinstance(value, Parameter):
            found[name] = parameters[value.name]
    return replace(judgement, **found)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule is judged by: the view, its rows, and the values of the rule's parameters."""

    view: View
    selections: Selections
    parameters: Mapping[str, Any]


@singledispatch
def judged(form: Any, scope: Scope) -> Iterator[Evidence]:
    """The evidence that a judgement comes to."""
    raise TypeError(f"no judgement: {form!r}")


@judged.register
def _(form: EachDevice, scope: Scope) -> Iterator[Evidence]:
    rows = scope.selections.selected(form.rows)
    if not len(rows):
        return
    wrong = rows.mask(form.broken)
    stations = Stations(rows, form.whose)
    hits = stations.count(wrong)
    named = _named(form.says, rows) if hits.any() else pd.DataFrame()
    for number, station in stations.in_order():
        subject, many = Subject.device(station), int(stations.sizes[number])
        if not hits[number]:
            yield kept(subject, f"{plural(many, 'frame')} {form.good}")
            continue
        own = stations.rows(number)
        own = own[wrong[own]]
        said: dict[str, Any] = {"bad": Count(len(own)), "all": Number(many), **scope.parameters}
        said |= {str(name): Values(named[name].iloc[own]) for name in named}
        text = form.says.format(**said)
        frames = rows.frames[own]
        yield broken(subject, f"{text} ({_spread(frames)})", frames[:FRAMES_KEPT], form.severity)


class Stations:
    """Rows by whose they are.

    Attributes:
        sizes: rows of each station, by its number.
    """

    def __init__(self, rows: Selected, whose: str) -> None:
        codes, keys = rows.codes(whose)
        self.keys: list[int | None] = [*keys, None]
        self.codes = np.where(codes < 0, len(keys), codes)
        self.sizes = self.count(slice(None))

    def count(self, chosen: Any) -> npt.NDArray[np.intp]:
        """How many of the chosen rows each station has."""
        return np.bincount(self.codes[chosen], minlength=len(self.keys))

    def in_order(self) -> list[tuple[int, int | None]]:
        """The stations that have rows, with their numbers, in the order of their first ones."""
        first = np.full(len(self.keys), len(self.codes))
        first[self.codes[::-1]] = np.arange(len(self.codes))[
            ::-1
        ]  # of several rows of one station the first stays
        return [(n, self.keys[n]) for n in np.argsort(first, kind="stable").tolist() if self.sizes[n]]

    @cached_property
    def _sorted(self) -> npt.NDArray[np.intp]:
        return np.argsort(self.codes, kind="stable")

    def rows(self, number: int) -> npt.NDArray[np.intp]:
        """The rows of one station, in their order. Only where something is wrong somebody asks for them."""
        end = int(self.sizes[: number + 1].sum())
        return self._sorted[end - int(self.sizes[number]) : end]


def _named(sentence: str, rows: Selected) -> pd.DataFrame:
    """The columns that a sentence names."""
    return rows.frame([name for name in words_of(sentence) if name in rows.kinds])


def _spread(frames: Any) -> str:
    first, last = int(frames[0]), int(frames[-1])
    return f"at frame {first}" if first == last else f"from frame {first} to {last}"


@judged.register
def _(form: EachMessage, scope: Scope) -> Iterator[Evidence]:
    rows = scope.selections.selected(form.rows)
    columns = {"message", "frames", "use_case", "cra", "name", *words_of(form.says)} - set(scope.parameters)
    frame, wrong = rows.frame(columns), rows.mask(form.broken)
    yield from judge_messages(
        scope.view, frame, wrong, form.says, form.good.format(**scope.parameters), scope.parameters
    )


@judged.register
def _(form: EachItem, scope: Scope) -> Iterator[Evidence]:
    rows = scope.selections.selected(form.rows)
    columns = {"message", "frames", "use_case", "object", "obis", *words_of(form.says)} - set(
        scope.parameters
    )
    yield from judge_items(rows.frame(columns), rows.mask(form.broken), form.says, scope.parameters)


OF_FIELD = ("frame", "source", "destination", "command", "command_name", "field", "value", "meaning")


@judged.register
def _(form: EachField, scope: Scope) -> Iterator[Evidence]:
    rows = scope.selections.selected(form.rows)
    frame, wrong = rows.frame(OF_FIELD), rows.mask(form.broken)
    for source, part in frame.groupby("source", dropna=False, sort=False):
        bad = part[wrong[part.index]]
        if bad.empty:
            yield kept(Subject.device(source), f"{plural(len(part), 'field')} as required")
        else:
            text = f"{_command_in_words(scope.view, bad)} ({plural(len(bad), 'time')})"
            yield broken(Subject.device(source), text, bad["frame"])


def _command_in_words(view: View, bad: pd.DataFrame) -> str:
    """The command, whom it went to, and the first wrong fields with what their values stand for."""
    first = bad.iloc[0]
    shown = []
    for field, value, meaning in zip(
        bad["field"][:NAMED], bad["value"][:NAMED], bad["meaning"][:NAMED], strict=True
    ):
        words = f" ({meaning})" if isinstance(meaning, str) and meaning and meaning != value else ""
        shown.append(f"{field} = {value}{words}")
    name = first["command_name"]
    command = name if isinstance(name, str) and name else f"command 0x{int(first['command']):02x}"
    to = "" if pd.isna(first["destination"]) else f" to {view.label(first['destination'])}"
    return f"{command}{to}: {', '.join(dict.fromkeys(shown))}"


@judged.register
def _(form: AtMost, scope: Scope) -> Iterator[Evidence]:
    rows = scope.selections.selected(form.rows)
    if not len(rows):
        return
    groups: list[tuple[Subject, Any]] = [(NETWORK, np.arange(len(rows)))]
    if form.per is not None:
        stations = Stations(rows, form.per.name)
        groups = [(Subject.device(one), stations.rows(number)) for number, one in stations.in_order()]
    times, within = cast(int, form.times), cast(float, form.within)
    every = rows.source.pandas("seconds", rows.places).to_numpy(dtype=float)
    for subject, own in groups:
        seconds = every[own]
        counts = np.searchsorted(seconds, seconds + within, side="right") - np.arange(len(own))
        at, most = int(counts.argmax()), int(counts.max())
        said = {
            **scope.parameters,
            "most": Count(most),
            "all": Count(len(own)),
            "within": within,
            "times": times,
        }
        if most > times:
            yield broken(subject, form.says.format(**said), rows.frames[own[at : at + most]])
        else:
            yield kept(subject, form.good.format(**said))
