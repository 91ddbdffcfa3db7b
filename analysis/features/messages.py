"""Evidence about GBCS messages: how a message is called, and one verdict for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analysis.features import names
from analysis.features.judging import mask, plural
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.tables.lazy import Known
from dissectors.zigbee import FRAGMENT

__all__ = ["MESSAGES", "fragments", "judge_items", "judge_messages", "name_of", "subject_of"]

MESSAGES = ("GBCS", "DLMS")
"""Protocols of frames that carry a message."""
NOTHING: Mapping[str, Any] = {}


def fragments(rows: Frame) -> Known:
    """Which rows of packets are fragments of an APS payload that do not make it whole. What carries a piece of a message
    is called by the message: of such frames only those that complete their payload have a ZCL header."""
    carried = mask(rows["protocol"].isin(MESSAGES)) & mask(rows["aps_type"] == "data")
    return mask(rows["summary"] == FRAGMENT) | (carried & ~mask(rows["zcl_command"].notna()))


def name_of(row: Any) -> Subject:
    """A row of the messages table as a subject: number, use case and kind."""
    use_case, cra = (getattr(row, name, None) for name in ("use_case", "cra"))
    return subject_of(row.message, getattr(row, "name", None) if names.missing(use_case) else use_case, cra)


def subject_of(number: Any, *words: object) -> Subject:
    """A message by its number, and what is known of its name: use case, kind."""
    known = [word for word in words if not names.missing(word)]
    return Subject.of_message(number, *(known or ["unnamed message"]))


class Unknown:
    """A value that a row does not have: "unknown", whatever the marks of its format."""

    def __format__(self, form: str) -> str:
        return "unknown"


def _said_of(row: Frame) -> dict[str, Any]:
    """What a sentence takes of a row: an object without a name by its OBIS code, other values as "unknown"."""
    said = {name: Unknown() if names.missing(value) else value for name, value in row._asdict().items()}
    if "object" in said and names.missing(row.object):
        code = said.get("obis")
        said["object"] = f"object {code}" if isinstance(code, str) else "an unnamed object"
    return said


def judge_messages(
    view: View,
    rows: Frame,
    bad: object,
    text: str,
    good: str = "as required",
    more: Mapping[str, Any] = NOTHING,
) -> Iterator[Evidence]:
    """One piece of evidence per message that is `bad`, one for each use case that is good.

    `text` names columns of the rows, and what is in `more`."""
    wrong = mask(bad)
    for row in rows[wrong].itertuples():
        yield broken(name_of(row), text.format(**more, **_said_of(row)), row.frames)
    for (use_case, cra), part in rows[~wrong].groupby(
        ["use_case", "cra"], observed=True, sort=False, dropna=False
    ):
        many = f"{len(part):,} messages" if len(part) > 1 else "1 message"
        words = " ".join(str(word) for word in (use_case, cra) if not names.missing(word))
        yield kept(Subject.messages(words or "messages without a name"), f"{many} {good}")


def judge_items(rows: Frame, bad: object, text: str, more: Mapping[str, Any] = NOTHING) -> Iterator[Evidence]:
    """One piece of evidence per message of `rows` (items with their message's columns): its first four bad items, or
    how many are good."""
    wrong = mask(bad)
    for number, part in rows.groupby("message", sort=False):
        here = part[wrong[rows.index.get_indexer(part.index)]]
        first = part.iloc[0]
        subject = subject_of(number, first["use_case"])
        if here.empty:
            yield kept(subject, f"{plural(len(part), 'item')} as required")
            continue
        says = dict.fromkeys(text.format(**more, **_said_of(row)) for row in here.itertuples())
        yield broken(subject, "; ".join(list(says)[:4]), [] if first["frames"] is None else first["frames"])
