"""Evidence about GBCS messages: how a message is called, and one verdict for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.features import names
from analysis.features.judging import mask, plural
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.tables.lazy import Known, Places
from dissectors.zigbee import FRAGMENT

__all__ = [
    "MESSAGES",
    "fragments",
    "judge_items",
    "judge_messages",
    "name_of",
    "parts_by_message",
    "roles_of",
    "subject_of",
]

MESSAGES = ("GBCS", "DLMS")
"""Protocols of frames that carry a message."""
NETWORK_ROLES = ("coordinator", "router", "end device")
NOTHING: Mapping[str, Any] = {}
NONE: Places = np.zeros(0, np.intp)


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


def roles_of(view: View, identifiers: Frame) -> Frame:
    """Roles in GBCS of originators or recipients given as 16 hex digits; null where unknown."""
    # What a radio is to the network says nothing of its role in GBCS.
    known = {f"{eui:016x}": role for eui, role in view.roles.items() if role not in NETWORK_ROLES}
    return identifiers.astype(str).str.lower().map(known)


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
    if wrong.any():
        for row in rows[wrong].itertuples():
            yield broken(name_of(row), text.format(**more, **_said_of(row)), row.frames)
    for words, count in _kinds(rows, ~wrong):
        subject = Subject.messages(words or "messages without a name")
        yield kept(subject, f"{plural(count, 'message')} {good}")


def _kinds(rows: Frame, which: Known) -> Iterator[tuple[str, int]]:
    """Use case and kind of some of the rows, in the order of their first ones, and how many they are."""
    if not which.any():
        return
    parts = [pd.factorize(rows[name]) for name in ("use_case", "cra")]  # -1: none
    (of, use_cases), (kind, cras) = parts
    code = (of * (len(cras) + 1) + kind)[which]
    _, first, counts = np.unique(code, return_index=True, return_counts=True)
    places = np.flatnonzero(which)
    for n in np.argsort(first, kind="stable").tolist():
        place = places[first[n]]
        known = [(use_cases, of[place]), (cras, kind[place])]
        yield " ".join(str(words[at]) for words, at in known if at >= 0), int(counts[n])


def judge_items(rows: Frame, bad: object, text: str, more: Mapping[str, Any] = NOTHING) -> Iterator[Evidence]:
    """One piece of evidence per message of `rows` (items with their message's columns): its first four bad items, or
    how many are good."""
    for part in parts_by_message(rows, mask(bad)):
        subject = subject_of(part.message, part.use_case)
        if not len(part.bad):
            yield kept(subject, f"{plural(part.size, 'item')} as required")
            continue
        says = dict.fromkeys(text.format(**more, **_said_of(row)) for row in rows.iloc[part.bad].itertuples())
        yield broken(subject, "; ".join(list(says)[:4]), part.frames)


class Part(NamedTuple):
    """The items of one message: how many, and the places of those that are bad."""

    message: int
    use_case: Any
    frames: Any
    size: int
    bad: Places


def parts_by_message(rows: Frame, wrong: Known) -> Iterator[Part]:
    """The items (with their message's columns) of each message, in the order of their first ones."""
    codes, numbers = pd.factorize(rows["message"])
    counts = np.bincount(codes, minlength=len(numbers))
    hits = np.bincount(codes[wrong], minlength=len(numbers))
    _, first = np.unique(codes, return_index=True)
    use_cases, frames = rows["use_case"].iloc[first].tolist(), rows["frames"].iloc[first].tolist()
    for n, number in enumerate(numbers.tolist()):
        bad = np.flatnonzero((codes == n) & wrong) if hits[n] else NONE
        yield Part(number, use_cases[n], frames[n] or [], int(counts[n]), bad)
