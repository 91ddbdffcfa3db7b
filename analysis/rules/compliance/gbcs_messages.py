"""What the rules about GBCS messages share: the message table joined with the table of use cases."""

from __future__ import annotations

from functools import cache

from analysis.features import names
from analysis.features.identifiers import CLUSTERS
from analysis.features.judging import mask, matching
from analysis.features.messages import judge_items, judge_messages, name_of, subject_of
from analysis.features.view import Frame, View
from analysis.findings.subject import Subject
from analysis.rules.expression import Condition, c
from analysis.rules.rows import all_messages, messages
from analysis.tables.addresses import address_number
from dissectors.layout import table

__all__ = [
    "ALERTS", "BLOCKS_TOO", "COMMANDS", "DEVICES", "ENDS", "INDEX", "OF_ITEM", "OF_SUBJECT", "RESPONSES",
    "carried_out", "gbcs", "hub_is_heard", "in_tunnels", "judge_items", "judge_messages",
    "message_items", "name_of", "numbers_of", "party", "station_of",
    "subject_of", "use_cases", "uses",
]  # fmt: skip

OF_SUBJECT = (c.message, c.frames, c.name, c.use_case, c.cra)
"""Columns by which `judge_messages` calls a message."""
COMMANDS, RESPONSES, ALERTS = (messages.where(c.cra == kind) for kind in ("command", "response", "alert"))
"""GBCS messages of one kind."""
BLOCKS_TOO = all_messages.where(c.kind == "gbcs", c.message_code.known)
"""GBCS messages, and the blocks that some of them came in."""
ENDS = (c.originator, c.recipient, c.originator_counter)
"""Columns by which command and answer find each other."""
OF_ITEM = (c.message, c.frames, c.use_case, c.object, c.obis)
"""Columns by which `judge_items` calls an item and its message."""
INDEX = r"\[\d+\]"  # of a repeated object, as in ``cells[2].subject``
DEVICES = ("ESME", "GSME", "CHF", "GPF", "PPMID", "IHD", "CAD", "HCALCS")


@cache
def use_cases() -> dict[int, dict[str, str]]:
    """The table of use cases by message code (dissectors/gbcs/tables/usecases.csv)."""
    try:
        return {int(row["message_code"], 16): row for row in table("gbcs", "usecases")}
    except FileNotFoundError:
        return {}


def gbcs(view: View, cra: str | None = None, *, blocks: bool = False) -> Frame:
    """GBCS messages in order; of one kind (command, response, alert) when `cra` is given.

    A message that came in blocks is a row of its own; its blocks, which share its counter, are rows only
    when `blocks` asks for them."""
    return view.once(_gbcs, cra, blocks).copy(deep=False)


def _gbcs(view: View, cra: str | None, blocks: bool) -> Frame:
    if cra is not None:
        rows = view.once(_gbcs, None, blocks)
        return rows[mask(rows["cra"] == cra)]
    if not blocks:
        rows = view.once(_gbcs, None, True)
        return rows[~mask(rows["payload_kind"] == "gbt")]
    messages = view.tables["messages"]
    return messages[mask(messages["kind"] == "gbcs") & mask(messages["message_code"].notna())]


TUNNELING = CLUSTERS["Tunneling"]


def in_tunnels(view: View, rows: Frame) -> Frame:
    """Those of `rows` of the messages table that came through tunnels of the HAN: others came in by a network port or a
    serial line that was recorded too."""
    carriers = set(view.good.only(aps_cluster=TUNNELING)["frame"].tolist())
    return rows[mask([any(frame in carriers for frame in frames) for frames in rows["frames"]])]


HUBS_OWN = ("CCS", "DBCH", "CS14")  # use cases of the hub itself


def hub_is_heard(view: View) -> bool:
    """Whether the capture holds messages of the hub itself. They go to and from it over the wide area network and never
    cross the home's: where there are none, that one of them is missing says nothing."""
    codes = [code for code, row in use_cases().items() if row["use_case"].startswith(HUBS_OWN)]
    return bool(mask(gbcs(view)["message_code"].isin(codes)).any())


def carried_out(view: View) -> set[int]:
    """The numbers of the commands that were answered with success."""
    answers = gbcs(view, "response")
    return set(answers.loc[mask(answers["outcome"] == "success"), "answers"].dropna().astype(int))


def station_of(identifier: object) -> int | None:
    """The station of an originator or recipient given as 16 hex digits; None for anything else."""
    return address_number(str(identifier))


def party(identifier: object) -> Subject:
    """An originator or recipient given as 16 hex digits."""
    station = station_of(identifier)
    unnamed = station is None and not names.missing(identifier)
    return Subject.of(str(identifier)) if unnamed else Subject.device(station)


def numbers_of(rows: Frame) -> str:
    """The numbers of the first five messages, as a person lists them."""
    return ", ".join(str(int(m)) for m in rows["message"][:5])


def message_items(view: View, use_case: str, cra: str, pattern: str, column: str = "value") -> Frame:
    """Items of messages whose use case fits `use_case` (regular expression), of one kind where `cra` names it,
    whose object without its indices fits `pattern`, and which have a `column`; with the message's columns."""
    names.message_object(use_case, cra, pattern)
    items = view.once(_items)
    wanted = matching(items["use_case"], use_case)
    if cra and wanted.any():
        wanted &= mask(items["cra"] == cra)
    if wanted.any():  # most use cases are in no capture
        wanted &= matching(items["plain"], pattern) & mask(items[column].notna())
    return items[wanted].reset_index(drop=True) if wanted.any() else view.once(_no_items).copy(deep=False)


OF_MESSAGE = ["message", "frames", "originator", "recipient", "seconds", "use_case", "cra", "answers"]


def _items(view: View) -> Frame:
    """Items with columns of their messages, and `plain`: their objects without indices."""
    items = view.tables["items"].merge(view.tables["messages"][OF_MESSAGE], on="message")
    plain = items["object"].astype(str).str.replace(INDEX, "", regex=True)
    return items.assign(plain=plain.astype("category"))


def _no_items(view: View) -> Frame:
    return view.once(_items).iloc[:0]


def uses(subject: str) -> Condition:
    """Messages that use what GBCS takes away: a regular expression over the subjects of
    dissectors/gbcs/tables/disapplied.csv."""
    return c.departures.search(rf"(?:^|; ){subject}(?:$|; )")
