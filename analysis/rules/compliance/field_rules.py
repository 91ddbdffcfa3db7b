"""Rules that are one sentence long: this field holds one of these values (field_rules.csv)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.features import names
from analysis.features.judging import mask, matching, plural
from analysis.features.messages import parts_by_message
from analysis.features.readings import undated
from analysis.features.selection import Selection
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.gbcs_messages import INDEX, message_items, subject_of
from analysis.rules.named_rows import Command, Item
from analysis.rules.registry import rule
from analysis.rules.rows import Rows
from dissectors.layout import rows_in, table

ZIGBEE_EPOCH = 946_684_800  # 2000-01-01 in seconds since 1970


def _rows() -> tuple[dict[str, str], ...]:
    return rows_in("analysis.rules.compliance", "field_rules")


def _message_fields(view: View, row: dict[str, str]) -> Frame:
    column = "result" if row["test"] == "result" else "value"
    return message_items(view, row["use_case"], row["cra"], row["object"], column)


def _command_fields(view: View, row: dict[str, str]) -> Frame:
    fields = view.command_rows("zcl").only(cluster=int(row["cluster"], 16))
    fields = fields.only(command=[int(c, 16) for c in row["command"].split("|")])
    if row["direction"]:
        fields = fields.only(direction=row["direction"])
    if fields.empty:
        return fields
    # A pattern may name one of several places: ``flags[2]``
    fits = matching(fields["field"], row["object"], without=INDEX)
    return fields[fits & mask(fields["value"].notna())]


def _number(text: str) -> float:
    return float(int(text, 16)) if text.lower().startswith("0x") else float(text)


def _numbers(fields: Frame) -> Frame:
    known = fields["number"].to_numpy(dtype=float)
    text = pd.to_numeric(
        fields["value"].map({"true": "1", "false": "0"}).fillna(fields["value"]), errors="coerce"
    )
    return np.where(np.isnan(known), text.to_numpy(dtype=float), known)


def _wrong(fields: Frame, test: str, operand: str, start_ns: int) -> Frame:
    values = _numbers(fields)
    if test == "in":
        return ~np.isin(values, [_number(v) for v in operand.split("|")]) & ~np.isnan(values)
    if test == "max":
        return values > _number(operand)
    if test == "min":
        return values < _number(operand)
    if test == "text":
        return ~mask(fields["value"].astype(str).str.fullmatch(operand))
    if test in {"zero-bits", "only-bits"}:
        bits = np.nan_to_num(values).astype(np.int64)
        allowed = int(operand, 16)
        return (bits & allowed if test == "zero-bits" else bits & ~allowed) != 0
    if test == "result":
        return ~mask(fields["result"].astype(str).str.fullmatch(operand))
    if test == "count":
        return fields.groupby(_part_of(fields), sort=False).cumcount().to_numpy() >= _number(operand)
    if test == "utc-now":
        now = fields["seconds"].to_numpy(dtype=float) + start_ns / 1e9 - ZIGBEE_EPOCH
        return np.abs(values - now) > _number(operand)
    values = fields["value"].replace({"no end": "never, or cancelled"})  # two names of 0xFFFFFFFF
    first = values.groupby(_part_of(fields)).transform("first")
    return ~mask(values == first)


def _part_of(fields: Frame) -> Frame:
    return fields["message" if "message" in fields else "frame"]


def _judge_messages(view: View, fields: Frame, wrong: Frame, test: str) -> Iterator[Evidence]:
    shown_as = "result" if test == "result" else "value"
    for part in parts_by_message(fields, wrong):
        subject = subject_of(part.message, part.use_case)
        if not len(part.bad):
            yield kept(subject, f"{plural(part.size, 'field')} as required")
            continue
        bad = fields.iloc[part.bad[:4]]
        shown = ", ".join(f"{o} = {v}" for o, v in zip(bad["object"], bad[shown_as], strict=True))
        yield broken(subject, shown, part.frames)


def _judge_commands(view: View, fields: Frame, wrong: Frame, test: str) -> Iterator[Evidence]:
    for source, part in fields.groupby("source", dropna=False, sort=False):
        bad = part[wrong[fields.index.get_indexer(part.index)]]
        if bad.empty:
            yield kept(Subject.device(source), f"{plural(len(part), 'field')} as required")
        else:
            yield broken(
                Subject.device(source), f"{_in_words(view, bad)} ({plural(len(bad), 'time')})", bad["frame"]
            )


def _in_words(view: View, bad: Frame) -> str:
    """The command, whom it went to, and the first wrong fields with what their values stand for."""
    first = bad.iloc[0]
    shown = []
    for field, value, meaning in zip(bad["field"][:4], bad["value"][:4], bad["meaning"][:4], strict=True):
        words = f" ({meaning})" if isinstance(meaning, str) and meaning and meaning != value else ""
        shown.append(f"{field} = {value}{words}")
    name = first["command_name"]
    command = name if isinstance(name, str) and name else f"command 0x{int(first['command']):02x}"
    to = "" if pd.isna(first["destination"]) else f" to {view.label(first['destination'])}"
    return f"{command}{to}: {', '.join(dict.fromkeys(shown))}"


def _function(row: dict[str, str]) -> Callable[..., Iterator[Evidence]]:
    def judge_field(view: View, *, operand: str = row["operand"]) -> Iterator[Evidence]:
        messages = row["table"] == "items"
        fields = (_message_fields if messages else _command_fields)(view, row)
        if fields.empty:
            return
        fields = (fields.frame if isinstance(fields, Selection) else fields).reset_index(drop=True)
        wrong = mask(_wrong(fields, row["test"], str(operand), view.start_ns))
        if row["test"] == "utc-now":
            known = mask(fields["seconds"].notna()) & ~np.isnan(_numbers(fields)) & (not undated(view))
            fields, wrong = fields[known].reset_index(drop=True), wrong[known]
        yield from (_judge_messages if messages else _judge_commands)(view, fields, wrong, row["test"])

    judge_field.__doc__ = row["explanation"]
    return judge_field


def _unseen(row: dict[str, str]) -> str:
    if row["table"] == "items":
        said = row["cra"] or "message"
        return f"a {said} of use case {row['use_case'].replace('|', ' or ')} with a readable payload"
    called = [_command_name(row, code) for code in row["command"].split("|")]
    return f"a readable {' or '.join(called)} command (cluster {row['cluster']})"


def _command_name(row: dict[str, str], code: str) -> str:
    """The command as the ZCL's tables call it."""
    for one in table("zcl", "commands"):
        same = one["cluster"] == row["cluster"] and one["command"].lower() == code.lower()
        if same and row["direction"] in ("", one["direction"]):
            return one["name"]
    return code


def _awaited(row: dict[str, str]) -> Rows:
    """The rows that hold the field. What they name is looked up: a rule about a field that no dissector gives would never
    fire."""
    if row["table"] == "items":
        return Item(
            row["use_case"], row["cra"], row["object"], "result" if row["test"] == "result" else "value"
        )
    cluster, codes = int(row["cluster"], 16), [int(code, 16) for code in row["command"].split("|")]
    names.command_field(cluster, row["direction"] or None, codes, row["object"])
    return Command(cluster, row["direction"] or None, codes)


def _register() -> None:
    decorate: dict[str, Any]
    for row in _rows():
        decorate = {key: row[key] for key in ("severity", "confidence", "source", "advice")}
        cause = (
            "message format" if row["table"] == "items" else "tunnel" if row["cluster"] == "0x0704" else ""
        )
        rule(
            row["id"], row["title"], unseen=_unseen(row), needs=(_awaited(row),), merges=row["merges"].split(),
            cause=cause, smart_energy=row["table"] == "commands", family="compliance", area=row["area"].replace("_", " "),
            **decorate,
        )(_function(row))  # fmt: skip


_register()
