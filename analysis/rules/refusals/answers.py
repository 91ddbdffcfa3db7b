"""Answers that grant or refuse in a field: tunnels, mirrors, firmware, load control, network, ZDP (`fields.csv`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.identifiers import APS_COMMANDS, CLUSTERS, NWK_COMMANDS, ZDP_COMMANDS, command
from analysis.features.judging import mask, plural
from analysis.features.names import said
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, kept, rule
from analysis.rules.refusals.codes import code_of, rows_of

LAYERS = {"nwk": NWK_COMMANDS, "aps": APS_COMMANDS}
HARMLESS = ("device not found", "not active", "not supported", "no match", "no entry", "no descriptor")
"""Statuses of ZDP with which a device says what it does not have, and is asked all the same."""


def answers(view: View, row: dict[str, str]) -> Frame:
    """The fields that a row of `fields.csv` means: frame, seconds, source, destination, command_name, number, meaning."""
    fields = view.command_rows(row["layer"])
    if row["layer"] == "zcl":
        known = command(CLUSTERS[row["cluster"]], row["direction"], row["command"])
        fields = fields.only(cluster=known.cluster, command=[known.id], direction=known.direction)
        name: Any = known.field(row["field"])
    elif row["layer"] == "zdp":
        name = row["field"]
        fields = fields[mask(fields["command_name"].isin(_zdp_answers()))] if len(fields) else fields
    else:
        commands = LAYERS[row["layer"]]
        name = commands.field(row["command"], row["field"])
        fields = fields.only(command=[commands[row["command"]]])
    return fields[mask(fields["field"] == name) & mask(fields["number"].notna())] if len(fields) else fields


@cache
def _zdp_answers() -> tuple[str, ...]:
    return tuple(name for name in ZDP_COMMANDS if name.endswith("_rsp"))


def refusing(row: dict[str, str], numbers: Any) -> Any:
    """Which numbers of a field refuse."""
    if row["refused"] == "*":
        return np.ones(len(numbers), bool)
    low, _, high = row["refused"].partition("-")
    if low:
        return (numbers >= int(low)) & (numbers <= int(high or low))
    return np.array([_refuses(row["of"], int(number)) for number in numbers], bool)


@cache
def _refuses(of: str, number: int) -> bool:
    known = code_of(of, number) if of else None
    return number != 0 if known is None else known.what == "refused" or (of == "tunnel" and number != 0)


def judged(view: View, row: dict[str, str]) -> Iterator[Evidence]:
    """One verdict for each pair of devices and kind of answer: of whom refuses."""
    found = answers(view, row)
    if not len(found):
        return
    rows = pd.DataFrame({name: found[name] for name in COLUMNS})
    wrong = refusing(row, rows["number"].to_numpy(dtype=float))
    rows = rows.assign(wrong=wrong)
    for (refuser, asker, name), part in rows.groupby(
        ["source", "destination", "command_name"], sort=False, dropna=False, observed=True
    ):
        bad = part[part["wrong"]]
        subject, called = Subject.device(refuser), str(said(name, row["command"] or "of an unnamed command"))
        if bad.empty:
            yield kept(subject, f"{plural(len(part), 'answer')} {called} in order")
            continue
        times = int(row["times"])
        harmless = row["layer"] == "zdp" and bad["meaning"].astype(str).isin(HARMLESS).all()
        grave = times and len(bad) >= times and 2 * len(bad) > len(part) and not harmless
        grave = grave or (bool(row["definite"]) and _in_the_end(row["of"], part) >= int(row["definite"]))
        text = _sentence(view, row, asker, called, bad)
        yield broken(subject, text, bad["frame"], "warning" if grave else "info")


def _in_the_end(of: str, part: Frame) -> int:
    """How many answers behind the last one that grants refuse, and do not say "later"."""
    granted = np.flatnonzero(~part["wrong"].to_numpy(dtype=bool))
    numbers = part["number"].iloc[int(granted[-1]) + 1 if len(granted) else 0 :]
    known = [code_of(of, int(number)) for number in numbers]
    return sum(code is None or code.what == "refused" for code in known)


COLUMNS = ("frame", "seconds", "source", "destination", "command_name", "number", "meaning")


def _sentence(view: View, row: dict[str, str], asker: Any, name: str, bad: Frame) -> str:
    numbers = list(dict.fromkeys(int(one) for one in bad["number"]))
    words, todo = [], []
    for number in numbers[:3]:
        known = code_of(row["of"], number) if row["of"] else None
        meaning = (
            known.meaning if known else said(bad["meaning"][mask(bad["number"] == number)].iloc[0], "refused")
        )
        words.append(f"{meaning} ({number:#04x})")
        todo += [known.do] if known else []
    what = row["asked"] or name.removesuffix("_rsp")
    text = f"refused {what} of {view.label(asker)} {plural(len(bad), 'time')}: {', '.join(words)}"
    if row["consequence"]:
        text += f"; {row['consequence']}"
    return f"{text}; to do: {'; '.join(dict.fromkeys(todo))}" if todo else text


def _register(one: dict[str, str]) -> None:
    mine = [row for row in rows_of("fields") if row["rule"] == one["rule"]]

    def refused(view: View) -> Iterator[Evidence]:
        """The verdicts of all kinds of answers of one rule."""
        for row in mine:
            yield from judged(view, row)

    rule(
        one["rule"], one["title"], finds=one["finds"], matters=one["matters"], advice=one["advice"],
        example=one["example"], source=one["source"], requires=one["requires"], family="compliance", area="refusals",
        severity="warning", confidence="derived", cause=one["cause"], smart_energy=one["smart_energy"] == "yes",
        needs=("commands",), covers=tuple(one["covers"].split()), broken_by=one["broken_by"], kept_by=one["kept_by"],
    )(refused)  # fmt: skip


for _one in rows_of("rules"):
    _register(_one)
